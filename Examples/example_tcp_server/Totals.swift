// SPDX-License-Identifier: MIT

#if Examples
    internal import AtomicSupport
    internal import ExampleSupport

    /// What all connections did together.
    final class Totals: Sendable {
        // Every access is relaxed: the numbers are sums, and nothing else is read by them.
        private let connections = Atomic<Int>(0)
        private let open = Atomic<Int>(0)
        private let broken = Atomic<Int>(0)
        private let bytesIn = Atomic<UInt64>(0)
        private let bytesOut = Atomic<UInt64>(0)
        private let lines = Atomic<UInt64>(0)

        /// How many connections are open.
        var openCount: Int { open.load(ordering: .relaxed) }

        func opened() {
            connections.add(1, ordering: .relaxed)
            open.add(1, ordering: .relaxed)
        }

        func closed(isBroken: Bool) {
            open.subtract(1, ordering: .relaxed)
            if isBroken { broken.add(1, ordering: .relaxed) }
        }

        func received(byteCount: Int, lineCount: Int) {
            bytesIn.add(UInt64(byteCount), ordering: .relaxed)
            lines.add(UInt64(lineCount), ordering: .relaxed)
        }

        func sent(byteCount: Int) {
            bytesOut.add(UInt64(byteCount), ordering: .relaxed)
        }

        /// "2 open, 3 connections, 12,345 bytes in, 0 bytes out, 12 lines"
        var status: String { "\(NumberText.grouped(openCount)) open, \(sums)" }

        /// "3 connections (1 broken), 12,345 bytes in, 0 bytes out, 12 lines"
        var summary: String { sums }

        private var sums: String {
            let count = NumberText.count(
                connections.load(ordering: .relaxed), "connection", "connections")
            let lost = broken.load(ordering: .relaxed)
            let bad = lost > 0 ? " (\(NumberText.grouped(lost)) broken)" : ""
            let read = NumberText.count(bytesIn.load(ordering: .relaxed), "byte", "bytes")
            let wrote = NumberText.count(bytesOut.load(ordering: .relaxed), "byte", "bytes")
            let lineText = NumberText.count(lines.load(ordering: .relaxed), "line", "lines")
            return "\(count)\(bad), \(read) in, \(wrote) out, \(lineText)"
        }
    }
#endif
