// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import LoopSimulation
import Networking
import Testing

@Suite("Programs in a simulated world")
struct SimulationTests {
    @Test("an hour of sleep takes no time")
    func sleeps() throws {
        // Wrong: a simulation takes as long as what it simulates.
        let outcome = try Simulation(seed: 1).run { _, _ in
            try await LoopTime.sleep(for: .seconds(3600))
        }
        #expect(outcome.ending == .finished)
        #expect(outcome.time >= .seconds(3600) && outcome.time < .seconds(3601))
    }

    @Test("an echo over simulated sockets brings every byte back", arguments: 0..<20)
    func echoes(seed: UInt64) throws {
        // Wrong: the simulated network loses, doubles or reorders bytes without a fault.
        let outcome = try Simulation(seed: seed).run { group, _ in
            try await echo(on: group, rounds: 20)
        }
        #expect(try outcome.result?.get() == 20 * 1000)
        #expect(outcome.ending == .finished)
        #expect(outcome.openCount == 0)
        #expect(outcome.heldBufferCount == 0 && outcome.leasedBlockCount == 0)
    }

    @Test("a stream that is closed while bytes come gives everything back", arguments: 0..<20)
    func closesEarly(seed: UInt64) throws {
        // If this failed, each client that is left in the middle would take a buffer with it.
        var simulation = Simulation(seed: seed)
        simulation.plan[.delayedCompletion] = 500_000
        simulation.plan[.delayedCancellation] = 500_000
        let outcome = try simulation.run { _, world in
            let listener = world.listen(port: 7) { peer in
                peer.send([UInt8](repeating: 7, count: 200_000))
                peer.onEnd = { [unowned peer] _ in peer.close() }
            }
            defer { listener?.close() }
            let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 7))
            for count in 1...10 {
                let connection = try await StreamConnection.connect(to: address)
                for _ in 0..<count { _ = try await connection.read(atMost: 1000) }
                connection.close()
            }
        }
        #expect(throws: Never.self) { try outcome.result?.get() }
        #expect(outcome.ending == .finished)
        #expect(outcome.heldBufferCount == 0 && outcome.leasedBlockCount == 0)
    }

    @Test("the same seed gives the same trace, others give others")
    func repeats() throws {
        // Wrong: a failure that was found cannot be looked at again.
        func hash(_ seed: UInt64) throws -> UInt64 {
            var simulation = Simulation(seed: seed)
            simulation.plan = .drawn(seed: seed)
            return try simulation.run { group, _ in try await echo(on: group, rounds: 20) }
                .traceHash
        }
        let hashes = try (0..<20).map { try hash($0) }
        for _ in 0..<5 { #expect(try (0..<20).map { try hash($0) } == hashes) }
        #expect(Set(hashes).count == 20)
    }

    @Test("a run ends beside a name that is still looked up, and leaves nothing")
    func leavesWork() throws {
        // If this failed, such a run would keep its loop, seven megabytes.
        final class Name: Sendable {}
        final class Reference: @unchecked Sendable { weak var name: Name? }
        let reference = Reference()
        var simulation = Simulation(seed: 1)
        simulation.plan[.slowDelivery] = 1_000_000  // Longer than a loop that stops waits.
        let outcome = try simulation.run { _, _ in
            let name = Name()
            reference.name = name
            BlockingPool.shared.submit { withExtendedLifetime(name) {} }
        }
        #expect(outcome.ending == .finished)
        #expect(reference.name == nil)
    }

    @Test("a run leaves no scripts behind")
    func leavesNothing() throws {
        // Wrong: each of ten thousand seeds keeps its peers, and memory runs out.
        final class Script: Sendable {}
        final class Reference: @unchecked Sendable { weak var script: Script? }
        let reference = Reference()
        _ = try Simulation(seed: 1).run { _, world in
            let made = Script()
            reference.script = made
            let listener = world.listen(port: 7) { peer in
                peer.onBytes = { _ in withExtendedLifetime(made) {} }
            }
            #expect(listener != nil)
            let peer = world.connect(port: 7)
            peer.onEnd = { _ in withExtendedLifetime(made) {} }
            world.later(3_600_000_000_000) { withExtendedLifetime((made, world)) {} }
            try await LoopTime.sleep(for: .seconds(1))
        }
        #expect(reference.script == nil)
    }

    @Test("a program that waits for nothing is told to be stuck")
    func sticks() throws {
        // Wrong: a program that hangs is not noticed, or the simulation hangs with it.
        let outcome = try Simulation(seed: 1).run { _, _ in
            let address = try #require(SocketAddress.numeric(host: "127.0.0.1", port: 0))
            let listener = try StreamListener(on: address)
            defer { listener.close() }
            _ = try await listener.accept()
        }
        #expect(outcome.ending == .stuck)
    }

    @Test("A timer comes at its deadline or up to a tick later, never earlier")
    func timersAreExact() throws {
        // If this failed, every limit and every pause would come later than is said, or early.
        let outcome = try Simulation(seed: 1).run { _, _ in
            var delays: [Int64] = []
            for step in UInt64(0)..<200 {
                let pause = 1_000_000 + step * 7919
                let deadline = MonotonicInstant.now.advanced(byNanoseconds: pause)
                try await LoopTime.sleep(until: deadline)
                delays.append(
                    Int64(MonotonicInstant.now.nanoseconds) - Int64(deadline.nanoseconds))
            }
            return delays
        }
        let delays = try #require(outcome.result).get()
        // A tick, and the two microseconds that a turn takes in a world at most, with some room.
        #expect(delays.count == 200 && delays.allSatisfy { (0...(1 << 18) + 10_000).contains($0) })
    }
}

/// Sends a thousand bytes there and back, so many times; how many came back as they were sent.
private func echo(on group: LoopGroup, rounds: Int) async throws -> Int {
    let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0))
    let listener = try StreamListener(on: address)
    let executor = group.executors[0]
    return try await withThrowingTaskGroup(of: Int.self) { tasks in
        defer { listener.close() }
        tasks.addTask(executorPreference: executor) {
            let connection = try await listener.accept()
            defer { connection.close() }
            while true {  // Ends with the connection.
                let bytes = try await connection.read(atMost: 300)
                if bytes.isEmpty { return 0 }
                try await connection.write(bytes)
            }
        }
        tasks.addTask(executorPreference: executor) {
            let connection = try await StreamConnection.connect(to: listener.address)
            defer { connection.close() }
            var count = 0
            for round in 0..<rounds {
                let sent = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ round) }
                try await connection.write(sent)
                var back: [UInt8] = []
                while back.count < sent.count {  // Ends: a turn reads a byte or throws.
                    let piece = try await connection.read(atMost: 1000)
                    if piece.isEmpty { return count }
                    back += piece
                }
                if back == sent { count += back.count }
            }
            return count
        }
        var sum = 0
        for try await count in tasks { sum += count }
        return sum
    }
}
