// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Glibc
import Networking
import Testing

let bothBackends: [BackendChoice] = [.ioUring, .epoll]

@Suite("Pooled client against hostile peers", .timeLimit(.minutes(20)))
struct HostilePeerTests {
    @Test(
        "A peer that resets every connection after some tens of messages", arguments: bothBackends)
    func resets(_ choice: BackendChoice) throws {
        // If this failed, a message could be lost, confirmed without having arrived, told twice, or
        // repeated without a broken connection, or the limit on connections would not hold.
        let count = 3000
        try withRig(choice, quick(.confirmed)) { peer in
            var left = 20 + peer.number % 40
            await peer.lines { line in
                try? await peer.stream.write(answer(line))
                left -= 1
                return left > 0
            }
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<count)
            await rig.client.close(within: .seconds(60))
            let statistics = rig.client.statistics
            #expect(rig.outcomes.okCount == count)
            #expect(rig.outcomes.repeatedCount == 0)
            #expect(rig.arrivals.distinctCount == count)
            #expect(rig.arrivals.openMax <= 4)
            #expect(UInt64(rig.arrivals.repeatedCount) <= statistics.resent)
            #expect(statistics.pool.disconnects >= 50)
            #expect(statistics.queued == statistics.delivered + statistics.failed)
        }
    }

    @Test("A peer that stops reading and answering", arguments: bothBackends)
    func stalls(_ choice: BackendChoice) throws {
        // If this failed, a peer that hangs would hold its messages for ever.
        var configuration = quick(.confirmed, connections: 2)
        configuration.pool.answerTimeoutNanoseconds = 100_000_000
        try withRig(choice, configuration) { peer in
            await peer.lines { line in
                if peer.number < 2 && peer.arrivals.totalCount > 10 {
                    await peer.stall()
                    return false
                }
                try? await peer.stream.write(answer(line))
                return true
            }
        } _: { rig in
            await rig.send(0..<200)
            await rig.client.close(within: .seconds(60))
            #expect(rig.outcomes.okCount == 200)
            #expect(rig.outcomes.repeatedCount == 0)
            #expect(rig.arrivals.distinctCount == 200)
        }
    }

    @Test("A peer that ends its side and reads on", arguments: bothBackends)
    func halfCloses(_ choice: BackendChoice) throws {
        // If this failed, messages that such a peer will not answer would wait for the time limit,
        // or be confirmed by nobody.
        for delivery in DeliveryMode.allCases {
            try withRig(choice, quick(delivery)) { peer in
                var answered = 0
                await peer.lines { line in
                    guard answered < 20 else { return true }
                    answered += 1
                    if delivery == .confirmed { try? await peer.stream.write(answer(line)) }
                    if answered == 20 { try? await peer.stream.finishWriting() }
                    return true
                }
            } _: { rig in
                await rig.send(0..<500)
                await rig.client.close(within: .seconds(60))
                #expect(rig.outcomes.okCount == 500)
                #expect(rig.outcomes.repeatedCount == 0)
                let hasArrived = await until { rig.arrivals.distinctCount == 500 }
                #expect(hasArrived)
                #expect(rig.client.statistics.pool.disconnects >= 1)
            }
        }
    }

    @Test("A peer that accepts and resets at once is given up", arguments: bothBackends)
    func resetsAtOnce(_ choice: BackendChoice) throws {
        // If this failed, such a peer would be tried for ever, without a pause, or its messages
        // would fail without a reason.
        var configuration = quick(.confirmed, connections: 1, attempts: 5)
        configuration.pool.backoffInitialNanoseconds = 2_000_000
        configuration.pool.backoffCapNanoseconds = 1_000_000_000
        try withRig(choice, configuration) { peer in
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<40)
            #expect(await rig.settled(40))
            await rig.client.waitUntilFinished()
            for number in 0..<40 {
                guard case .failed(.gaveUp, _) = rig.outcomes[number] else {
                    Issue.record("\(number): \(String(describing: rig.outcomes[number]))")
                    return
                }
            }
            let statistics = rig.client.statistics
            #expect(statistics.pool.attempts == 6)
            #expect(statistics.failed == 40)
            await #expect(throws: PoolError.self) { try await rig.client.send([65]) }
            // No pause is shorter than its shortest: half of 2 ms, doubled each time.
            let instants = rig.arrivals.instants
            for index in 1..<instants.count {
                let pause = instants[index].nanoseconds - instants[index - 1].nanoseconds
                #expect(pause >= 900_000 << UInt64(index - 1), "pause \(index)")
            }
        }
    }

    @Test("A peer that never accepts is given up", arguments: bothBackends)
    func neverAccepts(_ choice: BackendChoice) throws {
        // If this failed, a connection that only waits in a backlog would count as success.
        var configuration = quick(.confirmed, attempts: 3)
        configuration.pool.answerTimeoutNanoseconds = 20_000_000
        try LoopGroup.run(choice: choice) { [configuration] group in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let outcomes = OutcomeLog()
            let client = try PooledClient(
                to: .host("127.0.0.1", port: listener.address.port), configuration: configuration,
                executors: group.executors
            ) { outcomes.record($0) }
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await client.run() }
                let ticket = try? await client.send(Array("a\n".utf8))
                #expect(ticket != nil)
                await client.waitUntilFinished()
            }
            #expect(outcomes[0] == .failed(.gaveUp, wasPartlyWritten: true))
            #expect(client.statistics.pool.attempts == 4)
            await #expect(throws: PoolError.gaveUp(ConnectionError(.answerTimeout))) {
                try await client.send([65])
            }
        }
    }

    @Test(
        "A peer that is down and comes back on its port", arguments: bothBackends,
        DeliveryMode.allCases)
    func comesBack(_ choice: BackendChoice, _ delivery: DeliveryMode) throws {
        // If this failed, a client would not live through the restart of its peer, or would count
        // its failures for ever.
        var configuration = quick(delivery)
        configuration.pool.backoffInitialNanoseconds = 200_000
        try LoopGroup.run(choice: choice) { [configuration] group in
            let first = try StreamListener(on: loopback)
            let address = first.address
            first.close()
            let outcomes = OutcomeLog()
            let client = try PooledClient(
                to: .host("127.0.0.1", port: address.port), configuration: configuration,
                executors: group.executors
            ) { outcomes.record($0) }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await client.run() }
                var sent = 0
                // A single message is progress too.
                for count in [100, 1, 100] {
                    // What is written to a peer that is going may be lost.
                    #expect(await until { client.statistics.pool.openConnections == 0 })
                    let failures = client.statistics.pool.connectFailures
                    sent = await Self.send(client, sent..<sent + count)
                    let all = sent
                    #expect(await until { client.statistics.pool.connectFailures > failures + 3 })
                    let server = try await StreamServer.open(on: address, group: group)
                    let peer = LinePeer(answers: delivery == .confirmed)
                    await withTaskGroup(of: Void.self) { serving in
                        serving.addTask { await server.run { await peer.serve($0) } }
                        #expect(await until { outcomes.okCount == all })
                        // In `written` mode the client looks when it has something to do.
                        for _ in 0..<1000 where delivery == .written {
                            if client.statistics.pool.failedAttempts == 0 { break }
                            sent = await Self.send(client, sent..<sent + 1)
                            try? await LoopTime.sleep(for: .milliseconds(5))
                        }
                        #expect(await until { client.statistics.pool.failedAttempts == 0 })
                        let more = sent
                        #expect(await until { outcomes.okCount == more })
                        serving.cancelAll()
                    }
                }
                await client.close(within: .seconds(5))
                #expect(outcomes.okCount == sent)
            }
            #expect(outcomes.failedCount == 0)
            #expect(outcomes.repeatedCount == 0)
        }
    }

    @Test("Answers that lie here when a write fails are read", arguments: bothBackends)
    func answeredAndReset(_ choice: BackendChoice) throws {
        // If this failed, a message that was answered would be sent again and done twice, or would
        // never have an outcome.
        let box = ClientBox()
        try withRig(choice, quick(.confirmed, connections: 1)) { peer in
            guard peer.number == 0 else { return await ClientQueueTests.polite(peer) }
            await peer.lines { _ in false }
            // The client's writer has its turn between the reset and the loop's next wait.
            await Self.goOn(before: { box.send(1) }, on: peer.stream.executor.loop)
            // At once, also where the loop would send later; the second answer is for a message
            // that the client's kernel refuses next.
            let answers = Array("0\n1\n".utf8)
            // SAFETY: the bytes live during the call.
            _ = unsafe Glibc.send(
                peer.stream.descriptor, answers, answers.count, Int32(MSG_NOSIGNAL))
            peer.stream.reset()
        } _: { rig in
            box.client = rig.client
            await rig.send(0..<1)
            #expect(await rig.settled(2))
            #expect(rig.outcomes[0] == .ok && rig.outcomes[1] == .ok)
            #expect(rig.outcomes.repeatedCount == 0)
            let statistics = rig.client.statistics
            #expect(statistics.queued == statistics.delivered + statistics.failed)
            // Both were answered, and neither is sent again.
            #expect(rig.arrivals.count(of: Array("0 x".utf8)) == 1)
            #expect(statistics.resent == 0 && rig.arrivals.connectionCount == 1)
            box.client = nil
        }
    }

    /// Suspends the task until the loop's next turn, in which it goes before whom `body` wakes.
    private static func goOn(before body: () -> Void, on loop: EventLoop) async {
        await withCheckedContinuation { continuation in
            let resumption = Resumption(continuation)
            // SAFETY: given back by the job, which runs before the loop ends.
            let job = unsafe LoopJob(context: Unmanaged.passRetained(resumption).toOpaque()) {
                // SAFETY: as above.
                unsafe Unmanaged<Resumption>.fromOpaque($0).takeRetainedValue().resume()
            }
            #expect(loop.post(job))
            body()
        }
    }

    /// A task that waits, on its way through the loop.
    private final class Resumption {
        private let continuation: CheckedContinuation<Void, Never>

        init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = continuation }

        func resume() { continuation.resume() }
    }

    /// Sends a line for each number; answers the next number.
    private static func send(_ client: PooledClient, _ numbers: Range<Int>) async -> Int {
        for number in numbers {
            let ticket = MessageTicket(rawValue: UInt64(number))
            _ = try? await client.send(numbered(number), ticket: ticket)
        }
        return numbers.upperBound
    }
}
