// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import LoopSimulation
import Networking
import Testing

@Suite("Faults, peers and escapes of a simulated world")
struct FaultTests {
    @Test("each fault happens, is counted, and ends no run by itself", arguments: Fault.allCases)
    func happens(_ fault: Fault) throws {
        // Wrong: a fault of the menu is never seen, or hangs the loop instead of failing a call.
        var count: UInt64 = 0
        for seed in UInt64(1)...20 {
            var simulation = Simulation(seed: seed)
            simulation.plan[fault] = 300_000
            // A connect wins if it was under way; else it is over before it is cancelled.
            if fault == .lostCancellation { simulation.plan[.slowDelivery] = 300_000 }
            let outcome = try simulation.run { group, world in
                world.name("there.example", addresses: [("127.0.0.1", false)])
                try await visit(on: group, world)
            }
            #expect(outcome.ending == .finished, "seed \(seed): \(outcome.ending)")
            #expect(outcome.openCount == 0, "seed \(seed): \(outcome.openCount) are open")
            #expect(
                outcome.heldBufferCount == 0 && outcome.leasedBlockCount == 0,
                "seed \(seed): buffers or blocks are missing")
            count += outcome.statistics[fault]
        }
        #expect(count > 0)
    }

    @Test("a world without faults counts none")
    func isQuiet() throws {
        // Wrong: faults come that nobody asked for.
        let outcome = try Simulation(seed: 3).run { group, world in
            world.name("there.example", addresses: [("127.0.0.1", false)])
            try await visit(on: group, world)
        }
        #expect(throws: Never.self) { try outcome.result?.get() }
        for fault in Fault.allCases { #expect(outcome.statistics[fault] == 0) }
    }

    @Test("a task that leaves the loop is found out")
    func escapes() throws {
        // Wrong: a run that no seed repeats is taken for one that can be looked at again.
        let outcome = try Simulation(seed: 1).run { _, _ in
            await Task.detached {}.value
        }
        // As long as the tests hold the pool's threads, nobody is there to run it.
        #expect(outcome.ending == .escaped || outcome.ending == .stuck)
    }
}

/// Resolves a name, connects to a script that echoes, and says a few things; errors are the
/// faults' and end it early.
private func visit(on group: LoopGroup, _ world: SimulatedWorld) async throws {
    let listener = world.listen(port: 7) { peer in
        peer.onBytes = { [unowned peer] in peer.send($0) }
        peer.onEnd = { [unowned peer] _ in peer.close() }
    }
    defer { listener?.close() }
    let addresses = try await Resolver.resolve(.host("there.example", port: 7))
    let connection = try await StreamConnection.connect(to: try #require(addresses.first))
    defer { connection.close() }
    let own = try StreamListener(on: try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0)))
    defer { own.close() }
    let caller = world.connect(port: own.address.port)
    caller.send([1, 2, 3])
    let called = try await own.accept(until: .now.advanced(by: .seconds(300)))
    defer { called.close() }
    _ = try await called.read(atMost: 10, until: .now.advanced(by: .seconds(300)))
    for round in 0..<20 {
        let sent = [UInt8](repeating: UInt8(round), count: 3000)
        try await connection.write(sent)
        var count = 0
        while count < sent.count {  // Ends: reads a byte or throws.
            let deadline = MonotonicInstant.now.advanced(by: .seconds(300))
            let piece = try await connection.read(atMost: 1000, until: deadline)
            if piece.isEmpty { return }
            count += piece.count
        }
        // What is cancelled, and when, is what the faults are about.
        _ = try? await connection.read(
            atMost: 1, until: .now.advanced(byNanoseconds: 1_000_000))
    }
    caller.close()
    try await cancelConnects()
}

/// Fills a backlog, and gives a connect up that finds no room in it; then another one, which only a
/// slow network keeps from its end.
private func cancelConnects() async throws {
    var options = StreamListener.Options()
    options.backlog = 0
    let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0))
    let full = try StreamListener(on: address, options: options)
    defer { full.close() }
    let first = try await StreamConnection.connect(to: full.address)
    defer { first.close() }
    let second = try? await StreamConnection.connect(
        to: full.address, until: .now.advanced(byNanoseconds: 5_000_000))
    second?.close()
    let open = try StreamListener(on: address)
    defer { open.close() }
    let third = try? await StreamConnection.connect(
        to: open.address, until: .now.advanced(byNanoseconds: 5_000_000))
    third?.close()
}
