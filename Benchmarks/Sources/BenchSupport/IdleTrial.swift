// SPDX-License-Identifier: MIT

/// What connections cost that have been used once and wait, and what is left when they have gone.
package struct IdleTrial {
    /// What was found.
    package struct Outcome: Sendable {
        /// Bytes for each connection: from malloc, in RAM of the process's own, in RAM at all.
        package let liveBytes: Double
        package let anonymousBytes: Double
        package let residentBytes: Double
        /// The share of these that was given back a second after the client closed, or when the
        /// server had closed if that took longer.
        package let liveShareReturned: Double
        package let anonymousShareReturned: Double
        /// Descriptors that were open then, and not before.
        package let descriptorsLeft: Int
        /// How long it took until none was.
        package let closingSeconds: Double
    }

    /// The moments at which memory is read.
    private struct Reading {
        /// Nil if they are not counted.
        let malloc: AllocationCounts?
        let memory: ProcessMemory
        let socketCount: Int
    }

    private let contender: Contender
    private let connections: Int
    private let processors: Processors

    /// How long after the end of the connections memory is read.
    package var settlingSeconds: Double = 1

    /// Connections of the load before, so that what a server allocates once is there.
    private static let warmupConnections = 64

    /// What the connections were used for once.
    package var kind = LoadKind.echo
    /// Whether malloc's calls can be counted: not in a program that is linked without glibc, nor in
    /// several processes.
    package var countsAllocations = true

    package init(_ contender: Contender, connections: Int, on processors: Processors) {
        self.contender = contender
        self.connections = connections
        self.processors = processors
    }

    /// Runs it.
    package func run() throws -> Outcome {
        try Directory.withTemporaryFile { file in
            var surroundings = RunningContender.Surroundings(cpu: processors.contender)
            if countsAllocations {
                surroundings.environment = try AllocationCounts.environment(file: file)
            }
            let server = try RunningContender(contender, surroundings)
            // Sockets, not descriptors: a server that listens may still open others.
            let listeners = try ProcessMemory.socketCount(of: server.process.id)
            let warm = try warmUp(server)
            try waitForSockets(server, listeners)
            let before = try read(server, file)
            let client = try start(server)
            let open = try read(server, file)
            try checkIsHeld(open, since: before)
            try client.writeLine("go")
            let result = try result(of: client)
            try client.writeLine("close")
            let start = Clock.now
            _ = try client.wait(withinSeconds: 30)
            try waitForSockets(server, listeners)
            let closing = Double(Clock.now - start) / 1e9
            Clock.pause(seconds: settlingSeconds - closing)
            let after = try read(server, file)
            try check([warm, result], against: try server.stop())
            return outcome(before, open, after, closingSeconds: closing)
        }
    }

    private func outcome(
        _ before: Reading, _ open: Reading, _ after: Reading, closingSeconds: Double
    ) -> Outcome {
        func grown(_ value: (Reading) -> UInt64) -> (bytes: Double, returned: Double) {
            let most = Double(value(open)) - Double(value(before))
            let left = Double(value(after)) - Double(value(before))
            return (most / Double(connections), most > 0 ? 1 - left / most : 1)
        }
        let live = grown { $0.malloc?.liveBytes ?? 0 }
        let anonymous = grown { $0.memory.anonymousBytes }
        return Outcome(
            liveBytes: live.bytes, anonymousBytes: anonymous.bytes,
            residentBytes: grown { $0.memory.residentBytes }.bytes,
            liveShareReturned: live.returned, anonymousShareReturned: anonymous.returned,
            descriptorsLeft: after.memory.descriptorCount - before.memory.descriptorCount,
            closingSeconds: closingSeconds)
    }

    // MARK: Parts

    private func read(_ server: RunningContender, _ file: String) throws -> Reading {
        Reading(
            malloc: countsAllocations ? try AllocationCounts(file: file) : nil,
            memory: try ProcessMemory.ofTree(server.process.id),
            socketCount: try ProcessMemory.socketCount(of: server.process.id))
    }

    private func load(_ arguments: [String], on server: RunningContender) throws -> ChildProcess {
        try ChildProcess(
            try Directory.program(kind.program), ["--port", "\(server.port)"] + arguments,
            cpu: processors.load, name: "the load on \(contender.name)")
    }

    private func warmUp(_ server: RunningContender) throws -> KeyValues {
        let count = Self.warmupConnections
        let client = try load(
            ["--connections", "\(count)", "--requests", "\(count * 16)"], on: server)
        let result = try result(of: client)
        _ = try client.wait(withinSeconds: 30)
        return result
    }

    /// Opens the connections and waits until each has echoed a message.
    private func start(_ server: RunningContender) throws -> ChildProcess {
        let client = try load(
            ["--connections", "\(connections)", "--idle", "--milliseconds", "1", "--controlled"],
            on: server)
        guard try client.readLine(withinSeconds: 60) == "ready" else {
            throw BenchError("the load on \(contender.name) failed: see the line above")
        }
        return client
    }

    private func result(of client: ChildProcess) throws -> KeyValues {
        guard let line = try client.readLine(withinSeconds: 60),
            let result = KeyValues(line, word: "result")
        else { throw BenchError("the load on \(contender.name) failed: see the line above") }
        return result
    }

    /// Waits until no more sockets are open than those that listen.
    private func waitForSockets(
        _ server: RunningContender, _ count: Int
    ) throws(BenchError) {
        let isBack = try Clock.wait(withinSeconds: 20) { () throws(BenchError) in
            try ProcessMemory.socketCount(of: server.process.id) <= count
        }
        guard isBack else { throw BenchError("\(contender.name): sockets were not closed") }
    }

    private func checkIsHeld(_ open: Reading, since before: Reading) throws(BenchError) {
        let held = open.socketCount - before.socketCount
        guard held == connections else {
            throw BenchError("\(contender.name): holds \(held) of \(connections) connections")
        }
    }

    private func check(_ results: [KeyValues], against totals: KeyValues) throws(BenchError) {
        var bytes: UInt64 = 0
        for result in results { bytes += try result.number(kind.asked) }
        let served = try totals.number(kind.served)
        let accepted = try totals.number("connections")
        guard served == bytes, accepted == UInt64(connections + Self.warmupConnections) else {
            throw BenchError(
                "\(contender.name): answered \(served) \(kind.served) of \(bytes) on \(accepted)"
                    + " connections")
        }
    }
}
