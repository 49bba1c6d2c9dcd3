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
}
