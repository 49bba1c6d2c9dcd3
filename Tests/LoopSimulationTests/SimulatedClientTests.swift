// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import LoopSimulation
import Networking
import Testing

@Suite("The pooled client in a simulated world")
struct SimulatedClientTests {
    @Test("A connection that came while its attempt was given up is closed")
    func closedBesideItsRace() throws {
        // If this failed, a client that is closed while it connects would leave a socket behind.
        var cut = 0
        for seed in UInt64(1)...200 {
            var simulation = Simulation(seed: seed)
            // The first address says nothing, the second one answers, and giving the first up takes
            // a while, with a slow delivery more than a tick: in it the client is closed.
            simulation.plan[.silentHost] = 500_000
            simulation.plan[.delayedCancellation] = 1_000_000
            simulation.plan[.slowDelivery] = 300_000
            let log = ConnectionLog()
            let outcome = try simulation.run { group, world in
                try await closeWhileConnecting(
                    group, world, log, after: .milliseconds(250 + 2 * Int(seed)))
            }
            #expect(outcome.ending == .finished, "seed \(seed)")
            #expect(outcome.openCount == 0, "seed \(seed)")
            if log.accepted > 0 && log.connects == 0 { cut += 1 }
        }
        #expect(cut > 0, "no connection came beside the end of its attempt")
    }
}

/// How many connections were accepted, and how many the client had; the simulation's thread alone
/// touches it.
private final class ConnectionLog: @unchecked Sendable {
    var accepted = 0
    var connects: UInt64 = 0
}

private func closeWhileConnecting(
    _ group: LoopGroup, _ world: SimulatedWorld, _ log: ConnectionLog, after pause: Duration
) async throws {
    world.name("there", addresses: [("127.0.0.1", false), ("127.0.0.2", false)])
    let listener = world.listen(port: 7, onEveryAddress: true) { peer in
        log.accepted += 1
        peer.onEnd = { [unowned peer] _ in peer.close() }
    }
    let client = try PooledClient(to: .host("there", port: 7), executors: group.executors) { _ in }
    try await client.send([1, 2, 3], ticket: MessageTicket(rawValue: 1))
    await withDiscardingTaskGroup { tasks in
        tasks.addTask(executorPreference: group.executors[0]) { await client.run() }
        try? await LoopTime.sleep(for: pause)
        await client.shutdownNow()
    }
    log.connects = client.statistics.pool.connects
    // An answer of the silent address, if one is still to come, finds nobody.
    try await LoopTime.sleep(for: .seconds(10))
    listener?.close()
}
