// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let unboundedSPSCQueueScenarios: [Scenario] = [
    Scenario(
        name: "unbounded-spsc-close", room: "ConcurrentQueues", threads: 2,
        summary: "1 pushes, fills and trims, 1 pops and drains, then close: order, sum, lifetimes",
        run: closeScenario),
    Scenario(
        name: "unbounded-spsc-abandon", room: "ConcurrentQueues", threads: 2,
        summary: "1 pushes, 1 pops and abandons at a random moment: each parcel dies once",
        run: abandonScenario),
]

private func closeScenario(_ context: StressContext) -> UInt64 {
    let queue = Shared(UnboundedSPSCQueue<Parcel>(segmentCapacity: 4, segmentCountMax: 8))
    let census = ParcelCensus()
    let pushed = Shared(Atomic<UInt64>(0))
    let taken = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: 2) { thread in
        if thread == 0 {
            let count = push(into: queue, census, seed: context.seed) { context.isOver }
            pushed.value.store(count, ordering: .relaxed)
            queue.value.close()
        } else {
            let receipts = take(from: queue, seed: context.seed &+ 1, context)
            taken.value.store(receipts.count, ordering: .relaxed)
        }
    }
    let counts = (
        pushed.value.load(ordering: .relaxed), taken.value.load(ordering: .relaxed)
    )
    context.check(counts.0 == counts.1, "\(counts.0) pushed, \(counts.1) taken")
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    return counts.0 &+ counts.1
}

/// Pushes parcels, one at a time or in batches, until told to end or refused for good. Returns how
/// many were accepted.
private func push(
    into queue: Shared<UnboundedSPSCQueue<Parcel>>, _ census: ParcelCensus, seed: UInt64,
    until isOver: () -> Bool
) -> UInt64 {
    var random = SplitMix64(seed: seed)
    var backoff = Backoff()
    var count: UInt64 = 0
    while !isOver() {
        let before = count
        let size = Int(random.next() % 6)
        if size == 0 {
            let refused = queue.value.tryPush(
                Parcel(producer: 0, number: count + 1, census: census))
            if refused == nil { count += 1 }
        } else {
            queue.value.fill(max: size) {
                count += 1
                return Parcel(producer: 0, number: count, census: census)
            }
        }
        if random.next() % 64 == 0 { queue.value.trim() }
        if count > before {
            backoff = Backoff()
        } else if queue.value.isAbandoned {
            break
        } else {
            backoff.snooze()
        }
    }
    return count
}

/// Takes parcels, one at a time or in batches, until the queue is closed and empty.
private func take(
    from queue: Shared<UnboundedSPSCQueue<Parcel>>, seed: UInt64, _ context: StressContext
) -> Receipts {
    var random = SplitMix64(seed: seed)
    var receipts = Receipts(producerCount: 1)
    var backoff = Backoff()
    while !queue.value.isDrained {  // Ends: the producer closes at the deadline.
        let before = receipts.count
        let size = Int(random.next() % 6)
        if size == 0 {
            if let parcel = queue.value.tryPop() { receipts.note(parcel, in: context) }
        } else {
            queue.value.drain(max: size) { receipts.note($0, in: context) }
        }
        if receipts.count > before { backoff = Backoff() } else { backoff.snooze() }
    }
    return receipts
}

private func abandonScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round: UInt64 = 0
    while !context.isOver || round == 0 {
        let census = ParcelCensus()
        let seed = context.seed &+ round
        do {
            let queue = Shared(UnboundedSPSCQueue<Parcel>(segmentCapacity: 2, segmentCountMax: 8))
            ThreadTeam.run(count: 2) { thread in
                if thread == 0 {
                    _ = push(into: queue, census, seed: seed) { false }
                } else {
                    var random = SplitMix64(seed: seed)
                    for _ in 0..<(random.next() % 64) { _ = queue.value.tryPop() }
                    queue.value.abandon()
                }
            }
            operations &+= UInt64(census.born.load(ordering: .relaxed))
        }
        context.check(census.alive == 0, "\(census.alive) parcels outlive their queue")
        round += 1
    }
    return operations
}
