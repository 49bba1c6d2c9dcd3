// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let relaxedQueueScenarios: [Scenario] = [
    Scenario(
        name: "relaxed-4t", room: "ConcurrentQueues", threads: 4,
        summary: "4 push and pop at 3 lanes, then close: sum, each handle's order, lifetimes",
        run: { handlesScenario($0, threads: 4, lanes: 3) }),
    Scenario(
        name: "relaxed-8t", room: "ConcurrentQueues", threads: 8,
        summary: "8 push and pop at 8 lanes, then close: sum, each handle's order, lifetimes",
        run: { handlesScenario($0, threads: 8, lanes: 8) }),
    Scenario(
        name: "relaxed-close", room: "ConcurrentQueues", threads: 4,
        summary: "2 push, 1 pops, 1 closes at a random moment: each parcel popped or handed back",
        run: closeScenario),
]

private typealias ParcelLanes = RelaxedMPMCQueue<Parcel>

/// Each thread pushes through a handle of its own, and pops now and then, from wherever something
/// is; the last one to stop pushing closes.
private func handlesScenario(_ context: StressContext, threads: Int, lanes: Int) -> UInt64 {
    let queue = Shared(ParcelLanes(laneCount: lanes, laneCapacity: 4))
    let census = ParcelCensus()
    let pushed = Shared(Atomic<UInt64>(0))
    let taken = Shared(Atomic<UInt64>(0))
    let pushersLeft = Shared(Atomic<Int>(threads))
    ThreadTeam.run(count: threads) { thread in
        var handle = queue.value.makeHandle()
        var receipts = Receipts(producerCount: threads)
        var random = SplitMix64(seed: context.seed, stream: thread)
        var count: UInt64 = 0
        while !context.isOver {
            if random.next() % 2 == 0 {
                let parcel = Parcel(producer: thread, number: count + 1, census: census)
                if let refused = queue.value.tryPush(parcel, by: handle) {
                    context.check(refused.isWhole, "a refused parcel has changed")
                } else {
                    count += 1
                }
            } else if let parcel = queue.value.tryPop(by: &handle) {
                receipts.note(parcel, in: context)
            }
        }
        pushed.value.wrappingAdd(count, ordering: .relaxed)
        if pushersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 { queue.value.close() }
        finish(queue, &handle, &receipts, context)
        taken.value.wrappingAdd(receipts.count, ordering: .relaxed)
    }
    return compare(pushed.value, taken.value, census, context)
}

private func closeScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round: UInt64 = 0
    while !context.isOver || round == 0 {
        let queue = Shared(ParcelLanes(laneCount: 2, laneCapacity: 2))
        let census = ParcelCensus()
        let pushed = Shared(Atomic<UInt64>(0))
        let taken = Shared(Atomic<UInt64>(0))
        let seed = context.seed &+ round
        ThreadTeam.run(count: 4) { thread in
            var handle =
                thread == 2 ? queue.value.makeConsumerHandle() : queue.value.makeHandle()
            if thread < 2 {
                var count: UInt64 = 0
                var backoff = Backoff()
                while !queue.value.isClosed {  // Ends: another closes.
                    let parcel = Parcel(producer: thread, number: count + 1, census: census)
                    if queue.value.tryPush(parcel, by: handle) == nil {
                        count += 1
                        backoff = Backoff()
                    } else {
                        backoff.snooze()
                    }
                }
                pushed.value.wrappingAdd(count, ordering: .relaxed)
            } else if thread == 2 {
                var receipts = Receipts(producerCount: 2)
                finish(queue, &handle, &receipts, context)
                taken.value.wrappingAdd(receipts.count, ordering: .relaxed)
            } else {
                var random = SplitMix64(seed: seed)
                var backoff = Backoff()
                for _ in 0..<(random.next() % 256) { backoff.spin() }
                context.check(queue.value.close(), "closed twice")
            }
        }
        operations &+= compare(pushed.value, taken.value, census, context)
        round += 1
    }
    return operations
}

/// Takes what there is until nothing can come any more.
private func finish(
    _ queue: Shared<ParcelLanes>, _ handle: inout RelaxedQueueHandle, _ receipts: inout Receipts,
    _ context: StressContext
) {
    var backoff = Backoff()
    while !queue.value.isDrained {  // Ends: somebody closes.
        if let parcel = queue.value.tryPop(by: &handle) {
            receipts.note(parcel, in: context)
            backoff = Backoff()
        } else {
            backoff.snooze()
        }
    }
}

private func compare(
    _ pushed: borrowing Atomic<UInt64>, _ taken: borrowing Atomic<UInt64>, _ census: ParcelCensus,
    _ context: StressContext
) -> UInt64 {
    let counts = (pushed.load(ordering: .relaxed), taken.load(ordering: .relaxed))
    context.check(counts.0 == counts.1, "\(counts.0) pushed, \(counts.1) taken")
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    return counts.0 &+ counts.1
}
