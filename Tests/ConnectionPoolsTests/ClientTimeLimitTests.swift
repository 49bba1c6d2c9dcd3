// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Networking
import Testing

@Suite("The client's limits of time", .timeLimit(.minutes(20)))
struct ClientTimeLimitTests {
    @Test("Closing takes as long as what is left to do", arguments: bothBackends)
    func closingTime(_ choice: BackendChoice) throws {
        // If this failed, a client would sit out a limit although everything is delivered and the
        // peer closes too, or cut connections at the limit.
        for delivery in DeliveryMode.allCases {
            var configuration = quick(delivery)
            configuration.pool.closeTimeoutNanoseconds = 30 * second
            try withRig(choice, configuration) { peer in
                await peer.lines { line in
                    if delivery == .confirmed { try? await peer.stream.write(answer(line)) }
                    return true
                }
            } _: { rig in
                await rig.send(0..<50)
                #expect(await rig.settled(50))
                let begin = MonotonicInstant.now
                await rig.client.close(within: .seconds(60))
                #expect(MonotonicInstant.now.nanoseconds(since: begin) < 10 * second)
                #expect(rig.client.statistics.pool.lateEvents == 0)
                #expect(rig.arrivals.totalCount == 50)
            }
        }
    }

    /// Runs a client on a loop whose only timer is somebody else's, until it gives up.
    private static func givesUpWithoutTimers(
        _ choice: BackendChoice, _ configuration: ClientConfiguration, isSilent: Bool
    ) throws -> (error: PoolError?, nanoseconds: UInt64, statistics: ClientStatistics) {
        var options = LoopOptions()
        options.timersMax = 1
        return try LoopGroup.run(choice: choice, options: options) { group in
            var listening = StreamListener.Options()
            if isSilent { listening.backlog = 0 }
            let listener = try StreamListener(on: loopback, options: listening)
            // The backlog is full: the next SYN is dropped. tcp(7), listen(2).
            let filler =
                isSilent ? try await StreamConnection.connect(to: listener.address) : nil
            let client = try PooledClient(
                to: .host("127.0.0.1", port: listener.address.port), configuration: configuration,
                executors: group.executors)
            let begin = MonotonicInstant.now
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { try? await LoopTime.sleep(for: .seconds(600)) }
                await Task.yield()
                #expect(group.executors[0].loop.timerCount == 1)
                tasks.addTask { await client.run() }
                _ = try? await client.send([65, 10])
                await client.waitUntilFinished()
                tasks.cancelAll()
            }
            let end = MonotonicInstant.now
            filler?.close()
            listener.close()
            var refusal: PoolError?
            do throws(PoolError) { try await client.send([65]) } catch { refusal = error }
            return (refusal, end.nanoseconds(since: begin), client.statistics)
        }
    }

    @Test("A limit of time holds on a loop without room for a timer", arguments: bothBackends)
    func connectingWithoutTimers(_ choice: BackendChoice) throws {
        // If this failed, an attempt would last for minutes, or be cut at once.
        var configuration = quick(.written, connections: 1, attempts: 0)
        configuration.pool.connectTimeoutNanoseconds = 60 * millisecond
        let (error, time, _) = try Self.givesUpWithoutTimers(choice, configuration, isSilent: true)
        #expect(error == .gaveUp(ConnectionError(.connectTimeout)))
        #expect(time >= 60 * millisecond && time < 20 * second)
    }

    @Test("A limit that was replaced does not come back without a timer", arguments: bothBackends)
    func answeringWithoutTimers(_ choice: BackendChoice) throws {
        // If this failed, the limit of connecting would go on counting for a connection that is
        // there, and keep its place from the limit of answers.
        var configuration = quick(.confirmed, connections: 1, attempts: 0)
        configuration.pool.connectTimeoutNanoseconds = 800 * millisecond
        configuration.pool.answerTimeoutNanoseconds = 1_200 * millisecond
        let (error, time, statistics) = try Self.givesUpWithoutTimers(
            choice, configuration, isSilent: false)
        #expect(error == .gaveUp(ConnectionError(.answerTimeout)))
        #expect(time >= 1_200 * millisecond && time < 20 * second)
        #expect(statistics.pool.attempts == 1 && statistics.pool.lateEvents == 0)
    }

    @Test("A limit of a connection that has ended does not come back", arguments: bothBackends)
    func endingWithoutTimers(_ choice: BackendChoice) throws {
        // If this failed, a limit would go on counting when what it limits is over.
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.answerTimeoutNanoseconds = 1_000 * millisecond
        var options = LoopOptions()
        options.timersMax = 1
        try LoopGroup.run(choice: choice, options: options) { [configuration] group in
            let server = try await StreamServer.open(on: loopback, group: group)
            let client = try PooledClient(
                to: .host("127.0.0.1", port: server.address.port), configuration: configuration,
                executors: group.executors)
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { try? await LoopTime.sleep(for: .seconds(600)) }
                await Task.yield()
                tasks.addTask {
                    await server.run { stream in
                        _ = try? await stream.read(atMost: 100)
                        try? await stream.write(Array("0\n".utf8))
                    }
                }
                tasks.addTask { await client.run() }
                _ = try? await client.send(numbered(0))
                // There is no timer to sleep by.
                let last = MonotonicInstant.now.advanced(by: .seconds(10))
                while client.statistics.pool.disconnects == 0, MonotonicInstant.now < last {
                    await Task.yield()
                }
                let end = MonotonicInstant.now.advanced(by: .milliseconds(1_300))
                while MonotonicInstant.now < end { await Task.yield() }
                #expect(client.statistics.delivered == 1)
                #expect(client.statistics.pool.disconnects == 1)
                #expect(client.statistics.pool.lateEvents == 0)
                await client.shutdownNow()
                tasks.cancelAll()
            }
        }
    }

    @Test("What only has to be written waits for no answer", arguments: bothBackends)
    func slowReader(_ choice: BackendChoice) throws {
        // If this failed, a peer that reads slowly would be cut for not answering what nobody asked
        // it to answer.
        var configuration = quick(.written, connections: 1)
        configuration.pool.answerTimeoutNanoseconds = 50 * millisecond
        configuration.pool.writeTimeoutNanoseconds = 60 * second
        try withRig(choice, configuration) { peer in
            try? await LoopTime.sleep(for: .milliseconds(400))
            while let bytes = try? await peer.stream.read(atMost: 65_536), !bytes.isEmpty {}
        } _: { rig in
            await rig.send(0..<1) { _ in [UInt8](repeating: 65, count: 16_000_000) }
            #expect(await rig.settled(1))
            #expect(rig.outcomes[0] == .ok)
            #expect(rig.client.statistics.pool.disconnects == 0)
        }
    }

    @Test("A peer that never answers is left while messages go on", arguments: bothBackends)
    func silentReader(_ choice: BackendChoice) throws {
        // If this failed, each message that is sent would give such a peer more time.
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.answerTimeoutNanoseconds = 100 * millisecond
        try withRig(choice, configuration) { peer in
            await peer.lines()
        } _: { rig in
            // A thousand do not fill the window.
            for number in 0..<1000 where rig.client.statistics.pool.disconnects == 0 {
                await rig.send(number..<number + 1)
                try? await LoopTime.sleep(for: .milliseconds(10))
            }
            let statistics = rig.client.statistics
            #expect(statistics.pool.disconnects >= 1)
            #expect(statistics.pool.lastError?.reason == .answerTimeout)
            #expect(statistics.delivered == 0)
        }
    }

    @Test("A connection that is used is not idle", arguments: bothBackends)
    func busy(_ choice: BackendChoice) throws {
        // If this failed, a connection would be closed and opened again in the middle of the
        // traffic, once each limit.
        let limit = 400 * millisecond
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.idleTimeoutNanoseconds = limit
        try withRig(choice, configuration) { peer in
            await ClientQueueTests.polite(peer)
        } _: { rig in
            // The longest time between two messages, as far as is known: a machine that stands
            // still makes a connection idle.
            var longest: UInt64 = 0
            var last = MonotonicInstant.now
            for number in 0..<60 {
                await rig.send(number..<number + 1)
                #expect(await rig.settled(number + 1))
                try? await LoopTime.sleep(for: .milliseconds(20))
                let now = MonotonicInstant.now
                longest = max(longest, now.nanoseconds(since: last))
                last = now
            }
            let closes = rig.client.statistics.pool.idleCloses
            #expect(closes == 0 || longest > limit / 3)
        }
    }

    @Test("An answer is traffic", arguments: bothBackends)
    func answersAreTraffic(_ choice: BackendChoice) throws {
        // If this failed, a connection whose answer took longer than the limit of idleness would be
        // closed as soon as it has come.
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.idleTimeoutNanoseconds = 200 * millisecond
        let answered = Shared(Atomic<UInt64>(0))
        try withRig(choice, configuration) { peer in
            await peer.lines { line in
                try? await LoopTime.sleep(for: .milliseconds(300))
                answered.value.store(MonotonicInstant.now.nanoseconds, ordering: .relaxed)
                try? await peer.stream.write(answer(line))
                return true
            }
        } _: { rig in
            await rig.send(0..<1)
            #expect(await until { rig.client.statistics.pool.idleCloses == 1 })
            #expect(rig.outcomes[0] == .ok)
            let instant = answered.value.load(ordering: .relaxed)
            #expect(MonotonicInstant.now.nanoseconds - instant >= 190 * millisecond)
        }
    }

    @Test("Of what comes back, only what was written was written", arguments: bothBackends)
    func unwritten(_ choice: BackendChoice) throws {
        // If this failed, a message of which the peer cannot have seen a byte would be told as
        // partly written, and counted as sent again.
        var configuration = quick(.written, connections: 1)
        configuration.pool.writeTimeoutNanoseconds = 50 * millisecond
        // Both messages are in one write, which begins with the first.
        configuration.writeBufferByteCount = 1 << 26
        configuration.queueByteCountMax = 1 << 26
        try withRig(choice, configuration, peer: { await $0.stall() }) { rig in
            await rig.send(0..<2) { _ in [UInt8](repeating: 65, count: 16_000_000) }
            #expect(await until { rig.client.statistics.pool.disconnects >= 2 })
            await rig.client.shutdownNow()
            #expect(rig.outcomes[0] == .failed(.cancelled, wasPartlyWritten: true))
            #expect(rig.outcomes[1] == .failed(.cancelled, wasPartlyWritten: false))
            // The first once for each connection but the first; were the second counted too, it
            // would be twice as often.
            let statistics = rig.client.statistics
            #expect(statistics.resent >= 1)
            #expect(statistics.resent < statistics.pool.disconnects)
        }
    }

    @Test("Closing waits for answers, longer than for a peer's end", arguments: bothBackends)
    func slowAnswers(_ choice: BackendChoice) throws {
        // If this failed, `close` would cut connections whose answers are still to come, and their
        // messages would be done twice, or fail.
        var configuration = quick(.confirmed, connections: 1)
        configuration.pool.closeTimeoutNanoseconds = 50 * millisecond
        try withRig(choice, configuration) { peer in
            await peer.lines { line in
                try? await LoopTime.sleep(for: .milliseconds(600))
                try? await peer.stream.write(answer(line))
                return true
            }
        } _: { rig in
            await rig.send(0..<1)
            #expect(await until { rig.arrivals.totalCount == 1 })
            await rig.client.close(within: .seconds(60))
            #expect(rig.outcomes[0] == .ok)
            #expect(rig.client.statistics.resent == 0)
            #expect(rig.arrivals.connectionCount == 1 && rig.arrivals.totalCount == 1)
        }
    }

    @Test("A connection without traffic is young, not idle since ever", arguments: bothBackends)
    func spare(_ choice: BackendChoice) throws {
        // If this failed, a connection that had no work yet would be closed at the first look.
        var configuration = quick(.written, connections: 2)
        configuration.pool.backlogPerConnection = 1
        configuration.pool.writeTimeoutNanoseconds = 100 * millisecond
        configuration.pool.idleTimeoutNanoseconds = 60 * second
        try withRig(choice, configuration, peer: { await $0.lines() }) { rig in
            await rig.send(0..<8)
            #expect(await rig.settled(8))
            #expect(await until { rig.client.statistics.pool.openConnections == 2 })
            try? await LoopTime.sleep(for: .milliseconds(500))
            #expect(rig.client.statistics.pool.idleCloses == 0)
        }
    }

    @Test("A write of which the kernel takes nothing is limited too", arguments: bothBackends)
    func nothingTaken(_ choice: BackendChoice) throws {
        // If this failed, a peer that stops reading between two messages would hold what follows
        // for ever. A single byte is taken whole or not at all, and over a Unix socket a few fill
        // the kernel.
        var configuration = quick(.written, connections: 1)
        configuration.stream.sendBufferByteCount = 4_096
        configuration.pool.windowCapacity = 1
        configuration.pool.writeTimeoutNanoseconds = 200 * millisecond
        try withUnixRig(choice, configuration, peer: { await $0.stall() }) { rig in
            await ClientQueueTests.sending(rig, 0..<2_000, { _ in [10] }) {
                #expect(await until { rig.client.statistics.pool.disconnects >= 1 })
                #expect(rig.client.statistics.pool.lastError?.reason == .writeTimeout)
                // The senders that wait go on, refused.
                await rig.client.shutdownNow()
            }
        }
    }
}
