// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import LoopSimulation
import Networking
import Testing

@Suite("Connections in a simulated world")
struct SimulatedConnectionTests {
    @Test("A race leaves nothing under way, also when two attempts are answered in one turn")
    func races() throws {
        // If this failed, a second winner would stay open, or take the first one's place; or the
        // caller would wait for ever.
        var won = 0
        for seed in UInt64(1)...50 {
            var simulation = Simulation(seed: seed)
            simulation.plan[.slowDelivery] = 500_000
            simulation.plan[.clockJump] = 200_000
            simulation.plan[.delayedCompletion] = 300_000
            simulation.plan[.delayedCancellation] = 300_000
            simulation.timeMax = .seconds(1_000_000_000)
            let outcome = try simulation.run { group, world in
                try await race(20, on: group.executors[0].loop, world)
            }
            #expect(outcome.ending == .finished, "seed \(seed)")
            #expect(outcome.openCount == 0, "seed \(seed)")
            let underWay = try #require(outcome.result).get()
            #expect(underWay.allSatisfy { $0 == 0 }, "seed \(seed): \(underWay)")
            won += underWay.count
        }
        #expect(won > 0)
    }

    @Test("An attempt is closed also when the loop has no place for that")
    func closesWithoutPlace() throws {
        // If this failed, its socket would stay open, or the caller wait for ever.
        for seed in UInt64(1)...20 {
            var simulation = Simulation(seed: seed)
            simulation.options.operationsMax = 1
            let outcome = try simulation.run { group, _ in
                try await refusedBesidePoll(on: group.executors[0])
            }
            #expect(outcome.ending == .finished, "seed \(seed)")
            #expect(outcome.openCount == 0, "seed \(seed)")
            let codes = try #require(outcome.result).get()
            #expect(codes == [Int32(MILLRACE_ECONNREFUSED), Int32(MILLRACE_ECANCELED)])
        }
    }

    @Test("A closed connection is not reset: its number is another's")
    func resetBehindClose() throws {
        // If this failed, the end of one connection would drop what another one has sent.
        let log = PeerLog()
        var simulation = Simulation(seed: 1)
        simulation.plan[.reusedDescriptor] = 1_000_000
        let outcome = try simulation.run { _, world in
            let listener = world.listen(port: 7) { peer in
                peer.onBytes = { log.bytes += $0 }
                peer.onEnd = { [unowned peer] end in
                    log.ends.append("\(end)")
                    peer.close()
                }
            }
            defer { listener?.close() }
            let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 7))
            let first = try await StreamConnection.connect(to: address)
            first.close()
            let second = try await StreamConnection.connect(to: address)
            let hasItsNumber = second.descriptor == first.descriptor
            first.reset()
            try await second.write([1, 2, 3])
            second.close()
            try await LoopTime.sleep(for: .seconds(1))
            return hasItsNumber
        }
        #expect(try outcome.result?.get() == true)
        #expect(log.ends == ["finished", "finished"])
        #expect(log.bytes == [1, 2, 3])
    }

    @Test("An end behind queued bytes that met a reset is none")
    func resetBehindQueue() throws {
        // Wrong: who reads takes a connection that broke for one that ended well, because the send
        // was told of the reset. The echo storm found it, seed 928.
        for seed in UInt64(1)...20 {
            let outcome = try Simulation(seed: seed).run { group, world in
                let listener = world.listen(port: 7) { peer in
                    peer.isReading = false
                    peer.after(5_000_000) { $0.reset() }
                }
                defer { listener?.close() }
                let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 7))
                let connection = try await StreamConnection.connect(to: address)
                defer { connection.close() }
                return await endBesideQueue(connection)
            }
            #expect(try outcome.result?.get() == Int32(MILLRACE_ECONNRESET), "seed \(seed)")
        }
    }

    @Test("Bytes for a peer that has closed are answered by a reset")
    func writeBehindClose() throws {
        // Wrong: who writes waits for ever, as no program on a kernel does. The echo storm found
        // it, seed 3236.
        let outcome = try Simulation(seed: 1).run { _, world in
            let listener = world.listen(port: 7) { $0.close() }
            defer { listener?.close() }
            let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 7))
            let connection = try await StreamConnection.connect(to: address)
            defer { connection.close() }
            try await LoopTime.sleep(for: .milliseconds(10))
            do throws(SystemError) {
                for _ in 0..<10 {
                    try await connection.write([1])
                    try await LoopTime.sleep(for: .milliseconds(10))
                }
                return Int32(0)
            } catch {
                return error.code
            }
        }
        #expect(outcome.ending == .finished)
        #expect(try outcome.result?.get() == Int32(MILLRACE_EPIPE))
    }

    @Test("A script that has gone deaf hears again when the network is well")
    func deafPeer() throws {
        // Wrong: the fault is counted and nobody is deaf; or who behaves is deaf for ever.
        let log = PeerLog()
        var simulation = Simulation(seed: 1)
        simulation.plan[.deafPeer] = 1_000_000
        let outcome = try simulation.run { _, world in
            let listener = world.listen(port: 7) { peer in peer.onBytes = { log.bytes += $0 } }
            defer { listener?.close() }
            let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 7))
            let connection = try await StreamConnection.connect(to: address)
            defer { connection.close() }
            try await connection.write([1, 2, 3])
            try await LoopTime.sleep(for: .seconds(1))
            let before = log.bytes
            world.heal()
            try await LoopTime.sleep(for: .seconds(1))
            return before
        }
        #expect(try outcome.result?.get() == [])
        #expect(log.bytes == [1, 2, 3])
    }

    @Test("A SYN is counted as acknowledged where the kernel counts it")
    func acknowledgedSYN() throws {
        // Wrong: the world counts bytes in another way than Linux, and who counts wrongly for Linux
        // is right in every storm.
        let expected: [UInt64] = [1, 0, 4, 2]
        for choice in [BackendChoice.ioUring, .epoll] {
            #expect(try LoopGroup.run(choice: choice) { _ in try await countBytes() } == expected)
        }
        let outcome = try Simulation(seed: 1).run { _, _ in try await countBytes() }
        #expect(try outcome.result?.get() == expected)
    }
}

/// What scripts hear; the simulation's thread alone touches it.
private final class PeerLog: @unchecked Sendable {
    var bytes: [UInt8] = []
    var ends: [String] = []
}

/// Connects so many times to one of three addresses that all answer: how many operations are under
/// way each time when the connection is there.
private func race(_ count: Int, on loop: EventLoop, _ world: SimulatedWorld) async throws -> [Int] {
    world.name(
        "there",
        addresses: [("127.0.0.1", false), ("127.0.0.2", false), ("127.0.0.3", false)])
    let listener = world.listen(port: 7, onEveryAddress: true) { peer in
        peer.onEnd = { [unowned peer] _ in peer.close() }
    }
    defer { listener?.close() }
    var underWay: [Int] = []
    for _ in 0..<count {
        let connection = try await StreamConnection.connect(
            to: .host("there", port: 7), attemptDelay: .milliseconds(10))
        underWay.append(loop.operationCount)
        connection.close()
        while loop.operationCount > 0 {  // Ends when it is closed.
            try await LoopTime.sleep(for: .milliseconds(1))
        }
    }
    return underWay
}

/// Connects to where nobody listens, on a loop with one place for an operation, which a poll takes
/// as soon as the connect is answered: how the connect ended, and the poll.
private func refusedBesidePoll(on executor: LoopExecutor) async throws -> [Int32] {
    var ends: (Int32, Int32) = (-1, -1)
    // SAFETY: room for two numbers.
    let status = unsafe withUnsafeMutableBytes(of: &ends) { ends in
        // SAFETY: as above.
        unsafe millrace_socket_pair(1, ends.bindMemory(to: Int32.self).baseAddress)
    }
    try #require(status >= 0)
    let (near, far) = ends
    defer {
        _ = millrace_close(near)
        _ = millrace_close(far)
    }
    let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 1))
    return await withTaskGroup(of: Int32.self) { tasks in
        tasks.addTask(executorPreference: executor) {
            do throws(ConnectFailure) {
                try await StreamConnection.connect(toAnyOf: [address]).close()
                return 0
            } catch {
                return error.summary.code
            }
        }
        tasks.addTask(executorPreference: executor) {
            let place = Suspension(executor)
            while true {  // Ends when the poll has found a place, and was cancelled.
                // SAFETY: the request names no memory.
                let result = unsafe await place.perform(.poll(descriptor: far, events: 1))
                if result != -Int32(MILLRACE_ENOBUFS) { return 0 - result }
                await Task.yield()
            }
        }
        let connected = await tasks.next() ?? -1
        tasks.cancelAll()
        return [connected, await tasks.next() ?? -1]
    }
}

/// Queues more than the peer takes, and ends; what reading told meanwhile: an error, or zero for an
/// end.
private func endBesideQueue(_ connection: StreamConnection) async -> Int32 {
    await withTaskGroup(of: Int32?.self) { tasks in
        tasks.addTask(executorPreference: connection.executor) {
            do throws(SystemError) {
                return Int32(try await connection.read(atMost: 10).count)
            } catch {
                return error.code
            }
        }
        tasks.addTask(executorPreference: connection.executor) {
            do throws(SystemError) {
                for _ in 0..<20 {
                    _ = try connection.enqueue([UInt8](repeating: 7, count: 65_536))
                    try await LoopTime.sleep(for: .microseconds(50))
                }
                try await connection.finishWriting()
            } catch {}  // The reader hears of it.
            return nil
        }
        var told: Int32 = -1
        for await end in tasks { told = end ?? told }
        return told
    }
}

/// What TCP_INFO says of both sides of a connection, of the one that asked for it first: when it is
/// new, and when they have sent three bytes and two.
private func countBytes() async throws -> [UInt64] {
    let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0))
    let listener = try StreamListener(on: address)
    defer { listener.close() }
    let client = try await StreamConnection.connect(to: listener.address)
    defer { client.close() }
    let accepted = try await listener.accept()
    defer { accepted.close() }
    let sides = [client, accepted]
    let fresh = sides.map(acknowledged)
    try await client.write([1, 2, 3])
    try await accepted.write([4, 5])
    let limit = MonotonicInstant.now.advanced(by: .seconds(5))
    while sides.map(acknowledged) != [fresh[0] + 3, fresh[1] + 2] {  // Ends by the limit.
        if .now > limit { break }
        try await LoopTime.sleep(for: .milliseconds(1))
    }
    return fresh + sides.map(acknowledged)
}

private func acknowledged(_ connection: StreamConnection) -> UInt64 {
    var info = millrace_tcp_info()
    // SAFETY: the callee fills the structure in.
    let status = unsafe millrace_socket_tcp_info(connection.descriptor, &info)
    return status < 0 ? .max / 2 : info.bytes_acked
}
