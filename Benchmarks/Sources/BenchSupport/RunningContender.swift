// SPDX-License-Identifier: MIT

/// A contender that listens. It is killed when this object goes away.
package final class RunningContender {
    package let contender: Contender
    package let process: ChildProcess
    package let port: UInt16
    /// What it said about itself at its end, besides its totals.
    package private(set) var statistics: KeyValues?

    /// How a contender is started.
    package struct Surroundings: Sendable {
        /// The CPU that it is pinned to.
        package var cpu: Int?
        /// A program and its arguments that the contender's are given to (valgrind).
        package var wrapper: [String] = []
        package var environment: [String: String] = [:]
        /// How long it may take to listen.
        package var patienceSeconds: Double = 10
        /// How often it is started again if it does not say that it listens. Valgrind 3.19 keeps
        /// its lock in io_uring_enter(2): a loop that waits there before its starter has gone on
        /// stands still.
        package var attemptsMax = 1

        package init(cpu: Int?) {
            self.cpu = cpu
        }
    }

    /// Starts it, waits until it says where it listens, and checks that the port is its own.
    package init(_ contender: Contender, _ surroundings: Surroundings) throws(BenchError) {
        self.contender = contender
        let words = surroundings.wrapper + [try contender.path()] + contender.arguments
        var attempts = 1
        while true {  // Ends: with the last attempt at the latest.
            do throws(BenchError) {
                (process, port) = try Self.start(words, contender.name, surroundings)
                break
            } catch {
                if attempts >= surroundings.attemptsMax { throw error }
                attempts += 1
            }
        }
        try PortOwnership.check(port: port, process: process.id)
    }

    private static func start(
        _ words: [String], _ name: String, _ surroundings: Surroundings
    ) throws(BenchError) -> (ChildProcess, UInt16) {
        let process = try ChildProcess(
            words[0], Array(words.dropFirst()), cpu: surroundings.cpu,
            environment: surroundings.environment, name: name)
        let prefix = "listening on 127.0.0.1:"
        guard let line = try process.readLine(withinSeconds: surroundings.patienceSeconds),
            line.hasPrefix(prefix), let port = UInt16(line.dropFirst(prefix.count))
        else {
            throw BenchError("\(name) did not say where it listens")
        }
        return (process, port)
    }

    /// What it has used of the processors so far, with the processes that it has started.
    package func cpu() throws(BenchError) -> ProcessCPU { try ProcessCPU.ofTree(process.id) }

    /// Ends it and returns what it says that it did.
    package func stop() throws(BenchError) -> KeyValues {
        process.terminate()
        var totals: KeyValues?
        while let line = try process.readLine(withinSeconds: 20) {
            totals = KeyValues(line, word: "total") ?? totals
            statistics = KeyValues(line, word: "statistics") ?? statistics
        }
        let status = try process.wait(withinSeconds: 10)
        guard status == 0 else {
            throw BenchError("\(contender.name) ended with status \(status)")
        }
        guard let totals else { throw BenchError("\(contender.name) printed no totals") }
        return totals
    }
}
