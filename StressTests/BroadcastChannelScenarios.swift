// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import Channels
internal import ConcurrentQueues
internal import StressSupport
internal import WaitPrimitives

let broadcastChannelScenarios: [Scenario] = [
    Scenario(
        name: "broadcast-channel-2s3r", room: "Channels", threads: 5,
        summary:
            "2 send, 2 receive with random deadlines, 1 selects: all seen or missed, lifetimes",
        run: { NewsTraffic(capacity: 4, $0).runToDeadline() }),
    Scenario(
        name: "broadcast-channel-close", room: "Channels", threads: 6,
        summary: "a close at a random moment beside sleepers, again and again",
        run: { context in
            var generator = SplitMix64(seed: context.seed)
            var operations: UInt64 = 0
            while !context.isOver || operations == 0 {
                let spinCount = Int.random(in: 0..<200, using: &generator)
                let traffic = NewsTraffic(capacity: 1, context)
                operations &+= traffic.runToClose(after: spinCount) &+ 1
            }
            return operations
        }),
    Scenario(
        name: "broadcast-channel-storm", room: "Channels", threads: 6,
        summary: "tasks that send, and subscribers that are cancelled at random, beside threads",
        run: { NewsTraffic(capacity: 2, $0).runStorm() }),
]

/// Senders and subscribers of one channel. What was accepted must be seen or counted as missed by
/// each subscriber, and nobody may wait in vain.
private struct NewsTraffic: Sendable {
    let channel: Shared<BroadcastChannel<SharedParcel>>
    let context: StressContext

    private let start: BroadcastCursor
    private let sent = Shared(Atomic<UInt64>(0))
    private let given = Shared(Atomic<UInt64>(0))
    private let census = ParcelCensus()

    init(capacity: Int, _ context: StressContext) {
        channel = Shared(BroadcastChannel(capacity: capacity))
        start = channel.value.subscribe()
        self.context = context
    }

    // MARK: - Runs

    /// Two threads send, two receive and one selects; the last sender closes.
    func runToDeadline() -> UInt64 {
        let sendersLeft = Shared(Atomic<Int>(2))
        ThreadTeam.run(count: 5) { thread in
            if thread >= 2 { return receive(as: thread) }
            send(as: thread) { context.isOver }
            // Relaxed: the last sender only closes, which is what is being tested.
            if sendersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                channel.value.close()
            }
        }
        return compare(subscribers: 3)
    }

    /// The same, and a sixth thread closes soon.
    func runToClose(after spinCount: Int) -> UInt64 {
        ThreadTeam.run(count: 6) { thread in
            switch thread {
            case 0, 1: send(as: thread) { false }
            case 2, 3, 4: receive(as: thread)
            default:
                var backoff = Backoff()
                for _ in 0..<spinCount { backoff.snooze() }
                channel.value.close()
            }
        }
        return compare(subscribers: 3)
    }

    /// A task that sends; two that receive in tasks which are cancelled, again and again; beside a
    /// thread that sends and two that receive to the end.
    func runStorm() -> UInt64 {
        let (sending, receiving) = (Shared(WaitGroup()), Shared(WaitGroup()))
        sending.value.add(1)
        receiving.value.add(2)
        Task.detached {
            await sendInTasks(as: 3)
            sending.value.done()
        }
        for stream in 0..<2 {
            Task.detached {
                await receiveInTasks(stream)
                receiving.value.done()
            }
        }
        ThreadTeam.run(count: 3) { thread in
            if thread > 0 { return receive(as: thread + 2) }
            send(as: 2) { context.isOver }
            context.check(sending.value.blockingWait(until: longEnough), "a task sends in vain")
            channel.value.close()
        }
        context.check(receiving.value.blockingWait(until: longEnough), "a task waits in vain")
        return compare(subscribers: 4)
    }

    // MARK: - Threads

    private func makeParcel(_ sender: Int, _ number: UInt64) -> SharedParcel {
        SharedParcel(Parcel(producer: sender, number: number, census: census))
    }

    /// Sends until told to end or refused for good.
    private func send(as sender: Int, until isOver: () -> Bool) {
        var count: UInt64 = 0
        while !isOver() {
            let parcel = makeParcel(sender, count + 1)
            if let refusal = channel.value.blockingSend(parcel, until: longEnough) {
                context.check(refusal.reason == .closed, "a send waits in vain")
                context.check(refusal.element.parcel.isWhole, "a refused parcel has changed")
                break
            }
            count += 1
        }
        sent.value.wrappingAdd(count, ordering: .relaxed)
    }

    /// Receives to the end, the fifth by a selector, with deadlines that often pass.
    private func receive(as subscriber: Int) {
        var generator = SplitMix64(seed: context.seed, stream: subscriber)
        var receipts = Receipts(producerCount: 4)
        var (missed, cursor): (UInt64, BroadcastCursor) = (0, start)
        var selector = Selector<BroadcastDelivery<SharedParcel>>([
            .receive(from: channel, by: start) { $0 }
        ])
        while true {  // Ends with the close.
            let isPatient = Bool.random(using: &generator)
            let deadline =
                isPatient
                ? longEnough
                : .now.advanced(byNanoseconds: .random(in: 0..<30_000, using: &generator))
            do throws(ChannelError) {
                let delivery =
                    subscriber == 4
                    ? try selector.blockingNext(until: deadline)
                    : try channel.value.blockingReceive(by: &cursor, until: deadline)
                note(delivery, &receipts, &missed)
            } catch {
                if error == .closed { break }
                context.check(!isPatient, "a subscriber waits in vain")
            }
        }
        given.value.wrappingAdd(receipts.count &+ missed, ordering: .relaxed)
    }

    private func note(
        _ delivery: BroadcastDelivery<SharedParcel>, _ receipts: inout Receipts,
        _ missed: inout UInt64
    ) {
        switch delivery {
        case .element(let shared): receipts.note(shared.parcel, in: context)
        case .lagged(let missedCount): missed &+= missedCount
        }
    }

    // MARK: - Tasks

    private func sendInTasks(as sender: Int) async {
        var count: UInt64 = 0
        while !context.isOver {
            let refusal = await channel.value.send(makeParcel(sender, count + 1))
            context.check(refusal == nil, "an open channel refused")
            count += 1
            if count % 4 == 0 { await Task.yield() }
        }
        sent.value.wrappingAdd(count, ordering: .relaxed)
    }

    /// Each receive is a task of its own, which is cancelled soon; the cursor comes back from it.
    private func receiveInTasks(_ stream: Int) async {
        var generator = SplitMix64(seed: context.seed, stream: 10 + stream)
        var receipts = Receipts(producerCount: 4)
        var (missed, cursor): (UInt64, BroadcastCursor) = (0, start)
        while !channel.value.isDrained(by: cursor) {  // Ends with the close.
            let place = cursor
            let task = Task.detached {
                var cursor = place
                let delivery = try? await channel.value.receive(by: &cursor)
                return (delivery, cursor)
            }
            let yieldCount = Int.random(in: 0..<4, using: &generator)
            for _ in 0..<yieldCount { await Task.yield() }
            task.cancel()
            let (delivery, next) = await task.value
            if let delivery {
                note(delivery, &receipts, &missed)
            } else {
                context.check(next == place, "a receive in vain has moved the cursor")
            }
            cursor = next
        }
        given.value.wrappingAdd(receipts.count &+ missed, ordering: .relaxed)
    }

    // MARK: - The end

    private func compare(subscribers: UInt64) -> UInt64 {
        let count = sent.value.load(ordering: .relaxed)
        let seen = given.value.load(ordering: .relaxed)
        context.check(
            seen == count * subscribers,
            "\(count) sent to \(subscribers), but \(seen) seen or missed")
        context.check(channel.value.waiterCount == 0, "somebody is announced and gone")
        let kept = Int(min(count, UInt64(channel.value.capacity)))
        context.check(census.isAliveSoon(kept), "\(census.alive) parcels live, \(kept) are kept")
        return count &+ seen
    }
}

extension ParcelCensus {
    /// Whether so many are alive, now or soon: a task that has ended may hold one for a moment.
    fileprivate func isAliveSoon(_ count: Int) -> Bool {
        let limit = longEnough
        while alive != count && MonotonicInstant.now < limit { shortPause() }
        return alive == count
    }
}
