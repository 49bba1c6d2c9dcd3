// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let intrusiveQueueScenarios: [Scenario] = [
    Scenario(
        name: "intrusive-3p", room: "ConcurrentQueues", threads: 4,
        summary: "3 push nodes with parcels, 1 pops and frees them: order, count, lifetimes",
        run: { intrusiveScenario($0, producerCount: 3) }),
    Scenario(
        name: "intrusive-1p", room: "ConcurrentQueues", threads: 2,
        summary: "the same with 1 producer, where the queue is mostly empty",
        run: { intrusiveScenario($0, producerCount: 1) }),
]

/// A node with a parcel behind its link.
private struct ParcelNode: ~Copyable {
    let link = IntrusiveMPSCNode()
    var parcel: Parcel

    init(_ parcel: consuming Parcel) { self.parcel = parcel }
}

private func intrusiveScenario(_ context: StressContext, producerCount: Int) -> UInt64 {
    let queue = Shared(IntrusiveMPSCQueue())
    let census = ParcelCensus()
    let ended = Shared(Atomic<Int>(0))
    let pushed = Shared(Atomic<UInt64>(0))
    let taken = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: producerCount + 1) { thread in
        if thread < producerCount {
            var count: UInt64 = 0
            while !context.isOver {
                // The consumer may lag: so many are alive at most.

                guard census.alive <= 1000 else { continue }
                count += 1
                pushNode(Parcel(producer: thread, number: count, census: census), queue)
            }
            pushed.value.wrappingAdd(count, ordering: .relaxed)
            ended.value.add(1, ordering: .releasing)
        } else {
            var receipts = Receipts(producerCount: producerCount)
            var backoff = Backoff()
            while true {  // Ends behind the producers' last nodes.
                let isLast = ended.value.load(ordering: .acquiring) == producerCount
                if takeNode(queue, &receipts, context) {
                    backoff = Backoff()
                } else if isLast {
                    break
                } else {
                    backoff.snooze()
                }
            }
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

private func pushNode(_ parcel: consuming Parcel, _ queue: Shared<IntrusiveMPSCQueue>) {
    let node = UnsafeMutablePointer<ParcelNode>.allocate(capacity: 1)
    // SAFETY: just allocated; the consumer frees it. The link is its first word.
    unsafe node.initialize(to: ParcelNode(parcel))
    unsafe queue.value.push(
        UnsafeMutableRawPointer(node).assumingMemoryBound(to: IntrusiveMPSCNode.self))
}

/// Pops a node and notes its parcel, if there is one.
private func takeNode(
    _ queue: Shared<IntrusiveMPSCQueue>, _ receipts: inout Receipts, _ context: StressContext
) -> Bool {
    // SAFETY: nodes with parcels alone are in the queue.
    guard case .node(let link) = unsafe queue.value.pop() else { return false }
    // SAFETY: the link is the first word of a node with a parcel, which is ours now.
    let node = unsafe UnsafeMutableRawPointer(link).assumingMemoryBound(to: ParcelNode.self)
    unsafe receipts.note(node.pointee.parcel, in: context)
    unsafe node.deinitialize(count: 1)  // SAFETY: as above.
    unsafe node.deallocate()  // SAFETY: as above.
    return true
}
