// SPDX-License-Identifier: MIT

#if Examples
    internal import AtomicSupport
    internal import ExampleSupport

    /// What has come so far, of all transfers. The loop's only.
    final class Progress: @unchecked Sendable {
        private let transferCount: Int
        private let begin = MonotonicInstant.now
        private var line = StatusLine()
        private var endCount = 0
        private var byteCount: UInt64 = 0
        /// What the answers that have begun will have in all; nil if one does not say.
        private var expectedByteCount: UInt64? = 0

        init(transferCount: Int) {
            self.transferCount = transferCount
        }

        var isVisible: Bool { line.isVisible }

        func began(_ count: UInt64?) {
            if let count, let expected = expectedByteCount {
                expectedByteCount = expected &+ count
            } else {
                expectedByteCount = nil
            }
        }

        func received(_ count: Int) { byteCount += UInt64(count) }

        func ended() { endCount += 1 }

        func show() { line.show(text(at: .now)) }

        func clear() { line.clear() }

        /// "2 of 3, 1.5 MiB of 3.0 MiB, 50 %, 1.0 MiB/s"
        func text(at now: MonotonicInstant) -> String {
            var text = "\(endCount) of \(transferCount), \(NumberText.byteCount(byteCount))"
            if let expectedByteCount, expectedByteCount >= byteCount, expectedByteCount > 0 {
                let percent = UInt64(
                    Double(byteCount) * 100 / Double(expectedByteCount))
                text += " of \(NumberText.byteCount(expectedByteCount)), \(percent) %"
            }
            let milliseconds = now.nanoseconds(since: begin) / 1_000_000
            if milliseconds > 0 {
                let rate = Double(byteCount) * 1000 / Double(milliseconds)
                text += ", \(NumberText.byteCount(UInt64(rate)))/s"
            }
            return text
        }
    }
#endif
