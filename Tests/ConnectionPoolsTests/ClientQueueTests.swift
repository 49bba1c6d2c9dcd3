// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Networking
import Testing

@Suite("The client's queue", .timeLimit(.minutes(20)))
struct ClientQueueTests {
    /// A line of exactly so many bytes that begins with its number.
    @Sendable static func line(_ number: Int, _ byteCount: Int) -> [UInt8] {
        let head = Array("\(number) ".utf8)
        return head + [UInt8](repeating: 65, count: byteCount - head.count - 1) + [10]
    }

    /// Answers so many lines of each connection, and reads on. Begins when the test notes a line.
    static func gated(
        answering count: Int
    ) -> @Sendable (PeerConnection) async -> Void {
        { peer in
            guard await until({ peer.arrivals.distinctCount > 0 }) else { return }
            await answers(count, peer)
        }
    }

    static func answers(_ count: Int, _ peer: PeerConnection) async {
        var left = count
        await peer.lines { line in
            if left > 0 { try? await peer.stream.write(answer(line)) }
            left -= 1
            return true
        }
    }

    static func polite(_ peer: PeerConnection) async { await answers(.max, peer) }

    /// Sends beside the test, which fails rather than waits for ever where a sender is not woken.
    static func sending(
        _ rig: Rig, _ numbers: Range<Int>, _ line: @escaping @Sendable (Int) -> [UInt8],
        _ body: @Sendable () async -> Void
    ) async {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await rig.send(numbers, line) }
            await body()
            tasks.cancelAll()
        }
    }

    /// With a full window, a limit of 10,000 bytes and nothing in the queue, three messages of
    /// 4,000 bytes are taken and not a fourth.
    static func takesThree(_ rig: Rig, from first: Int) throws {
        for number in first..<first + 4 {
            let isTaken = try ClientLimitTests.trySend(rig.client, number, line(number, 4000))
            #expect(isTaken == (number < first + 3), "message \(number - first) of 4")
        }
    }

    @Test("Whatever has left the queue is counted there no more")
    func bytesAreGivenBack() throws {
        // If this failed, a client would end up refusing everybody, or nobody: bytes of some
        // messages would stay counted, or be taken off that never were added.
        var configuration = ClientLimitTests.small()
        configuration.queueByteCountMax = 10_000
        configuration.pool.queueCapacity = 64
        let lengths = [8, 64, 65, 64, 1000, 8]
        try withRig(.epoll, configuration) { peer in
            await Self.answers(240, peer)
        } _: { rig in
            await Self.sending(rig, 0..<240, { Self.line($0, lengths[$0 % 6]) }) {
                #expect(await rig.settled(240))
            }
            await rig.send(240..<244)
            #expect(await until { rig.client.statistics.waiting == 0 })
            try Self.takesThree(rig, from: 244)
        }
    }

    @Test("What a full queue refuses is not counted")
    func refusedBytes() throws {
        // If this failed, the limit in bytes would be lost where the queue's places run out first.
        // A power of two: such a queue is full by itself, and counts before it knows.
        var configuration = ClientLimitTests.small()
        configuration.queueByteCountMax = 10_000
        configuration.pool.queueCapacity = 8
        try withRig(.epoll, configuration) { peer in
            await Self.answers(8, peer)
        } _: { rig in
            // There is no connection yet: memory is left for more than the queue holds.
            for number in 0..<8 {
                let isTaken = try ClientLimitTests.trySend(rig.client, number)
                #expect(isTaken)
            }
            for _ in 0..<100 {
                let isLongTaken = try ClientLimitTests.trySend(rig.client, 99, Self.line(99, 4000))
                let isShortTaken = try ClientLimitTests.trySend(rig.client, 99, Self.line(99, 64))
                #expect(!isLongTaken && !isShortTaken)
            }
            #expect(await rig.settled(8))
            await rig.send(8..<12)
            #expect(await until { rig.client.statistics.waiting == 0 })
            try Self.takesThree(rig, from: 12)
        }
    }

    @Test("A queue that is full to the byte refuses, and connections open")
    func fullToTheByte() throws {
        // If this failed, a message more than allowed would be taken, or senders would wait beside
        // a pool that does not grow.
        var configuration = quick(.confirmed, connections: 2)
        configuration.pool.windowCapacity = 2
        configuration.queueByteCountMax = 10_000
        try withRig(.epoll, configuration, peer: Self.gated(answering: .max)) { rig in
            let line: @Sendable (Int) -> [UInt8] = { Self.line($0, 5000) }
            await rig.send(0..<2, line)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(2..<4, line)
            #expect(await until { rig.client.statistics.pool.openConnections == 2 })
            #expect(await until { rig.client.statistics.waiting == 0 })
            for number in 4..<7 {
                let isTaken = try ClientLimitTests.trySend(rig.client, number, line(number))
                #expect(isTaken == (number < 6))
            }
            rig.arrivals.note([])
            #expect(await rig.settled(6))
        }
    }

    @Test("With room for a single byte, one message at a time is taken")
    func oneByte() throws {
        // If this failed, the smallest limit that is allowed would take nothing ever.
        var configuration = quick(.confirmed, connections: 1)
        configuration.queueByteCountMax = 1
        try withRig(.epoll, configuration, peer: Self.polite) { rig in
            await Self.sending(rig, 0..<20, { Self.line($0, 100) }) {
                #expect(await rig.settled(20))
            }
            #expect(rig.outcomes.okCount == 20)
        }
    }

    @Test("A client whose queue may hold no byte is refused")
    func noByte() throws {
        // If this failed, every sender of such a client would wait for ever.
        var configuration = quick(.written)
        configuration.queueByteCountMax = 0
        try LoopGroup.run { [configuration] group -> Void in
            #expect(throws: PoolConfigurationError.queueByteCount) {
                try PooledClient(
                    to: .host("127.0.0.1", port: 1), configuration: configuration,
                    executors: group.executors)
            }
        }
    }

    @Test("Senders go on when half of the queue is empty", arguments: [20, 1000])
    func halfIsEnough(_ byteCount: Int) throws {
        // If this failed, senders would sleep beside a queue with room for as long as a peer
        // stalls.
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.windowCapacity = 4
        // Eight messages fill it: by their number, or by their bytes.
        if byteCount == 20 { configuration.pool.queueCapacity = 8 }
        configuration.queueByteCountMax = 8000
        try withRig(.epoll, configuration, peer: Self.gated(answering: 4)) { rig in
            let line: @Sendable (Int) -> [UInt8] = { Self.line($0, byteCount) }
            await rig.send(0..<4, line)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(4..<12, line)
            let isTaken = try ClientLimitTests.trySend(rig.client, 99, line(99))
            #expect(!isTaken)
            await Self.sending(rig, 12..<13, line) {
                try? await LoopTime.sleep(for: .milliseconds(5))
                #expect(rig.client.statistics.queued == 12)
                // Four answers: four are taken, and half is left.
                rig.arrivals.note([])
                #expect(await until { rig.client.statistics.queued == 13 })
            }
        }
    }

    @Test("A sender that is cancelled while it waits for room sends nothing")
    func cancelledSender() throws {
        // If this failed, it would spin until there is room, or its message be sent all the same.
        try withRig(.epoll, ClientLimitTests.small(), peer: ClientLimitTests.gated) { rig in
            await rig.send(0..<4)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(4..<9)
            await withDiscardingTaskGroup { tasks in
                tasks.addTask {
                    await #expect(throws: PoolError.cancelled) {
                        try await rig.client.send(numbered(9))
                    }
                }
                try? await LoopTime.sleep(for: .milliseconds(5))
                tasks.cancelAll()
            }
            #expect(rig.client.statistics.queued == 9)
            rig.arrivals.note([])
            #expect(await rig.settled(9))
        }
    }

    @Test("A sender that waits for room is refused when the client begins to close")
    func refusedSender() throws {
        // If this failed, it would wait for as long as the client drains.
        try withRig(.epoll, ClientLimitTests.small(), peer: ClientLimitTests.gated) { rig in
            await rig.send(0..<4)
            #expect(await until { rig.client.statistics.waiting == 0 })
            await rig.send(4..<9)
            let refusals = Shared(Atomic<Int>(0))
            await withDiscardingTaskGroup { tasks in
                tasks.addTask {
                    await #expect(throws: PoolError.closed) {
                        try await rig.client.send(numbered(9))
                    }
                    refusals.value.add(1, ordering: .relaxed)
                }
                try? await LoopTime.sleep(for: .milliseconds(5))
                rig.client.requestClose(within: .seconds(60))
                #expect(await until { refusals.value.load(ordering: .relaxed) == 1 })
                #expect(rig.outcomes.count == 0)
                await rig.client.shutdownNow()
            }
        }
    }

    @Test("The first reason to refuse senders stays")
    func firstReason() throws {
        // If this failed, senders would hear another reason than what happened first, and read it
        // while it changes.
        try withRig(.epoll, ClientLimitTests.small(), peer: ClientLimitTests.gated) { rig in
            await rig.send(0..<1)
            #expect(await until { rig.client.statistics.bytesWritten > 0 })
            rig.client.requestClose(within: .seconds(60))
            await rig.client.shutdownNow()
            #expect(rig.outcomes[0] == .failed(.cancelled, wasPartlyWritten: true))
            await #expect(throws: PoolError.closed) { try await rig.client.send([65]) }
        }
    }

    @Test("Only a message that is asked for settles the outcome of its ticket")
    func sharedTicket() throws {
        // If this failed, one who asks for a message would hear of another with the same number.
        try withRig(.epoll, ClientLimitTests.small(), peer: Self.gated(answering: 1)) { rig in
            let isTaken = try ClientLimitTests.trySend(rig.client, 5, numbered(0))
            #expect(isTaken)
            let kept = try await rig.client.send(
                numbered(1), ticket: MessageTicket(rawValue: 5), keepsOutcome: true)
            rig.arrivals.note([])
            #expect(await rig.settled(1))
            #expect(await until { rig.arrivals.count(of: Array("1 x".utf8)) == 1 })
            await rig.client.shutdownNow()
            #expect(
                await rig.client.outcome(of: kept) == .failed(.cancelled, wasPartlyWritten: true))
        }
    }

    @Test("A client with a queue full of bytes shuts down")
    func shutdownWhenFull() throws {
        // If this failed, the loop of a client that is shut down would go round for ever.
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.windowCapacity = 2
        configuration.queueByteCountMax = 10_000
        try withRig(.epoll, configuration, peer: ClientLimitTests.gated) { rig in
            await rig.send(0..<2)
            #expect(await until { rig.client.statistics.waiting == 0 })
            try Self.takesThree(rig, from: 2)
            await rig.client.shutdownNow()
            #expect(rig.outcomes.failedCount == 5)
            #expect(rig.client.statistics.failed == 5)
        }
    }

    @Test("However many messages wait at the end, each has one outcome")
    func manyAtTheEnd() throws {
        // If this failed, what is told in several batches would be told twice, or never.
        var configuration = quick(.written)
        configuration.pool.backoffInitialNanoseconds = 60_000_000_000
        configuration.pool.backoffCapNanoseconds = 60_000_000_000
        let nobody = Endpoint.host("127.0.0.1", port: 1)
        try withRig(to: nobody, configuration) { _ in
        } _: { rig in
            await rig.send(0..<2500)
            #expect(rig.client.statistics.waiting == 2500)
            await rig.client.shutdownNow()
            #expect(rig.outcomes.failedCount == 2500)
            #expect(rig.outcomes.repeatedCount == 0)
            #expect(rig.client.statistics.failed == 2500)
        }
    }

    @Test("All windows and the queue can be full at one time", arguments: bothBackends)
    func fullWindows(_ choice: BackendChoice) throws {
        // If this failed, there would be fewer places for messages than windows promise, and a
        // sender who finds none would sleep for ever: a short message that settles wakes nobody.
        var configuration = quick(.confirmed, connections: 4)
        configuration.pool.queueCapacity = 4
        configuration.pool.windowCapacity = 64
        configuration.pool.backlogPerConnection = 1
        try withRig(choice, configuration, peer: ClientLimitTests.gated) { rig in
            await Self.sending(rig, 0..<260, numbered) {
                #expect(await until { rig.client.statistics.queued == 260 })
                rig.arrivals.note([])
                #expect(await rig.settled(260))
            }
            #expect(rig.outcomes.okCount == 260)
        }
    }

    @Test("A write of a single byte makes room for senders", arguments: bothBackends)
    func singleBytes(_ choice: BackendChoice) throws {
        // If this failed, senders of the shortest messages would not be woken, and sleep for ever.
        var configuration = ClientLimitTests.small(.written)
        configuration.pool.windowCapacity = 1
        try withRig(choice, configuration, peer: { await $0.lines() }) { rig in
            await Self.sending(rig, 0..<200, { _ in [10] }) {
                #expect(await rig.settled(200))
            }
            #expect(rig.outcomes.okCount == 200)
        }
    }
}
