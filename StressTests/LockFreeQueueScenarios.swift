// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let lockFreeQueueScenarios: [Scenario] = [
    Scenario(
        name: "lock-free-2p2c", room: "ConcurrentQueues", threads: 4,
        summary: "2 push, 2 pop, then close: sum, order, lifetimes, quiescent fill",
        run: { trafficScenario($0, threads: 2, capacity: 4) }),
    Scenario(
        name: "lock-free-4p4c", room: "ConcurrentQueues", threads: 8,
        summary: "4 push, 4 pop, then close: sum, order, lifetimes, quiescent fill",
        run: { trafficScenario($0, threads: 4, capacity: 64) }),
    Scenario(
        name: "lock-free-close", room: "ConcurrentQueues", threads: 4,
        summary: "2 push, 1 pops, 1 closes at a random moment: each parcel popped or handed back",
        run: closeScenario),
]

private func makeQueue(capacity: Int, threads: Int) -> ParcelQueue {
    let queue = Shared(
        LockFreeMPMCQueue<Parcel>(capacity: capacity, threadCountMax: threads))
    return ParcelQueue(
        tryPush: { queue.value.tryPush($0) }, tryPop: { queue.value.tryPop() },
        close: { queue.value.close() }, isClosed: { queue.value.isClosed },
        isDrained: { queue.value.isDrained })
}

private func trafficScenario(_ context: StressContext, threads: Int, capacity: Int) -> UInt64 {
    let traffic = QueueTraffic(
        makeQueue(capacity: capacity, threads: 2 * threads), producerCount: threads,
        consumerCount: threads)
    let operations = traffic.runToDeadline(context)
    checkQuiescent(capacity: capacity, after: context.seed, context)
    return operations
}

private func closeScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round: UInt64 = 0
    while !context.isOver || round == 0 {
        let traffic = QueueTraffic(
            makeQueue(capacity: 2, threads: 4), producerCount: 2, consumerCount: 1)
        operations &+= traffic.runToClose(seed: context.seed &+ round, context)
        round += 1
    }
    return operations
}

/// A slot that is lost in random traffic is missing afterwards.
private func checkQuiescent(capacity: Int, after seed: UInt64, _ context: StressContext) {
    let queue = Shared(LockFreeMPMCQueue<UInt64>(capacity: capacity, threadCountMax: 4))
    ThreadTeam.run(count: 4) { thread in
        var random = SplitMix64(seed: seed, stream: thread)
        for _ in 0..<1_000 {
            if random.next() % 2 == 0 {
                _ = queue.value.tryPush(random.next())
            } else {
                _ = queue.value.tryPop()
            }
        }
    }
    while queue.value.tryPop() != nil {}  // Ends: nobody pushes.
    for number in 0..<UInt64(capacity) {
        context.check(queue.value.tryPush(number) == nil, "a slot is not free again")
    }
    context.check(queue.value.tryPush(0) != nil, "more than the capacity went in")
    for number in 0..<UInt64(capacity) {
        context.check(queue.value.tryPop() == number, "the final drain is out of order")
    }
    context.check(queue.value.isEmpty, "not empty after the final drain")
}
