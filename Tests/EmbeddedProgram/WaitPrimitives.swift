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
    useLocks()
    useNotices(until: soon)
    useLimits()
}

/// A lock that is shared, and a condition that holds.
private func useLocks() {
    let shared = FairReadWriteLock(1)
    shared.withWriteLock { $0 += 1 }
    check(shared.withReadLock { $0 } == 2, "WaitPrimitives: a shared lock lost its value")

    let jobs = FairLock(1)
    let isThere = ConditionVariable()
    check(!isThere.signal(), "WaitPrimitives: a signal that nobody waited for was heard")
    let job = jobs.withLock(on: isThere, when: { $0 > 0 }) { $0 }
    check(job == 1, "WaitPrimitives: a condition lost its value")
}

/// What is told to whoever waits, of whom there is nobody.
private func useNotices(until soon: MonotonicInstant) {
    let events = EventCount()
    let key = events.prepareWait()
    events.notifyOne()
    check(events.blockingWait(key, until: soon), "WaitPrimitives: a notify was lost")

    let notify = Notify()
    let ticket = notify.ticket
    notify.notifyAll()
    check(notify.blockingWait(after: ticket, until: soon), "WaitPrimitives: a ticket was lost")
    check(!notify.tryWait(), "WaitPrimitives: a notify of all was remembered")

    let lot = ParkingLot(bucketCount: 2)
    let end = lot.park(at: 0x1000, until: .now) { false }
    check(end == .invalid, "WaitPrimitives: parked although nothing is to be waited for")
    check(lot.unparkAll(at: 0x1000) == 0, "WaitPrimitives: somebody is parked")
}

/// What is refused: calls to a peer that fails, and one more than a period allows.
private func useLimits() {
    let breaker = CircuitBreaker(CircuitBreaker.Policy())
    guard let permit = breaker.tryAcquire(now: .now) else {
        return check(false, "WaitPrimitives: a closed breaker refuses")
    }
    breaker.recordSuccess(permit)

    let now = MonotonicInstant.now
    let bucket = TokenBucket(
        .init(tokenCount: 1, periodNanoseconds: 1_000_000_000, burstCount: 1))
    check(bucket.tryTake(now: now), "WaitPrimitives: a full bucket gives nothing")
    check(!bucket.tryTake(now: now), "WaitPrimitives: a bucket gives more than it has")
}
