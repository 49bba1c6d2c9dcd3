// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import HTTPServing
import LoopSimulation
import Networking
import Testing

/// Half of an answer is sent before it breaks off; a reset takes away what is under way.
@Suite("The HTTP server in a simulated world")
struct SimulatedServerTests {
    @Test("A break waits for what is under way to the client", arguments: 1...20)
    func underWay(seed: UInt64) throws {
        // If this failed, a lost segment in front of the reset would not be sent again.
        var simulation = Simulation(seed: seed)
        simulation.plan[.slowDelivery] = 1_000_000
        #expect(try broken(simulation, byteCount: 100, deafFor: .zero) == 100)
    }

    @Test("A break counts no time in which the client took what came before", arguments: 1...20)
    func slowClient(seed: UInt64) throws {
        // If this failed, a client that was slow once would lose what it is about to take.
        var simulation = Simulation(seed: seed)
        simulation.plan[.slowDelivery] = 1_000_000
        // A little more than the connection holds: it waits with the server when the handler breaks
        // off. Deaf for longer than a break waits.
        let count = try broken(simulation, byteCount: 84_000, deafFor: .seconds(3))
        #expect(count == 84_000)
    }
}

/// How much of the body comes to a client that hears nothing at first, before the reset.
private func broken(
    _ simulation: Simulation, byteCount: Int, deafFor pause: Duration
) throws -> Int {
    let log = AnswerLog()
    let outcome = try simulation.run { group, world in
        var routes = HTTPRoutes()
        try routes.get("/") { _ in
            .stream { writer in
                try await writer.write([UInt8](repeating: 0x62, count: byteCount))
                throw HTTPFailure(500)
            }
        }
        let server = try await HTTPServer.open(
            on: try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0)), group: group,
            configuration: HTTPServerConfiguration(), routes: routes)
        try await withThrowingDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: group.executors[0]) { await server.run() }
            let client = world.connect(port: server.address.port, receiveBuffer: 16_384)
            client.isReading = pause == .zero
            client.onBytes = { log.bytes += $0 }
            client.onEnd = { [unowned client] end in
                if case .broken = end { log.wasReset = true }
                client.close()
            }
            client.send(Array("GET / HTTP/1.0\r\n\r\n".utf8))
            try await LoopTime.sleep(for: pause)
            client.isReading = true
            try await LoopTime.sleep(for: .seconds(30))
            server.stop()
        }
    }
    #expect(outcome.ending == .finished && outcome.openCount == 0)
    #expect(log.wasReset)
    return log.bodyByteCount
}

/// What a client heard.
private final class AnswerLog: @unchecked Sendable {
    // Threads: the simulation's own.
    var bytes: [UInt8] = []
    var wasReset = false

    var bodyByteCount: Int {
        let blank = Array("\r\n\r\n".utf8)
        let end = bytes.indices.first { bytes[$0...].starts(with: blank) }
        return end.map { bytes.count - $0 - blank.count } ?? -1
    }
}
