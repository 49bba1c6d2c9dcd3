// SPDX-License-Identifier: MIT

import ConcurrentQueues

/// A ring that refuses when full, and an inbox that is drained at once.
func useConcurrentQueues() {
    let ring = BoundedMPMCQueue<Int>(capacity: 2)
    check(ring.tryPush(1) == nil, "ConcurrentQueues: an empty ring refused")
    check(ring.tryPush(2) == nil, "ConcurrentQueues: a ring with room refused")
    check(ring.tryPush(3) == 3, "ConcurrentQueues: a full ring accepted")
    check(ring.tryPop() == 1, "ConcurrentQueues: the ring is out of order")

    let inbox = MPSCInbox<Int>(capacity: 4)
    for number in 1...3 { check(inbox.tryPush(number).isPushed, "ConcurrentQueues: refused") }
    var sum = 0
    let count = inbox.drain { sum += $0 }
    check(count == 3, "ConcurrentQueues: the inbox lost an element")
    check(sum == 6, "ConcurrentQueues: the inbox changed an element")
    useUnboundedQueue()
    useStealing()
    useIntrusiveQueue()
    useOtherOrders()
    useBroadcast()
}

/// News for two subscribers, of which one comes late.
private func useBroadcast() {
    let ring = BroadcastRing<Int>(capacity: 2)
    var prompt = ring.subscribe()
    var late = prompt
    for number in 1...3 {
        check(ring.publish(number), "ConcurrentQueues: an open broadcast refused")
        guard case .element(number)? = ring.tryReceive(by: &prompt) else {
            return check(false, "ConcurrentQueues: the broadcast lost an element")
        }
    }
    guard case .lagged(missedCount: 1)? = ring.tryReceive(by: &late) else {
        return check(false, "ConcurrentQueues: a lag was not told")
    }
    ring.close()
    check(ring.tryPublish(4) == .closed, "ConcurrentQueues: accepted behind the close")
    check(ring.isDrained(by: prompt), "ConcurrentQueues: the broadcast does not end")
    check(!ring.isDrained(by: late), "ConcurrentQueues: the broadcast ends too early")
}

/// A lock-free queue, one that grows, and one in lanes.
private func useOtherOrders() {
    let lockFree = LockFreeMPMCQueue<Int>(capacity: 2)
    for number in 1...2 { check(lockFree.tryPush(number) == nil, "ConcurrentQueues: refused") }
    check(lockFree.tryPush(3) == 3, "ConcurrentQueues: a full lock-free queue accepted")
    check(lockFree.tryPop() == 1, "ConcurrentQueues: the lock-free queue is out of order")

    let pipe = BoundedSPSCQueue<Int>(capacity: 2)
    for number in 1...2 { check(pipe.tryPush(number) == nil, "ConcurrentQueues: refused") }
    check(pipe.tryPush(3) == 3, "ConcurrentQueues: a full queue of two ends accepted")
    check(pipe.tryPop() == 1, "ConcurrentQueues: the queue of two ends is out of order")

    let growing = UnboundedSPSCQueue<Int>(segmentCapacity: 1)
    for number in 1...3 { check(growing.tryPush(number) == nil, "ConcurrentQueues: refused") }
    check(growing.tryPop() == 1, "ConcurrentQueues: the growing queue is out of order")

    let lanes = RelaxedMPMCQueue<Int>(laneCount: 2, laneCapacity: 2)
    var handle = lanes.makeHandle()
    check(lanes.tryPush(1, by: handle) == nil, "ConcurrentQueues: an empty lane refused")
    check(lanes.tryPop(by: &handle) == 1, "ConcurrentQueues: a lane lost its element")
}

/// A deque with two ends, and a ring that gives half away.
private func useStealing() {
    let deque = WorkStealingDeque<Int>(capacity: 2, capacityMax: 4)
    for number in 1...5 { check(deque.tryPush(number) == nil, "ConcurrentQueues: refused") }
    check(deque.tryPop() == 5, "ConcurrentQueues: the owner's end is out of order")
    check(deque.trySteal() == 1, "ConcurrentQueues: the thieves' end is out of order")

    let full = StealingRing<Int>(capacity: 4)
    let own = StealingRing<Int>(capacity: 4)
    for number in 1...4 { check(full.tryPush(number) == nil, "ConcurrentQueues: refused") }
    check(full.trySteal(into: own) == 1, "ConcurrentQueues: a steal is out of order")
    check(own.tryPop() == 2, "ConcurrentQueues: a steal lost an element")
    check(full.drain(max: 4) { _ in } == 2, "ConcurrentQueues: a steal took too much")
}

/// A node of the program's own.
private func useIntrusiveQueue() {
    let queue = IntrusiveMPSCQueue()
    let node = UnsafeMutablePointer<IntrusiveMPSCNode>.allocate(capacity: 1)
    defer { unsafe node.deallocate() }  // SAFETY: allocated above, freed once.
    unsafe node.initialize(to: IntrusiveMPSCNode())  // SAFETY: just allocated.
    unsafe queue.push(node)  // SAFETY: in no queue.
    // SAFETY: addresses are compared.
    guard case .node(let found) = unsafe queue.pop(), unsafe found == node else {
        return check(false, "ConcurrentQueues: the intrusive queue lost its node")
    }
    guard case .empty = unsafe queue.pop() else {  // SAFETY: carries no address.
        return check(false, "ConcurrentQueues: the intrusive queue is not empty")
    }
}

/// A queue that grows by segments, and ends.
private func useUnboundedQueue() {
    let queue = UnboundedMPMCQueue<Int>(segmentCapacity: 2, threadCountMax: 2)
    for number in 1...5 { check(queue.tryPush(number) == nil, "ConcurrentQueues: refused") }
    queue.close()
    check(queue.tryPush(6) == 6, "ConcurrentQueues: accepted behind the close")
    check(queue.tryPop() == 1, "ConcurrentQueues: the unbounded queue is out of order")
    var sum = 0
    let count = queue.drain(max: 8) { sum += $0 }
    check(count == 4 && sum == 14, "ConcurrentQueues: the unbounded queue lost an element")
    check(queue.isDrained, "ConcurrentQueues: the unbounded queue does not end")
}
