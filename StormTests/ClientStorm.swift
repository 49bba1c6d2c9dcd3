// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import ConnectionPools
internal import EventLoops
internal import LoopSimulation
internal import Networking

/// The pooled client against servers that reset, leave, stall, lie and come back.
struct ClientStorm: Sendable {
    /// How long after that everything must be settled.
    static let patience = Duration.seconds(600)
    /// What is left then takes less.
    private static let closingSecondsMax: UInt64 = 60

    let settings: StormSettings

    static let storm = Storm(
        name: "client",
        summary: "the pooled client against servers that reset, leave, stall, lie and come back"
    ) { settings in
        try ClientStorm(settings: settings).run()
    }

    func run() throws -> StormResult {
        let messages = MessageLedger()
        return try settings.run(waitsMax: 3_000_000, messages.ledger) { group, world in
            try await storm(group, world, messages)
        }
    }

    // MARK: The workload

    private func storm(
        _ group: LoopGroup, _ world: any StormWorld, _ messages: MessageLedger
    ) async throws {
        let configuration = configuration(world)
        let servers = RudeServers(world, messages, configuration.delivery)
        servers.begin()
        let healing = MonotonicInstant.now.advanced(byNanoseconds: world.healNanoseconds)
        world.later(world.healNanoseconds) {
            world.heal()
            servers.heal()
        }
        let client = try client(at: servers.port, configuration, group, world, messages)
        // One loop: an end is counted before anybody sends what it gave back.
        messages.mayBeDisordered = {
            configuration.pool.maxConnections > 1 && client.statistics.pool.disconnects > 0
        }
        let timerCount = group.executors[0].loop.timerCount
        let watch = ClientWatch(client, configuration, messages, world)
        world.onStep = { watch.look() }
        defer { world.onStep = nil }
        defer { messages.mayBeDisordered = { false } }  // It holds the client.
        let count = max(1, Self.messageCount(world) * settings.share / 1000)
        let pauseMax = min(400_000_000, 120_000_000_000 / count)
        let senders = 1 + world.draw(below: 4)
        let closesEarly = world.draw(below: 4) == 0
        // A queue that is full of bytes has its own way to end.
        let isFull = configuration.queueByteCountMax < 1 << 20
        let isCut = closesEarly && world.draw(below: isFull ? 2 : 4) == 0
        await withDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: group.executors[0]) { await client.run() }
            await withDiscardingTaskGroup { sending in
                for sender in 0..<senders {
                    sending.addTask(executorPreference: group.executors[0]) {
                        await send(
                            stride(from: sender, to: count, by: senders), from: sender,
                            by: client, world, messages, pauseMax,
                            configuration.messageByteCountMax, mayBeClosed: closesEarly)
                    }
                }
                guard closesEarly else { return }
                let pause = Duration.milliseconds(world.draw(below: 30_000))
                sending.addTask(executorPreference: group.executors[0]) {
                    try? await LoopTime.sleep(for: pause)
                    if isCut {
                        await client.shutdownNow()
                    } else {
                        await client.close(within: Self.patience)
                    }
                }
            }
            if !closesEarly {
                let calm = ClientCalm(
                    client: client, configuration: configuration, world: world, messages: messages)
                await calm.run(from: count, wellSince: { servers.healed ?? healing })
            }
            let begin = MonotonicInstant.now
            await client.close(within: Self.patience)
            let seconds = MonotonicInstant.now.nanoseconds(since: begin) / 1_000_000_000
            messages.expect(
                seconds < Self.closingSecondsMax || world.mayHaveJumped,
                "the client closes for \(seconds) s")
        }
        // What is cancelled may still be told of.
        try await LoopTime.sleep(for: .seconds(1))
        if !world.isReal { checkLoop(group.executors[0].loop, timerCount: timerCount, messages) }
        // A clock that jumps by hours may pass the limit of a close.
        let hasJumped = world.mayHaveJumped
        check(client.statistics, messages, configuration, world, mayFail: hasJumped || isCut)
        servers.end()
    }

    private func client(
        at port: UInt16, _ configuration: ClientConfiguration, _ group: LoopGroup,
        _ world: any StormWorld, _ messages: MessageLedger
    ) throws(PoolConfigurationError) -> PooledClient {
        try PooledClient(
            to: .host(Self.host(world), port: port), configuration: configuration,
            executors: group.executors
        ) { settled in
            for index in settled.indices { messages.settle(settled[index]) }
        }
    }

    private func send(
        _ numbers: StrideTo<Int>, from sender: Int, by client: PooledClient,
        _ world: any StormWorld, _ messages: MessageLedger, _ pauseMax: Int, _ byteCountMax: Int,
        mayBeClosed: Bool
    ) async {
        for number in numbers {
            if world.draw(below: 4) == 0 {
                let pause = world.draw(below: pauseMax)
                try? await LoopTime.sleep(for: .nanoseconds(pause))
            }
            if world.draw(below: 64) == 0 {
                await offerBad(number, to: client, messages, byteCountMax)
            }
            let byteCount = Self.byteCount(world, byteCountMax)
            let bytes = messages.make(number, from: sender, byteCount: byteCount)
            do throws(PoolError) {
                let asks = world.draw(below: 16) == 0
                let ticket = MessageTicket(rawValue: UInt64(number))
                try await submit(bytes, ticket, by: client, messages, keepsOutcome: asks)
                messages.accept(number)
                if asks { messages.tell(number, await client.outcome(of: ticket)) }
            } catch {
                messages.refuse(number)
                switch error {
                case .gaveUp: return
                case .closed, .cancelled: if mayBeClosed { return }
                default: break
                }
                messages.complain("message \(number) was refused: \(error)")
            }
        }
    }

    private func submit(
        _ bytes: [UInt8], _ ticket: MessageTicket, by client: PooledClient,
        _ messages: MessageLedger, keepsOutcome: Bool
    ) async throws(PoolError) {
        messages.sendersWaiting += 1
        defer { messages.sendersWaiting -= 1 }
        try await client.send(bytes, ticket: ticket, keepsOutcome: keepsOutcome)
    }

    /// A message of no bytes, and one that is too long by a byte.
    private func offerBad(
        _ number: Int, to client: PooledClient, _ messages: MessageLedger, _ byteCountMax: Int
    ) async {
        let ticket = MessageTicket(rawValue: UInt64(number))
        for byteCount in [0, byteCountMax + 1] {
            let due = byteCount == 0 ? PoolError.empty : .tooLong
            do throws(PoolError) {
                try await client.send([UInt8](repeating: 10, count: byteCount), ticket: ticket)
                messages.complain("a message of \(byteCount) bytes was taken")
            } catch {
                switch error {
                case .closed, .cancelled, .gaveUp: return
                default: messages.expect(error == due, "\(byteCount) bytes: \(error)")
                }
            }
        }
    }

    /// A literal, or a name with some addresses, which are tried in turn.
    private static func host(_ world: any StormWorld) -> String {
        guard world.draw(below: 3) == 0 else { return "127.0.0.1" }
        let count = 1 + world.draw(below: 3)
        return world.name("servers", addressCount: count) ? "servers" : "127.0.0.1"
    }

    /// Most runs are small, so that many different ones have their turn; some go on for long.
    private static func messageCount(_ world: any StormWorld) -> Int {
        switch world.draw(below: 16) {
        case 0: 5_000 + world.draw(below: 20_000)
        case 1...4: 500 + world.draw(below: 2_000)
        default: 30 + world.draw(below: 300)
        }
    }

    /// Some clients have messages that are longer than the buffers of both ends.
    private static func byteCountMax(_ world: any StormWorld) -> Int {
        world.draw(below: 8) == 0 ? 600_000 : 120_000
    }

    private static func byteCount(_ world: any StormWorld, _ byteCountMax: Int) -> Int {
        switch world.draw(below: 20) {
        case 0: 20_000 + world.draw(below: byteCountMax - 20_000)
        case 1...4: 100 + world.draw(below: 3000)
        default: 20 + world.draw(below: 60)
        }
    }

    private func configuration(_ world: any StormWorld) -> ClientConfiguration {
        var configuration = ClientConfiguration()
        let modes = DeliveryMode.allCases
        configuration.delivery = modes[world.draw(below: modes.count)]
        configuration.pool.maxConnections = 1 + world.draw(below: 4)
        configuration.pool.queueCapacity = 2 + world.draw(below: 200)
        configuration.pool.windowCapacity = 1 + world.draw(below: 64)
        configuration.pool.backlogPerConnection = 1 + world.draw(below: 64)
        // Some runs give up, most do not.
        configuration.pool.maxReconnectAttempts = world.draw(below: 5) == 0 ? 3 : 1_000_000
        configuration.pool.answerTimeoutNanoseconds = 2_000_000_000
        configuration.pool.writeTimeoutNanoseconds = 2_000_000_000
        configuration.pool.connectTimeoutNanoseconds = 3_000_000_000
        // Limits that are near to what they limit meet it in the same turn now and then.
        if world.draw(below: 4) == 0 {
            configuration.pool.connectTimeoutNanoseconds =
                UInt64(5 + world.draw(below: 200)) * 1_000_000
        }
        if world.draw(below: 3) == 0 {
            configuration.pool.idleTimeoutNanoseconds =
                UInt64(1 + world.draw(below: 300)) * 1_000_000
        }
        configuration.messageByteCountMax = Self.byteCountMax(world)
        // Two of the longest would fill it, and nobody could tell what senders wait for.
        if configuration.messageByteCountMax > 1 << 18 { configuration.queueByteCountMax = 1 << 26 }
        if world.draw(below: 4) == 0 {
            configuration.queueByteCountMax = 1 << (10 + world.draw(below: 10))
        }
        configuration.writeBufferByteCount = 1 << (8 + world.draw(below: 9))
        configuration.seed = settings.seed
        return configuration
    }

    // MARK: At the end

    private func checkLoop(_ loop: EventLoop, timerCount: Int, _ messages: MessageLedger) {
        messages.expect(
            loop.timerCount == timerCount && loop.operationCount == 0,
            "\(loop.timerCount) timers, \(timerCount) before, and \(loop.operationCount)"
                + " operations are left behind the end")
    }

    private func check(
        _ statistics: ClientStatistics, _ messages: MessageLedger,
        _ configuration: ClientConfiguration, _ world: any StormWorld, mayFail: Bool
    ) {
        messages.expect(
            statistics.queued == statistics.delivered + statistics.failed,
            "taken \(statistics.queued), delivered \(statistics.delivered), failed"
                + " \(statistics.failed)")
        messages.expect(
            statistics.queued == UInt64(messages.acceptedCount),
            "\(messages.acceptedCount) messages were taken, it counts \(statistics.queued)")
        messages.expect(
            statistics.pool.openConnections == 0, "a connection is open behind the end")
        let pool = statistics.pool
        messages.expect(
            pool.attempts == pool.connects + pool.connectFailures,
            "\(pool.attempts) attempts, \(pool.connects) connects, \(pool.connectFailures) failures"
        )
        messages.expect(
            pool.connects == pool.disconnects,
            "\(pool.connects) connects and \(pool.disconnects) ends")
        let mayGiveUp = mayFail || configuration.pool.maxReconnectAttempts < 10
        checkNumbers(statistics, messages)
        checkErrors(pool, messages, world)
        messages.checkAll(configuration.delivery, mayGiveUp: mayGiveUp, resent: statistics.resent)
    }

    /// What ended connections is something that happened to them.
    private func checkErrors(
        _ pool: PoolStatistics, _ messages: MessageLedger, _ world: any StormWorld
    ) {
        if let made = world.connectionCount {
            messages.expect(pool.connects <= made, "\(pool.connects) connects of \(made)")
        }
        guard let reason = pool.lastError?.reason else { return }
        switch reason {
        case .gaveUp, .closed, .cancelled, .idle, .security:
            messages.complain("a connection ended as \(reason)")
        case .noResources, .systemError:
            messages.expect(
                world.mayHaveLackedResources, "a connection ended as \(reason), of nothing")
        default: break
        }
    }

    /// Numbers that follow from what was sent and what arrived.
    private func checkNumbers(_ statistics: ClientStatistics, _ messages: MessageLedger) {
        let pool = statistics.pool
        let written = statistics.bytesWritten
        messages.expect(statistics.waiting == 0, "\(statistics.waiting) messages wait at the end")
        messages.expect(
            written >= UInt64(messages.arrivedByteCount),
            "\(written) bytes were written, \(messages.arrivedByteCount) arrived")
        messages.expect(
            statistics.resent > 0 || written <= UInt64(messages.acceptedByteCount),
            "\(written) bytes were written of \(messages.acceptedByteCount), nothing twice")
        messages.expect(
            statistics.delivered == 0 || pool.connects > 0, "messages went without a connection")
        messages.expect(
            statistics.resent == 0 || pool.lastError != nil, "nobody knows why connections ended")
        messages.expect(
            pool.idleCloses <= pool.disconnects,
            "\(pool.idleCloses) idle connections, \(pool.disconnects) ends")
    }
}
