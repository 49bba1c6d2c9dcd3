// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let unboundedQueueScenarios: [Scenario] = [
    Scenario(
        name: "unbounded-2p2c", room: "ConcurrentQueues", threads: 4,
        summary: "2 push, 1 pops, 1 drains, segments of 4, then close: order, sum, lifetimes",
        run: { trafficScenario($0, segmentCapacity: 4, threadCountMax: 8) }),
    Scenario(
        name: "unbounded-tiny", room: "ConcurrentQueues", threads: 4,
        summary: "the same with segments of one slot, and room for two threads inside",
        run: { trafficScenario($0, segmentCapacity: 1, threadCountMax: 2) }),
    Scenario(
        name: "unbounded-close", room: "ConcurrentQueues", threads: 4,
        summary: "2 push, 1 pops, 1 closes at a random moment: each parcel popped or handed back",
        run: closeScenario),
]

private typealias SharedUnbounded = Shared<UnboundedMPMCQueue<Parcel>>

private func trafficScenario(
    _ context: StressContext, segmentCapacity: Int, threadCountMax: Int
) -> UInt64 {
    let queue = Shared(
        UnboundedMPMCQueue<Parcel>(
            segmentCapacity: segmentCapacity, threadCountMax: threadCountMax))
    let census = ParcelCensus()
    let (pushed, taken) = (Shared(Takings()), Shared(Takings()))
    let producersLeft = Shared(Atomic<Int>(2))
    ThreadTeam.run(count: 4) { thread in
        if thread < 2 {
            push(into: queue, producer: thread, census, pushed.value, context) { context.isOver }
            // Relaxed: the last producer only closes, and close itself is what is being tested.
            if producersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                queue.value.close()
            }
        } else {
            empty(queue, isDraining: thread == 3, taken.value, context)
        }
        let kept = queue.value.retiredSegmentCount
        context.check(kept <= queue.value.retiredSegmentCountMax, "\(kept) segments are kept")
    }
    queue.value.releaseSegments()
    let kept = queue.value.retiredSegmentCount
    context.check(kept == 0, "\(kept) segments are kept for nobody")
    return compare(pushed.value, taken.value, census, context)
}

private func closeScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round: UInt64 = 0
    while !context.isOver || round == 0 {
        let queue = Shared(UnboundedMPMCQueue<Parcel>(segmentCapacity: 2, threadCountMax: 4))
        let census = ParcelCensus()
        let (pushed, taken) = (Shared(Takings()), Shared(Takings()))
        let pause = SplitMix64(seed: context.seed &+ round).first % 400
        ThreadTeam.run(count: 4) { thread in
            if thread < 2 {
                push(into: queue, producer: thread, census, pushed.value, context) { false }
            } else if thread == 2 {
                empty(queue, isDraining: false, taken.value, context)
            } else {
                var backoff = Backoff()
                for _ in 0..<pause { backoff.spin() }
                context.check(queue.value.close(), "it was closed before")
            }
        }
        operations &+= compare(pushed.value, taken.value, census, context)
        round += 1
    }
    return operations
}

extension SplitMix64 {
    /// The first number of a generator.
    fileprivate var first: UInt64 {
        var copy = self
        return copy.next()
    }
}

/// Pushes parcels until told to end or refused; does not run far ahead of those who take them.
private func push(
    into queue: SharedUnbounded, producer: Int, _ census: ParcelCensus, _ totals: borrowing Takings,
    _ context: StressContext, until isOver: () -> Bool
) {
    var (count, sum): (UInt64, UInt64) = (0, 0)
    var backoff = Backoff()
    while !isOver() {
        if census.alive > 256 {
            backoff.snooze()
            if queue.value.isClosed { break }
            continue
        }
        backoff = Backoff()
        let parcel = Parcel(producer: producer, number: count + 1, census: census)
        if let refused = queue.value.tryPush(parcel) {
            context.check(refused.number == count + 1, "another parcel was handed back")
            context.check(refused.isWhole, "a refused parcel has changed")
            break
        }
        count += 1
        sum &+= count
    }
    totals.add(count: count, sum: sum)
}

/// Takes parcels until the queue is closed and empty.
private func empty(
    _ queue: SharedUnbounded, isDraining: Bool, _ totals: borrowing Takings,
    _ context: StressContext
) {
    var receipts = Receipts(producerCount: 2)
    var backoff = Backoff()
    while !queue.value.isDrained {  // Ends behind the close.
        let before = receipts.count
        if isDraining {
            queue.value.drain(max: 7) { receipts.note($0, in: context) }
        } else if let parcel = queue.value.tryPop() {
            receipts.note(parcel, in: context)
        }
        if receipts.count > before { backoff = Backoff() } else { backoff.snooze() }
    }
    totals.add(count: receipts.count, sum: receipts.sum)
}

private func compare(
    _ pushed: borrowing Takings, _ taken: borrowing Takings, _ census: ParcelCensus,
    _ context: StressContext
) -> UInt64 {
    let counts = (pushed.count.load(ordering: .relaxed), taken.count.load(ordering: .relaxed))
    context.check(counts.0 == counts.1, "\(counts.0) pushed, \(counts.1) taken")
    let sums = (pushed.sum.load(ordering: .relaxed), taken.sum.load(ordering: .relaxed))
    context.check(sums.0 == sums.1, "the sums differ")
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    return counts.0 &+ counts.1
}
