// SPDX-License-Identifier: MIT

/// A server with clients that behave, beside others that do not: what the former wait, and what the
/// server holds before, meanwhile and after.
package struct SoakTrial {
    /// How the others misbehave: what `http_rude_c` is told.
    package struct Rudeness: Sendable {
        package let manner: String
        /// How many at once; for "cycle", one after the other.
        package let count: Int
        /// How often each does something.
        package var periodMilliseconds = 100
        /// The most that the server may hold for each, in RAM.
        package var byteCountMax = 8192

        package init(_ manner: String, count: Int) {
            self.manner = manner
            self.count = count
        }

        var isCycling: Bool { manner == "cycle" }

        func arguments(port: UInt16, count: Int) -> [String] {
            [
                "--port", "\(port)", "--manner", manner, "--period", "\(periodMilliseconds)",
                isCycling ? "--cycles" : "--connections", "\(count)",
            ]
        }
    }

    /// What was found.
    package struct Outcome: Sendable {
        /// What those said who behave.
        package let result: KeyValues
        /// What the others said; nil if there were none.
        package let rude: KeyValues?
        /// Memory of the server's own: at its start; after rounds with the others; with all of them
        /// there in the measured round; after it.
        package let fresh: ProcessMemory
        package let before: ProcessMemory
        package let during: ProcessMemory
        package let after: ProcessMemory
    }

    private let contender: Contender
    private let load: ServerLoad
    private let rudeness: Rudeness?
    private let processors: Processors

    /// How long after the last connection has ended memory is read.
    package var settlingSeconds = 0.5
    /// How much more the server may hold after connections have come and gone.
    private static let growthByteCountMax: UInt64 = 1 << 20

    package init(
        _ contender: Contender, _ load: ServerLoad, beside rudeness: Rudeness?,
        on processors: Processors
    ) {
        self.contender = contender
        self.load = load
        self.rudeness = rudeness
        self.processors = processors
    }

    /// Runs it.
    package func run() throws -> Outcome {
        let server = try RunningContender(
            contender, RunningContender.Surroundings(cpu: processors.contender))
        let listeners = try ProcessMemory.socketCount(of: server.process.id)
        let fresh = try ProcessMemory.ofTree(server.process.id)
        let client = try start(
            load.kind.program, load.arguments(port: server.port), "the load")
        let first = try misbehave(on: server)
        try waitForSockets(server, listeners + load.connections)
        let before = try ProcessMemory.ofTree(server.process.id)
        let rude = try rudeness.map { try start($0, $0.count, on: server) }
        try rude?.writeLine("go")
        try client.writeLine("go")
        let result = try self.result(of: client, within: load.patienceSeconds)
        let during = try ProcessMemory.ofTree(server.process.id)
        let last = try rude.map { try stop($0) }
        try waitForSockets(server, listeners + load.connections)
        Clock.pause(seconds: settlingSeconds)
        let after = try ProcessMemory.ofTree(server.process.id)
        try close(client)
        let outcome = Outcome(
            result: result, rude: last, fresh: fresh, before: before, during: during,
            after: after)
        try check(outcome)
        try check(outcome, [first, last].compactMap { $0 }, against: try server.stop())
        return outcome
    }

    // MARK: Parts

    /// A round before the measured one: a tenth of the cycles, or all connections for as long as in
    /// the measured one. It leaves what the server and its allocator keep.
    private func misbehave(on server: RunningContender) throws -> KeyValues? {
        guard let rudeness else { return nil }
        let count = rudeness.isCycling ? max(1, rudeness.count / 10) : rudeness.count
        let rude = try start(rudeness, count, on: server)
        try rude.writeLine("go")
        if !rudeness.isCycling { Clock.pause(seconds: load.seconds) }
        return try stop(rude)
    }

    private func start(
        _ rudeness: Rudeness, _ count: Int, on server: RunningContender
    ) throws -> ChildProcess {
        try start(
            "http_rude_c", rudeness.arguments(port: server.port, count: count), rudeness.manner)
    }

    private func start(
        _ program: String, _ arguments: [String], _ name: String
    ) throws -> ChildProcess {
        let process = try ChildProcess(
            try Directory.program(program), arguments, cpu: processors.load,
            name: "\(name) on \(contender.name)")
        guard try process.readLine(withinSeconds: 60) == "ready" else {
            throw try failure(of: process)
        }
        return process
    }

    /// Ends those who misbehave; cycles are waited for.
    private func stop(_ rude: ChildProcess) throws -> KeyValues {
        if rudeness?.isCycling != true { try rude.writeLine("stop") }
        let result = try result(of: rude, within: 600)
        try close(rude)
        return result
    }

    private func close(_ process: ChildProcess) throws {
        try process.writeLine("close")
        if try process.wait(withinSeconds: 30) != 0 { throw try failure(of: process) }
    }

    private func result(of process: ChildProcess, within seconds: Double) throws -> KeyValues {
        guard let line = try process.readLine(withinSeconds: seconds),
            let result = KeyValues(line, word: "result")
        else { throw try failure(of: process) }
        return result
    }

    private func failure(of process: ChildProcess) throws(BenchError) -> BenchError {
        let status = try process.wait(withinSeconds: 15)
        return BenchError("\(process.name) failed with status \(status): see the line above")
    }

    private func waitForSockets(
        _ server: RunningContender, _ count: Int
    ) throws(BenchError) {
        let isBack = try Clock.wait(withinSeconds: 30) { () throws(BenchError) in
            try ProcessMemory.socketCount(of: server.process.id) <= count
        }
        guard isBack else { throw BenchError("\(contender.name): sockets were not closed") }
    }

    // MARK: Checks

    /// Memory: bounded with all of them there, and no more when they have come and gone. What an
    /// allocator keeps of the memory of a crowd depends on how many were there at one time, so
    /// behind a crowd the bound is the same as beside it.
    private func check(_ outcome: Outcome) throws(BenchError) {
        guard let rudeness, !contender.isPeer else { return }
        let growth = outcome.after.grown(since: outcome.before)
        guard growth <= Self.growthByteCountMax || !rudeness.isCycling else {
            throw BenchError("\(contender.name): grew by \(growth) bytes")
        }
        let count = rudeness.isCycling ? 1 : rudeness.count
        let limit = UInt64(count * rudeness.byteCountMax) + 4 * Self.growthByteCountMax
        for reading in [outcome.before, outcome.during, outcome.after] {
            let held = reading.grown(since: outcome.fresh)
            guard held <= limit else {
                throw BenchError("\(contender.name): held \(held) bytes, \(limit) are the limit")
            }
        }
    }

    /// Both sides must have seen the same work, as far as clients see it who do not read.
    private func check(
        _ outcome: Outcome, _ rude: [KeyValues], against totals: KeyValues
    ) throws(BenchError) {
        var asked = try outcome.result.number(load.kind.asked)
        var unsure: UInt64 = 0
        var opened = UInt64(load.connections)
        for result in rude {
            asked += try result.number("answers")
            unsure += try result.number("unseen") + result.number("opened")
            opened += try result.number("opened")
        }
        let served = try totals.number(load.kind.served)
        let accepted = try totals.number("connections")
        guard served >= asked, served <= asked + unsure, accepted <= opened else {
            throw BenchError(
                "\(contender.name): \(served) answers on \(accepted) connections; the clients had"
                    + " \(asked) to \(asked + unsure) on \(opened)")
        }
    }
}
