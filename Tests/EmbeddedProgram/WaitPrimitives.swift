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

    let oneshot = Oneshot<Int>()
    check(oneshot.set(7) == nil, "WaitPrimitives: the first value was refused")
    check(oneshot.tryReceive() == 7, "WaitPrimitives: the value is not the one that was set")
}
