// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import LoopSimulation
import Networking
import Testing

@Suite("Listeners in a simulated world")
struct SimulatedListenerTests {
    @Test("Each time that descriptors have run out is counted, and accepting goes on")
    func exhaustion() throws {
        // If this failed, an error would be handed out as a socket, or end a listener, or the
        // number that tells an operator of it would be wrong.
        var simulation = Simulation(seed: 1)
        simulation.plan[.noDescriptor] = 500_000
        let outcome = try simulation.run { _, world in
            let listener = try listen()
            defer { listener.close() }
            for _ in 0..<40 { _ = world.connect(port: listener.address.port) }
            for _ in 0..<40 {
                try await listener.accept(until: .now.advanced(by: .seconds(300))).close()
            }
            return listener.exhaustionCount
        }
        let counted = try #require(outcome.result).get()
        #expect(UInt64(counted) == outcome.statistics[.noDescriptor])
        #expect(counted > 0)
    }

    @Test("A listener for which the loop has no timer goes on as well")
    func withoutTimer() throws {
        // If this failed, a server whose loop is full would never accept again.
        var simulation = Simulation(seed: 1)
        simulation.plan[.noDescriptor] = 500_000
        simulation.options.timersMax = 1
        let outcome = try simulation.run { group, world in
            let listener = try listen()
            return await withTaskGroup(of: Int.self) { tasks in
                // Has the only timer; ends the wait of a listener that says nothing.
                tasks.addTask(executorPreference: group.executors[0]) {
                    try? await LoopTime.sleep(for: .milliseconds(200))
                    listener.close()
                    return 0
                }
                tasks.addTask(executorPreference: group.executors[0]) {
                    for _ in 0..<40 { _ = world.connect(port: listener.address.port) }
                    for count in 0..<40 {
                        guard let connection = try? await listener.accept() else { return count }
                        connection.close()
                    }
                    return 40 + (listener.exhaustionCount > 0 ? 1 : 0)
                }
                return await tasks.reduce(0, +)
            }
        }
        #expect(try outcome.result?.get() == 41)
        #expect(outcome.openCount == 0)
    }

    @Test("A closed listener takes nothing from one that has its number", arguments: 1...10)
    func closedAsksNothing(seed: UInt64) throws {
        // If this failed, a server that is opened when another one was closed would lose clients.
        let outcome = try Simulation(seed: seed).run { _, world in
            let first = try listen()
            // Nobody comes, but the kernel was asked.
            await #expect(throws: (any Error).self) {
                try await first.accept(until: .now.advanced(by: .milliseconds(1))).close()
            }
            first.close()
            let second = try listen()
            defer { second.close() }
            // The first one hears that its stream is over before the second begins one.
            try await LoopTime.sleep(for: .milliseconds(1))
            var accepted = 0
            for _ in 0..<10 {
                _ = world.connect(port: second.address.port)
                let deadline = MonotonicInstant.now.advanced(by: .seconds(1))
                guard let connection = try? await second.accept(until: deadline) else { continue }
                connection.close()
                accepted += 1
            }
            return accepted
        }
        #expect(try outcome.result?.get() == 10)
    }

    @Test("A socket that comes behind the close is closed")
    func behindClose() throws {
        // If this failed, each restart could lose descriptors.
        var simulation = Simulation(seed: 1)
        simulation.plan[.delayedCompletion] = 1_000_000
        let outcome = try simulation.run { group, world in
            for _ in 0..<50 {
                let listener = try listen()
                await withDiscardingTaskGroup { tasks in
                    tasks.addTask(executorPreference: group.executors[0]) {
                        try? await listener.accept().close()
                    }
                    _ = world.connect(port: listener.address.port)
                    try? await LoopTime.sleep(for: .nanoseconds(world.draw(below: 600_000)))
                    listener.close()
                }
            }
        }
        #expect(outcome.ending == .finished)
        #expect(outcome.openCount == 0)
    }

    @Test("A listener that nobody asks takes no more than its limit", arguments: 1...5)
    func limit(seed: UInt64) throws {
        // If this failed, it would take all descriptors of the process.
        let outcome = try Simulation(seed: seed).run { _, world in
            let listener = try listen()
            defer { listener.close() }
            // Nobody comes, but the kernel is asked from here on.
            await #expect(throws: (any Error).self) {
                try await listener.accept(until: .now.advanced(by: .milliseconds(1))).close()
            }
            for _ in 0..<600 { _ = world.connect(port: listener.address.port) }
            try await LoopTime.sleep(for: .seconds(1))
            let open = world.openCount
            for _ in 0..<600 {
                try await listener.accept(until: .now.advanced(by: .seconds(300))).close()
            }
            return open
        }
        let open = try #require(outcome.result).get()
        #expect(open <= StreamListener.pendingMax + 64)
        #expect(open > StreamListener.pendingMax)
    }

    @Test("A script's listener is closed and let go when it is to hear of somebody")
    func letGo() throws {
        // If this failed, what was due would read a socket that is gone.
        var unheard = 0
        for seed in UInt64(1)...20 {
            let held = HeldListener()
            var simulation = Simulation(seed: seed)
            simulation.plan[.timerTie] = 1_000_000  // All come in one moment.
            let outcome = try simulation.run { _, world in
                held.listener = world.listen(port: 7) { peer in
                    held.heard += 1
                    held.listener?.close()
                    held.listener = nil
                    peer.close()
                }
                // While the loop sleeps: its deadline is the moment.
                for _ in 0..<4 { world.later(1000) { connect(world, held) } }
                try await LoopTime.sleep(for: .milliseconds(1))
            }
            #expect(outcome.ending == .finished, "seed \(seed)")
            #expect(held.heard == 1, "seed \(seed)")
            unheard += held.unheard
        }
        #expect(unheard > 0, "nobody waited to be heard of")
    }
}

/// Comes to a script's listener, and counts if it hears of nobody.
private func connect(_ world: SimulatedWorld, _ held: HeldListener) {
    world.connect(port: 7).onEnd = { end in
        guard case .broken(-Int32(MILLRACE_ECONNRESET)) = end else { return }
        held.unheard += 1
    }
}

/// A listener of a script, and who came.
private final class HeldListener: @unchecked Sendable {
    // Threads: the simulation's own.
    var listener: SimulatedListener?
    var heard = 0
    var unheard = 0
}

private func listen() throws -> StreamListener {
    try StreamListener(on: try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0)))
}
