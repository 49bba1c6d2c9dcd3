// SPDX-License-Identifier: MIT

import AtomicSupport
import WaitPrimitives

/// Waits that are over before they begin, and one that ends at its deadline.
func useWaitPrimitives() {
    let event = AutoResetEvent()
    event.set()
    check(event.tryWait(), "WaitPrimitives: a set event was not set")
    let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000)
    check(!event.blockingWait(until: soon), "WaitPrimitives: an event was set twice")

    let semaphore = CountingSemaphore(permitCount: 1)
    check(semaphore.tryWait(), "WaitPrimitives: a permit is missing")
    check(!semaphore.tryWait(), "WaitPrimitives: a permit too many")

    let group = WaitGroup()
    group.add(2)
    group.done(2)
    check(group.blockingWait(until: soon), "WaitPrimitives: an empty group waited")

    let flag = ManualResetEvent(isSet: true)
    check(flag.blockingWait(until: soon), "WaitPrimitives: a set flag held up")
    check(flag.reset(), "WaitPrimitives: a set flag was not set")

    let latch = Latch(count: 1)
    latch.countDown()
    check(latch.blockingWait(until: soon), "WaitPrimitives: an open latch held up")

    let barrier = CyclicBarrier(memberCount: 2)
    check(barrier.blockingWait(until: soon) == nil, "WaitPrimitives: a barrier of one of two")

    let lock = FairLock(1)
    let sum = lock.withLock { value in value + 1 }
    check(sum == 2, "WaitPrimitives: a lock lost its value")
    check(lock.withLockIfFree { $0 } == 1, "WaitPrimitives: a free lock was held")

    let oneshot = Oneshot<Int>()
    check(oneshot.set(7) == nil, "WaitPrimitives: the first value was refused")
    check(oneshot.tryReceive() == 7, "WaitPrimitives: the value is not the one that was set")
}
