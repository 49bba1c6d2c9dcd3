// SPDX-License-Identifier: MIT

/// A sender at work: it sends to a sink of its own until it is done, and both sides must agree on
/// every byte.
package struct SinkTrial {
    /// What the sender said, after the sink was found to agree.
    package struct Outcome: Sendable {
        package let result: KeyValues
        package let nanoseconds: UInt64
        /// The sender's CPU time in both modes, to the nanosecond.
        package let cpuNanoseconds: UInt64
        /// The part in user mode: the kernel samples how the sum divides.
        package let userNanoseconds: UInt64

        /// The figures that go with any value into the report.
        package var metrics: [String: Double] {
            let user = Double(userNanoseconds)
            let system = Double(result["system_ns"] ?? 0)
            var metrics = ["cpu_share": Double(cpuNanoseconds) / Double(max(1, nanoseconds))]
            // Below, the samples are too few.
            if user + system >= 5e8 { metrics["user_share"] = user / (user + system) }
            return metrics
        }
    }

    /// A program that takes `--port` and prints `result bytes=… checksum=… nanoseconds=… cpu_ns=…
    /// user_ns=… system_ns=…`.
    package let sender: Contender
    package let processors: Processors
    /// The bytes that must arrive.
    package let byteCount: UInt64
    package var environment: [String: String] = [:]
    /// Whether the sender takes `--controlled`: then it says `ready`, waits for a line, and waits
    /// for another after its result.
    package var isControlled = false
    package var patienceSeconds: Double = 120

    package init(_ sender: Contender, byteCount: UInt64, on processors: Processors) {
        self.sender = sender
        self.byteCount = byteCount
        self.processors = processors
    }

    /// Runs it; `atEdge` is called before and after what a controlled sender measures.
    package func run(atEdge: () throws -> Void = {}) throws -> Outcome {
        let sink = try RunningContender(
            Contender("the sink of \(sender.name)", "sink_c", isPeer: true),
            RunningContender.Surroundings(cpu: processors.load))
        let words = sender.arguments + (isControlled ? ["--controlled"] : [])
        let process = try ChildProcess(
            try sender.path(), ["--port", "\(sink.port)"] + words, cpu: processors.contender,
            environment: environment, name: sender.name)
        if isControlled {
            guard try process.readLine(withinSeconds: patienceSeconds) == "ready" else {
                throw try failure(of: process)
            }
            try atEdge()
            try process.writeLine("go")
        }
        guard let line = try process.readLine(withinSeconds: patienceSeconds),
            let result = KeyValues(line, word: "result")
        else { throw try failure(of: process) }
        if isControlled {
            try atEdge()
            try process.writeLine("close")
        }
        guard try process.wait(withinSeconds: 60) == 0 else { throw try failure(of: process) }
        try check(result, against: try sink.stop())
        return Outcome(
            result: result, nanoseconds: try result.number("nanoseconds"),
            cpuNanoseconds: try result.number("cpu_ns"),
            userNanoseconds: try result.number("user_ns"))
    }

    private func check(_ result: KeyValues, against totals: KeyValues) throws(BenchError) {
        for name in ["bytes", "checksum"] {
            let sent = try result.number(name)
            let received = try totals.number(name)
            guard sent == received else {
                throw BenchError("\(sender.name): \(name) sent \(sent), received \(received)")
            }
        }
        let bytes = try result.number("bytes")
        guard bytes == byteCount else {
            throw BenchError("\(sender.name): \(byteCount) bytes were due, \(bytes) were sent")
        }
    }

    private func failure(of process: ChildProcess) throws(BenchError) -> BenchError {
        let status = try process.wait(withinSeconds: 15)
        return BenchError("\(sender.name) failed with status \(status): see the line above")
    }
}
