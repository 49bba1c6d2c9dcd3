// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Broadcast channel, tasks", .timeLimit(.minutes(20)))
struct BroadcastChannelTaskTests {
    @Test("Tasks send and receive beside threads; each is given all, or told")
    func tasksBesideThreads() async {
        // If this failed, one kind of waiter would not be woken by the other.
        let channel = Shared(BroadcastChannel<UInt64>(capacity: 4))
        let start = channel.value.subscribe()
        let given = Shared(Sum())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { given.value.add(await follow(channel, from: start)) }
            }
            await withTaskGroup(of: Void.self) { senders in
                for _ in 0..<3 {
                    senders.addTask {
                        for number in 1...300 {
                            let refusal = await channel.value.send(UInt64(number))
                            #expect(refusal == nil)
                        }
                    }
                }
                await ThreadTeam.run(count: 2) { thread in
                    if thread == 1 {
                        var cursor = start
                        _ = try? channel.value.blockingReceive(by: &cursor, until: .farAway)
                        return
                    }
                    for number in 1...300 {
                        let refusal = channel.value.blockingSend(UInt64(number), until: .farAway)
                        #expect(refusal == nil)
                    }
                }
            }
            channel.value.close()
        }
        #expect(given.value.value == 3 * 1_200)
        channel.value.checkInvariants()
    }

    @Test("A cancelled subscriber stays where it was; what can be done at once is done")
    func cancellation() async {
        // If this failed, a cancelled receive would cost its subscriber an element.
        let channel = Shared(BroadcastChannel<Int>(capacity: 2))
        let start = channel.value.subscribe()
        let task = Task {
            var cursor = start
            let first = await received(channel, by: &cursor)
            let second = await received(channel, by: &cursor)
            return (first, second, cursor)
        }
        let isAsleep = await eventually { channel.value.waiterCount == 1 }
        #expect(isAsleep)
        task.cancel()
        let isAwake = await eventually { channel.value.waiterCount == 0 }
        #expect(isAwake)
        let (first, second, cursor) = await task.value
        #expect(first == .failure(.cancelled) && second == .failure(.cancelled))
        #expect(cursor == start)
        _ = channel.value.trySend(1)
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            var cursor = start
            return await received(channel, by: &cursor)
        }
        late.cancel()
        #expect(await late.value == .success(.element(1)))
        channel.value.close()
        let refusal = await channel.value.send(2)
        #expect(refusal?.reason == .closed && refusal?.element == 2)
        channel.value.checkInvariants()
    }

    @Test("A storm of cancellations wakes everybody else all the same")
    func cancellationStorm() async {
        // If this failed, a patient subscriber would sleep on, or an impatient one lose its place.
        let ledger = LifetimeLedger()
        do {
            let channel = Shared(BroadcastChannel<News>(capacity: 2))
            let start = channel.value.subscribe()
            let patient = Task { await follow(channel, from: start) }
            let impatient = Task {
                var generator = SplitMix64(seed: 12)
                var (count, cursor) = (UInt64(0), start)
                while !channel.value.isDrained(by: cursor) {  // Ends behind the close.
                    let place = cursor
                    let attempt = Task {
                        var cursor = place
                        return (await received(channel, by: &cursor), cursor)
                    }
                    let yieldCount = Int.random(in: 0..<4, using: &generator)
                    for _ in 0..<yieldCount { await Task.yield() }
                    attempt.cancel()
                    let (result, next) = await attempt.value
                    count += weight(of: result)
                    cursor = next
                }
                return count
            }
            for number in 1...400 {
                let refusal = await channel.value.send(News(ledger, number))
                #expect(refusal == nil)
                if number % 3 == 0 { await Task.yield() }
            }
            channel.value.close()
            #expect(await patient.value == 400)
            #expect(await impatient.value == 400)
            channel.value.checkInvariants()
        }
        let isEmpty = await eventually { ledger.aliveCount == 0 }
        #expect(isEmpty)
    }
}

/// What a task receives, or why it receives nothing.
private func received<Element>(
    _ channel: Shared<BroadcastChannel<Element>>, by cursor: inout BroadcastCursor
) async -> Result<BroadcastDelivery<Element>, ChannelError> {
    do throws(ChannelError) {
        return .success(try await channel.value.receive(by: &cursor))
    } catch {
        return .failure(error)
    }
}

/// How many elements were given or missed.
private func weight<Element>(
    of result: Result<BroadcastDelivery<Element>, ChannelError>
) -> UInt64 {
    switch result {
    case .success(.element): 1
    case .success(.lagged(let missedCount)): missedCount
    case .failure: 0
    }
}

/// Receives to the end; answers how many elements were given or missed.
private func follow<Element>(
    _ channel: Shared<BroadcastChannel<Element>>, from start: BroadcastCursor
) async -> UInt64 {
    var (count, cursor) = (UInt64(0), start)
    while true {  // Ends behind the close.
        let result = await received(channel, by: &cursor)
        if case .failure(let error) = result {
            #expect(error == .closed)
            return count
        }
        count += weight(of: result)
    }
}
