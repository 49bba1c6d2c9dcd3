// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Broadcast channel", .timeLimit(.minutes(20)))
struct BroadcastChannelTests {
    @Test(
        "Gives each subscriber all, or says what it missed, also where counters wrap",
        arguments: [0, UInt64.max / 2 - 1, UInt64.max], [0, UInt32.max, UInt32.max - 2])
    func givesAll(firstPosition: UInt64, epoch: UInt32) {
        // If this failed, an element or a wake-up would be lost at the turn of a counter.
        let channel = BroadcastChannel<Int>(
            capacity: 3, firstPosition: firstPosition, epoch: epoch)
        let capacity = channel.capacity
        #expect(capacity == 4)
        var (prompt, late) = (channel.subscribe(), channel.subscribe())
        for number in 0..<6 {
            let nothing = blocking(channel, by: &prompt, .soon)
            #expect(nothing == .failure(.timedOut))
            let isSent =
                number % 2 == 0
                ? channel.trySend(number) == nil
                : channel.blockingSend(number, until: .past) == nil
            #expect(isSent)
            let given = blocking(channel, by: &prompt, .past)
            #expect(given == .success(.element(number)))
        }
        let unread = channel.unreadCount(by: late)
        #expect(unread == 6)
        let lag = blocking(channel, by: &late, .farAway)
        #expect(lag == .success(.lagged(missedCount: 2)))
        for number in 2..<6 {
            let given = channel.tryReceive(by: &late)
            #expect(given == .element(number))
        }
        channel.checkInvariants()
    }

    @Test("Close refuses senders; subscribers get what is there, then the end")
    func closing() {
        // If this failed, an element would be lost at the end, or the end would not come.
        let channel = BroadcastChannel<Int>(capacity: 2)
        var cursor = channel.subscribe()
        _ = channel.trySend(1)
        let (first, second) = (channel.close(), channel.close())
        #expect(first && !second)
        let refusals = (channel.trySend(2), channel.blockingSend(3, until: .farAway))
        #expect(refusals.0?.reason == .closed && refusals.0?.element == 2)
        #expect(refusals.1?.reason == .closed && refusals.1?.element == 3)
        let (isClosed, isEarly) = (channel.isClosed, channel.isDrained(by: cursor))
        #expect(isClosed && !isEarly)
        let given = blocking(channel, by: &cursor, .farAway)
        #expect(given == .success(.element(1)))
        for _ in 0..<2 {
            let end = blocking(channel, by: &cursor, .farAway)
            #expect(end == .failure(.closed))
        }
        let (isOver, count) = (channel.isDrained(by: cursor), channel.sentCount)
        #expect(isOver && count == 1)
        channel.checkInvariants()
    }

    @Test("A send wakes all who sleep, and so does a close")
    func wakesAll() {
        // If this failed, a subscriber would sleep on beside its news, or beside the end.
        let channel = Shared(BroadcastChannel<Int>(capacity: 8))
        let start = channel.value.subscribe()
        ThreadTeam.run(count: 4) { thread in
            if thread == 3 {
                waitForSleepers(3, at: channel)
                _ = channel.value.trySend(1)
                waitForSleepers(3, at: channel)
                channel.value.close()
            } else {
                var cursor = start
                let given = blocking(channel.value, by: &cursor, .farAway)
                #expect(given == .success(.element(1)))
                let end = blocking(channel.value, by: &cursor, .farAway)
                #expect(end == .failure(.closed))
            }
        }
        channel.value.checkInvariants()
    }

    @Test("Elements end once: overwritten, refused, or left inside, also in the caller's memory")
    func lifetimes() {
        // If this failed, an element would leak or die twice.
        let ledger = LifetimeLedger()
        let byteCount = BroadcastChannel<News>.storageByteCount(capacity: 2)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
        do {
            // SAFETY: the storage outlives the channel.
            let channel = unsafe BroadcastChannel<News>(storage: storage, capacity: 2)
            var cursor = channel.subscribe()
            for number in 0..<5 { _ = channel.trySend(News(ledger, number)) }
            let alive = ledger.aliveCount
            #expect(alive == 2)
            guard case .lagged(3) = channel.tryReceive(by: &cursor),
                case .element(let news) = channel.tryReceive(by: &cursor)
            else { return #expect(Bool(false), "not what was sent") }
            #expect(news.tracked.payload == 3)
            channel.close()
            let refusal = channel.trySend(News(ledger, 5))
            #expect(refusal?.element.tracked.payload == 5)
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("A selector receives from it beside other sources, and sleeps for it")
    func selecting() {
        // If this failed, a case would stand still, miss the end, or sleep beside its news.
        let news = Shared(BroadcastChannel<Int>(capacity: 2))
        let jobs = Shared(BoundedChannel<Int>(capacity: 2))
        var selector = Selector<BroadcastDelivery<Int>>([
            .receive(from: news, by: news.value.subscribe()) { $0 },
            .receive(from: jobs) { .element(-$0) },
        ])
        let nothing = selector.tryNext()
        #expect(nothing == nil)
        for number in 1...3 { _ = news.value.trySend(number) }
        _ = jobs.value.trySend(7)
        let found = (0..<4).map { _ in selector.tryNext() }
        #expect(
            found == [.lagged(missedCount: 1), .element(-7), .element(2), .element(3)])
        ThreadTeam.run(count: 1) { _ in _ = jobs.value.close() }
        let late = blocking(&selector, .soon)
        #expect(late == .failure(.timedOut))
        let waiters = news.value.waiterCount
        #expect(waiters == 0)
        _ = news.value.trySend(4)
        news.value.close()
        let last = blocking(&selector, .farAway)
        #expect(last == .success(.element(4)))
        let end = blocking(&selector, .farAway)
        #expect(end == .failure(.closed))
        news.value.checkInvariants()
    }

    @Test("A selector that sleeps is woken by a send and by the close")
    func selectorSleeps() {
        // If this failed, a selector would sleep beside its news.
        let news = Shared(BroadcastChannel<Int>(capacity: 4))
        let never = Shared(BoundedChannel<Int>(capacity: 2))
        let start = news.value.subscribe()
        ThreadTeam.run(count: 2) { thread in
            if thread == 1 {
                waitForSleepers(1, at: news)
                _ = news.value.trySend(5)
                waitForSleepers(1, at: news)
                news.value.close()
                never.value.close()
                return
            }
            var selector = Selector<BroadcastDelivery<Int>>([
                .receive(from: never) { .element($0) },
                .receive(from: news, by: start) { $0 },
            ])
            let found = blocking(&selector, .farAway)
            #expect(found == .success(.element(5)))
            let end = blocking(&selector, .farAway)
            #expect(end == .failure(.closed))
        }
    }

    @Test("Selectors that share a case share its deliveries")
    func sharedCase() {
        // If this failed, two selectors would each move the one cursor, and skip or repeat news.
        let news = Shared(BroadcastChannel<UInt64>(capacity: 64))
        let sum = Shared(Sum())
        let one = SelectCase<BroadcastDelivery<UInt64>>.receive(
            from: news, by: news.value.subscribe()
        ) { $0 }
        ThreadTeam.run(count: 3) { thread in
            if thread == 2 {
                for number in 1...2_000 as ClosedRange<UInt64> { _ = news.value.trySend(number) }
                news.value.close()
                return
            }
            var selector = Selector([one])
            while case .success(let delivery) = blocking(&selector, .farAway) {
                switch delivery {
                case .element: sum.value.add(1)
                case .lagged(let missedCount): sum.value.add(missedCount)
                }
            }
        }
        let count = news.value.sentCount
        #expect(sum.value.value == count)
        news.value.checkInvariants()
    }

    /// Waits until so many have announced themselves; they come at once.
    private func waitForSleepers<Element>(
        _ count: Int, at channel: Shared<BroadcastChannel<Element>>
    ) {
        var backoff = Backoff()
        while channel.value.waiterCount < count { backoff.snooze() }
    }
}

/// An element that is counted.
final class News: Sendable {
    let tracked: Tracked

    init(_ ledger: LifetimeLedger, _ number: Int) { tracked = ledger.makeTracked(UInt64(number)) }
}

/// What a thread receives, or why it receives nothing.
private func blocking<Element>(
    _ channel: borrowing BroadcastChannel<Element>, by cursor: inout BroadcastCursor,
    _ deadline: MonotonicInstant
) -> Result<BroadcastDelivery<Element>, ChannelError> {
    do throws(ChannelError) {
        return .success(try channel.blockingReceive(by: &cursor, until: deadline))
    } catch {
        return .failure(error)
    }
}

private func blocking<Output>(
    _ selector: inout Selector<Output>, _ deadline: MonotonicInstant
) -> Result<Output, ChannelError> {
    do throws(ChannelError) {
        return .success(try selector.blockingNext(until: deadline))
    } catch {
        return .failure(error)
    }
}
