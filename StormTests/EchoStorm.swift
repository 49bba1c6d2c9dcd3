// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import LoopSimulation
internal import Networking

/// Streams of the package at both ends of one world: what comes back is what was sent, up to its
/// end or to a break. With TLS a break never looks like an end.
struct EchoStorm: Sendable {
    static let plain = Storm(
        name: "echo", summary: "streams of both ends over a network that cuts, delays and resets"
    ) { settings in
        try EchoStorm(settings: settings, isSecure: false).run()
    }

    #if TLS
        static let secure = Storm(
            name: "tls", summary: "the same through TLS: what was cut never looks whole"
        ) { settings in
            try EchoStorm(settings: settings, isSecure: true).run()
        }
    #endif

    let settings: StormSettings
    let isSecure: Bool

    func run() throws -> StormResult {
        let ledger = Ledger()
        return try settings.run(waitsMax: 3_000_000, ledger) { group, world in
            try await storm(group, world, ledger)
        }
    }

    // MARK: The workload

    private func storm(_ group: LoopGroup, _ world: any StormWorld, _ ledger: Ledger) async throws {
        let ends = try await EchoEnds(group, world, ledger, isSecure: isSecure)
        // A handshake costs as much of a processor as a hundred conversations without.
        let most = isSecure ? 12 : 260
        let count = max(1, (2 + world.draw(below: most)) * settings.share / 1000)
        let loop = group.executors[0]
        let rude = EchoRudeClients(world, ledger, isSecure: isSecure, port: ends.port)
        defer { rude.leave() }
        await withDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: loop) { await ends.serve() }
            await withDiscardingTaskGroup { talks in
                for number in 0..<count {
                    let start = world.draw(below: Int(world.healNanoseconds / 2_000_000))
                    talks.addTask(executorPreference: loop) {
                        try? await LoopTime.sleep(for: .milliseconds(start))
                        await EchoTalk(number, ends, mustSucceed: false).run()
                    }
                }
                rude.begin(
                    (world.draw(below: 8) * settings.share + 999) / 1000,
                    within: .nanoseconds(world.healNanoseconds / 2))
                try? await LoopTime.sleep(for: .nanoseconds(world.healNanoseconds))
                world.heal()
                // Who has no handshake to finish is waited for without limit.
                if !isSecure { rude.leave() }
            }
            await withDiscardingTaskGroup { talks in
                for number in 0..<3 {
                    talks.addTask(executorPreference: loop) {
                        await EchoTalk(1000 + number, ends, mustSucceed: true).run()
                    }
                }
            }
            if isSecure && !world.isReal {
                try? await LoopTime.sleep(for: EchoEnds.handshakeTimeout + .seconds(5))
                rude.checkLimit()
            }
            rude.leave()
            ends.stop()
        }
    }
}
