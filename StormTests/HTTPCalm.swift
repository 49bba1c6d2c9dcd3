// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import HTTPServing
internal import LoopSimulation
internal import Networking

/// Clients that stop in the middle while the network is well: the server's limits must end each of
/// them at its time, neither before nor much later, and count what it did.
///
/// Threads: the simulation's.
final class HTTPCalm {
    /// Longer than each limit, and what comes behind it.
    static let duration = Duration.seconds(100)

    private let world: any StormWorld
    private let ledger: Ledger
    private let server: HTTPServer
    private let before: HTTPServerStatistics
    private var clients: [HTTPCalmClient] = []

    init(
        _ world: any StormWorld, _ ledger: Ledger, _ server: HTTPServer,
        _ configuration: HTTPServerConfiguration
    ) {
        self.world = world
        self.ledger = ledger
        self.server = server
        before = server.statistics
        if world.isReal { return }
        let times: [HTTPCalmClient.Manner: (least: Duration, most: Duration)] = [
            .silent: (configuration.headerTimeout, configuration.headerTimeout),
            .halfHead: (configuration.headerTimeout, configuration.headerTimeout),
            .halfBody: (configuration.bodyTimeout, configuration.bodyTimeout),
            .resting: (configuration.idleTimeout, configuration.idleTimeout),
            .deaf: (configuration.writeTimeout, configuration.writeTimeout * 2),
            .brokenOff: (.zero, .zero),  // No limit: see `checkBreak`.
        ]
        for (manner, limits) in times.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for _ in 0..<1 + world.draw(below: 2) {
                clients.append(
                    HTTPCalmClient(
                        world, ledger, port: server.address.port, manner, least: limits.least,
                        most: limits.most))
            }
        }
    }

    /// Compares what the clients saw, and the server counted beside the others', of whom so many
    /// came and got so many answers.
    func check(connections: Int, answers: Int) {
        if world.isReal { return }
        for client in clients { client.check() }
        let after = server.statistics
        let successes = clients.count { $0.manner == .resting || $0.manner == .brokenOff } + answers
        expect(after.acceptedConnections - before.acceptedConnections, clients.count + connections)
        let written = clients.count { $0.manner == .deaf } * HTTPCalmClient.longAnswerCount
        let counted = Int(after.successes - before.successes)
        ledger.expect(
            (successes...successes + written).contains(counted),
            "in the calm: \(counted) successes, \(successes) answers")
        expect(
            after.clientErrors - before.clientErrors,
            clients.count { $0.manner == .halfHead || $0.manner == .halfBody })
        expect(after.serverErrors - before.serverErrors, 0)
        expect(after.refusedConnections - before.refusedConnections, 0)
        ledger.expect(
            after.openConnections == 0, "in the calm: \(after.openConnections) are open at the end")
    }

    private func expect(_ counted: UInt64, _ due: Int, line: Int = #line) {
        ledger.expect(
            counted == UInt64(due), "in the calm: \(counted) counted, \(due) due (\(line))")
    }
}
