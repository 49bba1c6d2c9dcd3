// SPDX-License-Identifier: MIT

internal import CBenchSupport
internal import Glibc

/// A program that the harness started, with pipes to its input and from its output. It is killed,
/// by its id, when this object goes away or the harness ends.
package final class ChildProcess {
    package let name: String
    package let id: Int32
    private let input: Int32
    private let output: Int32
    private var unread: [UInt8] = []
    private var exitStatus: Int32?

    /// Starts a program; `cpu` nil lets it run anywhere.
    package init(
        _ program: String, _ arguments: [String], cpu: Int?, environment: [String: String] = [:],
        name: String? = nil
    ) throws(BenchError) {
        self.name = name ?? program.split(separator: "/").last.map(String.init) ?? program
        let words = [program] + arguments
        let variables = environment.map { "\($0.key)=\($0.value)" }
        guard (words + variables).allSatisfy({ !$0.contains("\n") }) else {
            throw BenchError("an argument of \(self.name) holds a line break")
        }
        var ends = (input: Int32(-1), output: Int32(-1))
        // SAFETY: the callee copies the texts and fills in both descriptors.
        let result = unsafe bench_spawn(
            words.joined(separator: "\n"), variables.joined(separator: "\n"), Int32(cpu ?? -1),
            &ends.input, &ends.output)
        guard result > 0 else {
            throw BenchError("cannot start \(self.name): errno \(0 - result)")
        }
        id = result
        input = ends.input
        output = ends.output
    }

    deinit {
        bench_close(input)
        if exitStatus == nil {
            _ = bench_signal(id, SIGKILL)
            _ = bench_wait(id, 10_000)
        }
        bench_close(output)
    }

    /// The next line of its output, nil at the end.
    package func readLine(withinSeconds seconds: Double) throws(BenchError) -> String? {
        let deadline = Clock.now + UInt64(seconds * 1e9)
        while true {  // Ends with a line, the end, or the deadline.
            if let end = unread.firstIndex(of: 10) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread.removeSubrange(...end)
                return line
            }
            let now = Clock.now
            let rest = deadline > now ? Int32((deadline - now) / 1_000_000) + 1 : 0
            var chunk = [UInt8](repeating: 0, count: 4096)
            // SAFETY: the callee writes at most as many bytes as there are.
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe bench_read(output, $0.baseAddress, $0.count, rest)
            }
            if count == 0 { return nil }
            guard count > 0 else {
                throw BenchError(
                    "\(name) said nothing for \(Int(seconds)) seconds", isTimeout: true)
            }
            unread += chunk[..<Int(count)]
        }
    }

    /// Sends it a line.
    package func writeLine(_ line: String) throws(BenchError) {
        let bytes = Array("\(line)\n".utf8)
        // SAFETY: the callee reads the bytes.
        let count = unsafe bytes.withUnsafeBytes {
            unsafe bench_write(input, $0.baseAddress, $0.count)
        }
        guard count == bytes.count else { throw BenchError("\(name) does not listen any more") }
    }

    /// Asks it to end (SIGTERM).
    package func terminate() {
        if exitStatus == nil { _ = bench_signal(id, SIGTERM) }
    }

    /// Waits until it has ended: its status, or 256 plus the signal.
    @discardableResult
    package func wait(withinSeconds seconds: Double) throws(BenchError) -> Int32 {
        if let exitStatus { return exitStatus }
        let result = bench_wait(id, Int32(seconds * 1000))
        guard result >= 0 else {
            throw BenchError("\(name) did not end within \(Int(seconds)) seconds")
        }
        exitStatus = result
        return result
    }
}
