// SPDX-License-Identifier: MIT

package import AtomicSupport
package import WaitPrimitives

// The operations of the primitives that wait.

@_silgen_name("seam_event_count_wait")
package func wait(_ count: borrowing EventCount, until deadline: MonotonicInstant) -> Bool {
    count.blockingWait(count.prepareWait(), until: deadline)
}

@_silgen_name("seam_event_count_cancel")
package func cancel(_ count: borrowing EventCount) { count.cancelWait(count.prepareWait()) }

@_silgen_name("seam_event_count_notify_one")
package func notifyOne(_ count: borrowing EventCount) { count.notifyOne() }

@_silgen_name("seam_event_count_notify_all")
package func notifyAll(_ count: borrowing EventCount) {
    count.notifyAll(after: .sequentiallyConsistent)
}

@_silgen_name("seam_oneshot_set")
package func set(_ oneshot: borrowing Oneshot<Int>, _ value: Int) -> Int? { oneshot.set(value) }

@_silgen_name("seam_oneshot_receive")
package func receive(_ oneshot: borrowing Oneshot<Int>) -> Int? { oneshot.tryReceive() }

@_silgen_name("seam_oneshot_close")
package func close(_ oneshot: borrowing Oneshot<Int>) -> Bool { oneshot.close() }

@_silgen_name("seam_semaphore_wait")
package func tryWait(_ semaphore: borrowing CountingSemaphore) -> Bool { semaphore.tryWait() }

@_silgen_name("seam_semaphore_signal")
package func signal(_ semaphore: borrowing CountingSemaphore) -> Bool { semaphore.signal() }

@_silgen_name("seam_event_set")
package func set(_ event: borrowing AutoResetEvent) { event.set() }

@_silgen_name("seam_event_wait")
package func tryWait(_ event: borrowing AutoResetEvent) -> Bool { event.tryWait() }

@_silgen_name("seam_group_add")
package func add(_ group: borrowing WaitGroup) { group.add() }

@_silgen_name("seam_group_done")
package func done(_ group: borrowing WaitGroup) { group.done() }

@_silgen_name("seam_group_wait")
package func wait(_ group: borrowing WaitGroup, until deadline: MonotonicInstant) -> Bool {
    group.blockingWait(until: deadline)
}

@_silgen_name("seam_breaker_acquire")
package func acquire(
    _ breaker: borrowing CircuitBreaker, now: MonotonicInstant
) -> CircuitBreaker.Permit? {
    breaker.tryAcquire(now: now)
}

@_silgen_name("seam_breaker_failure")
package func fail(
    _ breaker: borrowing CircuitBreaker, _ permit: consuming CircuitBreaker.Permit,
    now: MonotonicInstant
) {
    breaker.recordFailure(permit, now: now)
}
