// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Networking
import StressSupport
import Testing

@Suite("The client's limits and its end", .timeLimit(.minutes(20)))
struct ClientLimitTests {
    /// A client of a peer that reads nothing until the test notes a line.
    static func gated(_ peer: PeerConnection) async {
        guard await until({ peer.arrivals.distinctCount > 0 }) else { return }
        await peer.lines { line in
            try? await peer.stream.write(answer(line))
            return true
        }
    }

    static func small(_ delivery: DeliveryMode = .confirmed) -> ClientConfiguration {
        var configuration = quick(delivery, connections: 1)
        configuration.pool.queueCapacity = 5
        configuration.pool.windowCapacity = 4
        return configuration
    }

    @Test("A full queue refuses, and makes senders wait", arguments: bothBackends)
    func backpressure(_ choice: BackendChoice) throws {
        // If this failed, memory would grow with a slow peer, or a sender would sleep for ever.
        try withRig(choice, Self.small(), peer: Self.gated) { rig in
            await rig.send(0..<4)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(4..<9)
            #expect(rig.client.statistics.waiting == 5)
            for _ in 0..<3 {
                let isTaken = try Self.trySend(rig.client, 9)
                #expect(!isTaken)
            }
            await withDiscardingTaskGroup { tasks in
                for number in 9..<50 { tasks.addTask { await rig.send(number..<number + 1) } }
                try? await LoopTime.sleep(for: .milliseconds(5))
                #expect(rig.client.statistics.queued == 9)
                rig.arrivals.note([])
            }
            #expect(await rig.settled(50))
            #expect(rig.outcomes.okCount == 50)
            #expect(rig.arrivals.repeatedCount == 0)
        }
    }

    static func trySend(
        _ client: PooledClient, _ number: Int, _ line: [UInt8]? = nil
    ) throws -> Bool {
        let line = line ?? numbered(number)
        let ticket = MessageTicket(rawValue: UInt64(number))
        return try unsafe client.trySend(line.span.bytes, ticket: ticket)  // SAFETY: lent bytes.
    }

    @Test("Senders that wait for memory go on when a message has settled")
    func memory() throws {
        // If this failed, long messages would stop a client for good: room in the queue is told,
        // memory would not be; or senders would take the memory of the write buffers.
        var configuration = Self.small()
        configuration.memoryByteCountMax = 100_000
        try withRig(.epoll, configuration) { peer in
            await peer.lines { line in
                try? await peer.stream.write(answer(line))
                return true
            }
        } _: { rig in
            await rig.send(0..<60) { number in
                Array("\(number) ".utf8) + [UInt8](repeating: 65, count: 90_000) + [10]
            }
            #expect(await rig.settled(60))
            #expect(rig.outcomes.okCount == 60)
            await #expect(throws: PoolError.tooLong) {
                try await rig.client.send([UInt8](repeating: 65, count: 100_001))
            }
            await #expect(throws: PoolError.empty) { try await rig.client.send([]) }
        }
    }

    @Test("A queue full of bytes makes senders wait, and connections open")
    func queuedBytes() throws {
        // If this failed, long messages would pile up by the thousand, or few of them would never
        // be reason enough for another connection.
        var configuration = quick(.confirmed, connections: 2)
        configuration.pool.windowCapacity = 2
        configuration.queueByteCountMax = 10_000
        try withRig(.epoll, configuration, peer: Self.gated) { rig in
            let line: @Sendable (Int) -> [UInt8] = { number in
                Array("\(number) ".utf8) + [UInt8](repeating: 65, count: 4_000) + [10]
            }
            await rig.send(0..<2, line)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(2..<5, line)
            #expect(await until { rig.client.statistics.pool.openConnections == 2 })
            #expect(await until { rig.client.statistics.waiting == 1 })
            await rig.send(5..<7, line)
            #expect(rig.client.statistics.waiting == 3)
            for _ in 0..<3 {
                let isTaken = try Self.trySend(rig.client, 7, line(7))
                #expect(!isTaken)
            }
            // Short ones wait too: order is kept.
            let isShortTaken = try Self.trySend(rig.client, 7)
            #expect(!isShortTaken)
            await withDiscardingTaskGroup { tasks in
                for number in 7..<30 {
                    tasks.addTask { await rig.send(number..<number + 1, line) }
                }
                rig.arrivals.note([])
            }
            #expect(await rig.settled(30))
            #expect(rig.outcomes.okCount == 30)
        }
    }

    @Test("Memory that is kept for short messages is there for a long one")
    func keptMemory() throws {
        // If this failed, a client that has sent many messages could not send a very long one.
        var configuration = quick(.written, connections: 1)
        configuration.memoryByteCountMax = 1_600_000
        try withRig(.epoll, configuration) { peer in
            await peer.lines()
        } _: { rig in
            for round in 0..<3 {
                let first = round * 1000
                await rig.send(first..<first + 90) { _ in [UInt8](repeating: 65, count: 999) + [10]
                }
                #expect(await rig.settled(round * 91 + 90))
                await rig.send(first + 90..<first + 91) { _ in
                    [UInt8](repeating: 65, count: 1_599_999) + [10]
                }
                #expect(await rig.settled(round * 91 + 91))
            }
            #expect(rig.outcomes.okCount == 273)
        }
    }

    @Test("Messages of every length, from several threads", arguments: bothBackends)
    func lengths(_ choice: BackendChoice) throws {
        // If this failed, lengths around the slot's and the write buffer's would be cut, or mixed.
        let around = [1, 2, 63, 64, 65, 4096, 65_535, 65_536, 65_537, 200_000]
        for delivery in DeliveryMode.allCases {
            try withRig(choice, loops: 2, quick(delivery)) { peer in
                await peer.lines { line in
                    if delivery == .confirmed { try? await peer.stream.write(answer(line)) }
                    return true
                }
            } _: { rig in
                await BlockingPool.shared.run {
                    ThreadTeam.run(count: 3) { thread in
                        for number in 0..<40 {
                            let byteCount = around[number % around.count]
                            let letter = UInt8(97 + thread)
                            let line = [UInt8](repeating: letter, count: byteCount - 1) + [10]
                            let ticket = MessageTicket(rawValue: UInt64(thread * 40 + number))
                            // SAFETY: the bytes are copied while lent.
                            try? unsafe rig.client.blockingSend(line.span.bytes, ticket: ticket)
                        }
                    }
                }
                await rig.client.close(within: .seconds(10))
                #expect(rig.outcomes.okCount == 120)
                #expect(rig.outcomes.repeatedCount == 0)
                #expect(await until { rig.arrivals.totalCount == 120 })
                // The empty line is the same from all three.
                #expect(rig.arrivals.distinctCount == 3 * around.count - 2)
            }
        }
    }

    @Test("An outcome is told by its ticket, once")
    func tickets() throws {
        // If this failed, one could not wait for a message, or two would share a ticket.
        try withRig(.epoll, Self.small(), peer: Self.gated) { rig in
            let first = try await rig.client.send(numbered(0), keepsOutcome: true)
            await #expect(throws: PoolError.ticketInUse) {
                try await rig.client.send(numbered(1), ticket: first, keepsOutcome: true)
            }
            let second = try await rig.client.send(numbered(2), keepsOutcome: true)
            async let waited = rig.client.outcome(of: first)
            rig.arrivals.note([])
            #expect(await waited == .ok)
            #expect(await rig.client.outcome(of: first) == nil)
            #expect(await rig.client.outcome(of: second) == .ok)
            #expect(await rig.client.outcome(of: MessageTicket(rawValue: 77)) == nil)
        }
    }

    @Test("A message that is refused leaves its ticket free")
    func refusedTickets() throws {
        // If this failed, whoever waits for a message that was never queued would wait for ever.
        try withRig(.epoll, Self.small(), peer: Self.gated) { rig in
            await rig.client.close(within: .seconds(1))
            let ticket = MessageTicket(rawValue: 5)
            for _ in 0..<2 {
                await #expect(throws: PoolError.closed) {
                    try await rig.client.send(numbered(0), ticket: ticket, keepsOutcome: true)
                }
            }
            #expect(await rig.client.outcome(of: ticket) == nil)
        }
    }

    @Test("Close delivers until its limit and fails the rest", arguments: bothBackends)
    func closing(_ choice: BackendChoice) throws {
        // If this failed, close would return too late, or leave messages without an outcome.
        try withRig(choice, Self.small(), peer: Self.gated) { rig in
            await rig.send(0..<4)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(4..<9)
            await rig.client.close(within: .milliseconds(30))
            for number in 0..<9 {
                #expect(
                    rig.outcomes[number] == .failed(.closed, wasPartlyWritten: number < 4))
            }
            await #expect(throws: PoolError.closed) { try await rig.client.send([65]) }
            let statistics = rig.client.statistics
            #expect(statistics.queued == 9 && statistics.failed == 9)
            #expect(statistics.waiting == 0 && statistics.pool.openConnections == 0)
        }
    }

    @Test("Shutdown fails everything at once", arguments: bothBackends)
    func shutdown(_ choice: BackendChoice) throws {
        // If this failed, a client could not be stopped while a peer hangs.
        try withRig(choice, Self.small(), peer: Self.gated) { rig in
            await rig.send(0..<4)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await withDiscardingTaskGroup { tasks in
                for number in 4..<30 { tasks.addTask { await rig.send(number..<number + 1) } }
                #expect(await until { rig.client.statistics.waiting == 5 })
                let begin = MonotonicInstant.now
                await rig.client.shutdownNow()
                #expect(MonotonicInstant.now.nanoseconds - begin.nanoseconds < 2_000_000_000)
            }
            #expect(rig.outcomes.count == 9)
            for number in 0..<4 {
                #expect(rig.outcomes[number] == .failed(.cancelled, wasPartlyWritten: true))
            }
            await #expect(throws: PoolError.cancelled) { try await rig.client.send([65]) }
        }
    }

    @Test("An idle client closes at once, and one that connects or pauses", arguments: bothBackends)
    func closingEarly(_ choice: BackendChoice) throws {
        // If this failed, close would wait for an attempt or a pause that serves nobody.
        var configuration = quick(.written)
        configuration.pool.backoffInitialNanoseconds = 60_000_000_000
        configuration.pool.backoffCapNanoseconds = 60_000_000_000
        let nobody = Endpoint.host("127.0.0.1", port: 1)
        for isIdle in [true, false] {
            try withRig(choice, to: nobody, configuration) { _ in
            } _: { rig in
                if !isIdle {
                    await rig.send(0..<3)
                    #expect(await until { rig.client.statistics.pool.pauses == 1 })
                }
                let begin = MonotonicInstant.now
                await rig.client.close(within: .milliseconds(20))
                #expect(MonotonicInstant.now.nanoseconds - begin.nanoseconds < 2_000_000_000)
                #expect(rig.outcomes.failedCount == (isIdle ? 0 : 3))
            }
        }
    }

    @Test("A client whose task is cancelled shuts down", arguments: bothBackends)
    func cancelling(_ choice: BackendChoice) throws {
        // If this failed, a cancelled task group would hang.
        try LoopGroup.run(choice: choice) { group in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let outcomes = OutcomeLog()
            let client = try PooledClient(
                to: .host("127.0.0.1", port: listener.address.port),
                configuration: quick(.confirmed), executors: group.executors
            ) { outcomes.record($0) }
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await client.run() }
                for number in 0..<300 {
                    let ticket = MessageTicket(rawValue: UInt64(number))
                    _ = try? await client.send(numbered(number), ticket: ticket)
                }
                #expect(await until { client.statistics.bytesWritten > 0 })
                tasks.cancelAll()
            }
            #expect(outcomes.failedCount == 300)
            #expect(client.statistics.failed == 300)
        }
    }

    @Test("A message sent while the client closes has an outcome")
    func closingRace() throws {
        // If this failed, a message could be taken by a client that has finished, and be nobody's.
        for round in 0..<8 {
            try withRig(loops: 2, quick(.written)) { peer in
                await peer.lines()
            } _: { rig in
                await withDiscardingTaskGroup { tasks in
                    tasks.addTask {
                        await BlockingPool.shared.run {
                            var number = 0
                            // Ends: the client refuses once it closes.
                            while let isTaken = try? Self.trySend(rig.client, number) {
                                if isTaken { number += 1 }
                            }
                        }
                    }
                    for _ in 0..<(round % 10) {
                        try? await LoopTime.sleep(for: .microseconds(300))
                    }
                    await rig.client.close(within: .seconds(5))
                }
                let statistics = rig.client.statistics
                #expect(statistics.queued == UInt64(rig.outcomes.count))
                #expect(statistics.queued == statistics.delivered)
            }
        }
    }

    @Test("A callback may send, and end its client")
    func callbacks() throws {
        // If this failed, what a callback asks for would happen inside the machine or a connection.
        let box = Shared(Atomic<Int>(0))
        for isShutdown in [false, true] {
            try LoopGroup.run { group in
                let server = try await StreamServer.open(on: loopback, group: group)
                let peer = LinePeer(answers: true)
                let slot = ClientBox()
                let client = try PooledClient(
                    to: .host("127.0.0.1", port: server.address.port),
                    configuration: quick(.acknowledged), executors: group.executors
                ) { settled in
                    let (_, total) = box.value.add(settled.count, ordering: .relaxed)
                    if total < 200 { slot.send(total) } else { slot.end(isShutdown) }
                }
                slot.client = client
                await withTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { await server.run { await peer.serve($0) } }
                    tasks.addTask { await client.run() }
                    _ = try? await client.send(numbered(0))
                    await client.waitUntilFinished()
                    tasks.cancelAll()
                }
                let statistics = client.statistics
                #expect(statistics.queued == statistics.delivered + statistics.failed)
            }
            box.value.store(0, ordering: .relaxed)
        }
    }

    @Test("A connection that is idle is closed, and opened again", arguments: bothBackends)
    func idling(_ choice: BackendChoice) throws {
        // If this failed, idle connections would stay, or count as failures, or the next message
        // would wait.
        var configuration = quick(.confirmed)
        configuration.pool.idleTimeoutNanoseconds = 10_000_000
        // The peer closes too: nobody waits for this limit.
        configuration.pool.closeTimeoutNanoseconds = 60_000_000_000
        try withRig(choice, configuration) { peer in
            await peer.lines { line in
                try? await peer.stream.write(answer(line))
                return true
            }
        } _: { rig in
            for number in 0..<4 {
                await rig.send(number..<number + 1)
                #expect(await rig.settled(number + 1))
                #expect(await until { rig.client.statistics.pool.disconnects == number + 1 })
            }
            let statistics = rig.client.statistics
            #expect(statistics.pool.idleCloses == 4)
            #expect(statistics.pool.pauses == 0 && statistics.resent == 0)
            #expect(statistics.pool.lateEvents == 0)
            #expect(rig.outcomes.okCount == 4)
        }
    }

    @Test("A peer that reads nothing is left after the limit of writing", arguments: bothBackends)
    func writeTimeout(_ choice: BackendChoice) throws {
        // If this failed, bytes that no kernel takes would wait for ever.
        var configuration = quick(.written, connections: 1, attempts: 2)
        configuration.pool.writeTimeoutNanoseconds = 50_000_000
        try withRig(choice, configuration, peer: { await $0.stall() }) { rig in
            let long = [UInt8](repeating: 65, count: 16_000_000)
            _ = try await rig.client.send(long, ticket: MessageTicket(rawValue: 0))
            #expect(await until { rig.client.statistics.pool.disconnects >= 2 })
            await rig.client.shutdownNow()
            #expect(rig.outcomes[0] == .failed(.cancelled, wasPartlyWritten: true))
            #expect(rig.client.statistics.delivered == 0)
        }
    }

    @Test("An attempt that is never answered is cut", arguments: bothBackends)
    func connectTimeout(_ choice: BackendChoice) throws {
        // If this failed, an attempt would last as long as the kernel's own patience: minutes.
        var configuration = quick(.written, connections: 1, attempts: 1)
        configuration.pool.connectTimeoutNanoseconds = 60_000_000
        try LoopGroup.run(choice: choice) { [configuration] group in
            var options = StreamListener.Options()
            options.backlog = 0
            let listener = try StreamListener(on: loopback, options: options)
            // The backlog is full: the next SYN is dropped. tcp(7), listen(2).
            let filler = try await StreamConnection.connect(to: listener.address)
            let outcomes = OutcomeLog()
            let client = try PooledClient(
                to: .host("127.0.0.1", port: listener.address.port), configuration: configuration,
                executors: group.executors
            ) { outcomes.record($0) }
            let begin = MonotonicInstant.now
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await client.run() }
                _ = try? await client.send([65, 10])
                await client.waitUntilFinished()
            }
            #expect(MonotonicInstant.now.nanoseconds(since: begin) < 20_000_000_000)
            filler.close()
            listener.close()
            #expect(outcomes[0] == .failed(.gaveUp, wasPartlyWritten: false))
            await #expect(throws: PoolError.gaveUp(ConnectionError(.connectTimeout))) {
                try await client.send([65])
            }
        }
    }

    @Test("A peer that reads slowly is not given up", arguments: bothBackends)
    func steadyReader(_ choice: BackendChoice) throws {
        // If this failed, a message that takes longer than the limit of writing would be cut and
        // begun anew for ever, although bytes go all the time.
        let (slow, options) = slowly(.written)
        var configuration = slow
        configuration.pool.writeTimeoutNanoseconds = 1_500_000_000
        try withRig(choice, configuration, serverOptions: options, peer: { await $0.slowly() }) {
            rig in
            await rig.send(0..<1) { _ in [UInt8](repeating: 65, count: 12_000_000) }
            #expect(await rig.settled(1))
            #expect(rig.client.statistics.pool.disconnects == 0)
        }
    }
}

/// A client that its own callback reaches.
final class ClientBox: @unchecked Sendable {
    var client: PooledClient?

    func send(_ number: Int) {
        let line = numbered(number)
        let ticket = MessageTicket(rawValue: UInt64(number))
        _ = try? unsafe client?.trySend(line.span.bytes, ticket: ticket)  // SAFETY: lent bytes.
    }

    func end(_ isShutdown: Bool) {
        if isShutdown { client?.requestShutdown() } else { client?.requestClose() }
    }
}
