// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let broadcastScenarios: [Scenario] = [
    Scenario(
        name: "broadcast-1p3s", room: "ConcurrentQueues", threads: 4,
        summary: "1 publishes to 3 through 4 slots: order, exact lag, whole copies, lifetimes",
        run: { broadcastScenario($0, publishers: 1, subscribers: 3, capacity: 4) }),
    Scenario(
        name: "broadcast-2p2s", room: "ConcurrentQueues", threads: 4,
        summary: "2 publish to 2 through 1 slot: order, exact lag, whole copies, lifetimes",
        run: { broadcastScenario($0, publishers: 2, subscribers: 2, capacity: 1) }),
    Scenario(
        name: "broadcast-close", room: "ConcurrentQueues", threads: 5,
        summary: "2 publish, 2 subscribe, 1 closes at a random moment: each accepted one is seen",
        run: closeScenario),
]

/// A parcel that many hold.
final class SharedParcel: Sendable {
    let parcel: Parcel

    init(_ parcel: consuming Parcel) { self.parcel = parcel }
}

private typealias ParcelRing = BroadcastRing<SharedParcel>

private func broadcastScenario(
    _ context: StressContext, publishers: Int, subscribers: Int, capacity: Int
) -> UInt64 {
    let ring = Shared(ParcelRing(capacity: capacity))
    let start = ring.value.subscribe()
    let census = ParcelCensus()
    let left = Shared(Atomic<Int>(publishers))
    let published = Shared(Atomic<UInt64>(0))
    let given = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: publishers + subscribers) { thread in
        if thread < publishers {
            var count: UInt64 = 0
            while !context.isOver {
                let parcel = Parcel(producer: thread, number: count + 1, census: census)
                context.check(ring.value.publish(SharedParcel(parcel)), "an open ring refused")
                count += 1
            }
            published.value.wrappingAdd(count, ordering: .relaxed)
            if left.value.subtract(1, ordering: .relaxed).newValue == 0 { ring.value.close() }
        } else {
            var cursor = start
            let count = follow(ring, &cursor, publishers, context)
            given.value.wrappingAdd(count, ordering: .relaxed)
        }
    }
    let count = published.value.load(ordering: .relaxed)
    let seen = given.value.load(ordering: .relaxed)
    context.check(ring.value.publishedCount == count, "publications are not counted right")
    context.check(
        seen == count * UInt64(subscribers),
        "\(count) published to \(subscribers), but \(seen) seen or missed")
    return finish(ring, census, count &+ seen, capacity, context)
}

/// Receives to the end; answers how many were given or missed.
private func follow(
    _ ring: Shared<ParcelRing>, _ cursor: inout BroadcastCursor, _ publishers: Int,
    _ context: StressContext
) -> UInt64 {
    var receipts = Receipts(producerCount: publishers)
    var missed: UInt64 = 0
    var backoff = Backoff()
    while !ring.value.isDrained(by: cursor) {  // Ends: somebody closes.
        switch ring.value.tryReceive(by: &cursor) {
        case .element(let shared):
            receipts.note(shared.parcel, in: context)
            backoff = Backoff()
        case .lagged(let count):
            context.check(count > 0, "a lag of none")
            missed &+= count
        case nil: backoff.snooze()
        }
    }
    return receipts.count &+ missed
}

private func closeScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round: UInt64 = 0
    while !context.isOver || round == 0 {
        let ring = Shared(ParcelRing(capacity: 2))
        let start = ring.value.subscribe()
        let census = ParcelCensus()
        let published = Shared(Atomic<UInt64>(0))
        let given = Shared(Atomic<UInt64>(0))
        let seed = context.seed &+ round
        ThreadTeam.run(count: 5) { thread in
            if thread < 2 {
                var count: UInt64 = 0
                // Ends: another closes.
                while ring.value.publish(
                    SharedParcel(Parcel(producer: thread, number: count + 1, census: census)))
                {
                    count += 1
                }
                published.value.wrappingAdd(count, ordering: .relaxed)
            } else if thread < 4 {
                var cursor = start
                let count = follow(ring, &cursor, 2, context)
                given.value.wrappingAdd(count, ordering: .relaxed)
            } else {
                var random = SplitMix64(seed: seed)
                var backoff = Backoff()
                for _ in 0..<(random.next() % 256) { backoff.spin() }
                context.check(ring.value.close(), "closed twice")
            }
        }
        let count = published.value.load(ordering: .relaxed)
        let seen = given.value.load(ordering: .relaxed)
        context.check(seen == 2 * count, "\(count) accepted, \(seen) seen or missed by two")
        operations &+= finish(ring, census, count &+ seen, 2, context)
        round += 1
    }
    return operations
}

/// Looks at the ring once nobody is inside.
private func finish(
    _ ring: Shared<ParcelRing>, _ census: ParcelCensus, _ operations: UInt64, _ capacity: Int,
    _ context: StressContext
) -> UInt64 {
    let kept = Int(min(ring.value.publishedCount, UInt64(capacity)))
    context.check(census.alive == kept, "\(census.alive) parcels live, \(kept) are kept")
    return operations
}
