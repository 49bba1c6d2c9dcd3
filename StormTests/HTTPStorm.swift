// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import HTTPServing
internal import LoopSimulation
internal import Networking

/// The HTTP server beside clients that are slow, deaf, cut off or senseless.
struct HTTPStorm: Sendable {
    let settings: StormSettings

    static let storm = Storm(
        name: "http",
        summary: "the HTTP server beside clients that are slow, deaf, cut off or senseless"
    ) { settings in
        try HTTPStorm(settings: settings).run()
    }

    /// A body for a number.
    static func big(_ number: Int) -> [UInt8] {
        let count = number % 17 == 0 ? number : number % 3000
        return Array(Letters.of(number, count: count))
    }

    func run() throws -> StormResult {
        let ledger = Ledger()
        return try settings.run(waitsMax: 10_000_000, ledger) { group, world in
            try await storm(group, world, ledger)
        }
    }

    // MARK: The workload

    private func storm(_ group: LoopGroup, _ world: any StormWorld, _ ledger: Ledger) async throws {
        guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else { return }
        let configuration = Self.configuration(world)
        let server = try await HTTPServer.open(
            on: address, group: group, configuration: configuration,
            routes: try Self.routes())
        let clients = HTTPClientsOfStorm(world, ledger, port: server.address.port)
        defer { clients.leave() }
        try await withThrowingDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: group.executors[0]) { await server.run() }
            let isCrowded = world.draw(below: 8) == 0
            let count = isCrowded ? 100 + world.draw(below: 500) : 5 + world.draw(below: 100)
            clients.begin(
                max(1, count * settings.share / 1000),
                within: .nanoseconds(world.healNanoseconds / 2))
            try await LoopTime.sleep(for: .nanoseconds(world.healNanoseconds))
            world.heal()
            // What is left of before must end by the server's limits alone.
            try await LoopTime.sleep(for: .seconds(world.isReal ? 30 : 400))
            ledger.expect(
                server.statistics.openConnections == 0,
                "\(server.statistics.openConnections) connections outlived every limit")
            let calm = HTTPCalm(world, ledger, server, configuration)
            clients.beginPolite(5)
            try await LoopTime.sleep(for: world.isReal ? .seconds(8) : HTTPCalm.duration)
            clients.checkPolite()
            calm.check(connections: clients.politeCount, answers: clients.politeAnswerCount)
            let areGood = world.draw(below: 2) == 0
            clients.begin(
                20, within: .seconds(1),
                manners: areGood ? [.polite, .lingering, .halfClosing] : HTTPScript.Manner.allCases)
            try await LoopTime.sleep(for: .milliseconds(world.draw(below: 1500)))
            let refused = server.statistics.refusedConnections
            ledger.expect(refused == 0, "\(refused) connections were refused, with room for more")
            let start = MonotonicInstant.now
            server.stop()
            tasks.addTask(executorPreference: group.executors[0]) {
                // Behind the server's end, which the group waits for too.
                while server.statistics.openConnections > 0 {  // Ends with the server's limits.
                    try await LoopTime.sleep(for: .milliseconds(100))
                }
                let seconds = MonotonicInstant.now.nanoseconds(since: start) / 1_000_000_000
                // Who behaves is not waited for until connections are cut.
                ledger.expect(
                    seconds <= (areGood ? 8 : 15), "the server took \(seconds) s to stop")
            }
        }
    }

    /// The defaults; where time is real, limits that end before patience does.
    private static func configuration(_ world: any StormWorld) -> HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        guard world.isReal else { return configuration }
        configuration.headerTimeout = .seconds(3)
        configuration.bodyTimeout = .seconds(4)
        configuration.writeTimeout = .seconds(4)
        configuration.rateTimeout = .seconds(4)
        configuration.idleTimeout = .seconds(6)
        return configuration
    }

    private static func routes() throws -> HTTPRoutes {
        var routes = HTTPRoutes()
        try routes.get(
            "/n/:id",
            direct: { request, response in
                response.send(Array("n \(request.parameter(0))".utf8).span)
            })
        // A few blocks of the send stream, without a task.
        try routes.get(
            "/wide/:id",
            direct: { request, response in
                response.send(big(Int(request.parameter(0)) ?? 0).span)
            })
        try routes.get("/slow/:id") { request in
            let name = request.parameter("id") ?? "?"
            let number = Int(name) ?? 0
            let pause = Duration.milliseconds(number % 50)
            // Some handlers answer whether or not anybody is there any more.
            if number % 3 == 0 {
                try? await LoopTime.sleep(for: pause)
            } else {
                try await LoopTime.sleep(for: pause)
            }
            return .text("slow \(name)")
        }
        try routes.get("/big/:id") { request in
            let number = request.parameter("id").flatMap { Int($0) } ?? 0
            return ServerResponse(type: "text/plain", bytes: Self.big(number))
        }
        try routes.get("/broken/:id") { request in
            let number = request.parameter("id").flatMap { Int($0) } ?? 0
            return .stream { writer in
                try await writer.write(Self.big(number))
                throw HTTPFailure(500)
            }
        }
        try routes.post("/echo") { request in
            let body = try await request.body.collect(upTo: 1 << 20)
            return ServerResponse(type: "text/plain", bytes: body)
        }
        return routes
    }
}
