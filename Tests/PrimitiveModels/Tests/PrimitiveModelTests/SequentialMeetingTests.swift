// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// What the event that stays set, the latch, the barrier and the lock in turn promise to one thread
/// alone, and what policies say by default.
@Suite("Models of meetings, alone")
struct SequentialMeetingTests {
    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    private var past: MonotonicInstant { MonotonicInstant(nanoseconds: 1) }

    @Test("an event stays set until it is reset", arguments: [false, true])
    func manual(isSet: Bool) {
        // Wrong: a set is lost, or outlives its reset.
        alone { model in
            let event = ManualResetEvent(isSet: isSet)
            model.check(event.isSet == isSet && event.reset() == isSet && !event.isSet)
            model.check(!event.reset() && !event.blockingWait(until: past) && !event.isSet)
            event.set()
            event.set()
            model.check(event.isSet && event.blockingWait(until: past) && event.isSet)
            model.check(event.reset() && !event.reset() && !event.isSet)
            let waits = (0..<3).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: event) == .queued) }
            model.check(!event.isSet && !event.reset())
            model.check(waits[1].withdraw(from: event) == .removed && !event.isSet)
            event.set()
            model.check(waits.map(\.wakeCount) == [1, 0, 1] && event.isSet)
            model.check(waits[0].withdraw(from: event) == .late && event.isSet)
            let lucky = RawWait()
            model.check(lucky.enqueue(on: event) == .granted && lucky.wakeCount == 0)
            model.check(event.reset())
            let last = RawWait()
            model.check(last.enqueue(on: event) == .queued)
            model.check(last.withdraw(from: event) == .removed && !event.isSet)
            let early = RawWait()
            model.check(early.withdraw(from: event) == .early)
            model.check(early.enqueue(on: event) == .withdrawn)
            event.set()
            model.check(event.isSet && last.wakeCount == 0 && early.wakeCount == 0)
        }
    }

    @Test("a latch opens with its last step and stays open")
    func latch() {
        // Wrong: a step is counted twice, or not.
        alone { model in
            let open = Latch(count: 0)
            model.check(open.isOpen && open.count == 0 && open.blockingWait(until: past))
            let latch = Latch(count: 4)
            model.check(!latch.isOpen && latch.count == 4 && !latch.blockingWait(until: past))
            let waits = (0..<2).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: latch) == .queued) }
            latch.countDown()
            model.check(latch.count == 3 && waits[0].withdraw(from: latch) == .removed)
            latch.countDown(2)
            model.check(!latch.isOpen && latch.count == 1 && waits[1].wakeCount == 0)
            latch.countDown()
            model.check(latch.isOpen && latch.count == 0)
            model.check(waits.map(\.wakeCount) == [0, 1])
            let late = RawWait()
            model.check(late.enqueue(on: latch) == .granted && late.wakeCount == 0)
        }
    }

    @Test("a barrier lets all through with the last, phase by phase")
    func barrier() {
        // Wrong: a phase ends with one too few or too many, or has no leader or two.
        alone { model in
            let single = CyclicBarrier(memberCount: 1)
            model.check(single.memberCount == 1 && single.arrivalCount == 0)
            model.check(single.blockingWait(until: past) == .leader)
            let barrier = CyclicBarrier(memberCount: 3)
            for _ in 0..<2 {
                model.check(barrier.arrivalCount == 0)
                model.check(barrier.blockingWait(until: past) == nil && barrier.arrivalCount == 0)
                let waits = (0..<2).map { _ in RawWait() }
                model.check(waits[0].enqueue(on: barrier) == .queued)
                let gone = RawWait()
                model.check(gone.enqueue(on: barrier) == .queued && barrier.arrivalCount == 2)
                model.check(gone.withdraw(from: barrier) == .removed && barrier.arrivalCount == 1)
                let early = RawWait()
                model.check(early.withdraw(from: barrier) == .early)
                model.check(early.enqueue(on: barrier) == .withdrawn && barrier.arrivalCount == 1)
                model.check(waits[1].enqueue(on: barrier) == .queued && barrier.arrivalCount == 2)
                model.check(waits.map(\.wakeCount) == [0, 0])
                model.check(barrier.blockingWait(until: past) == .leader)
                model.check(waits.map(\.wakeCount) == [1, 1] && gone.wakeCount == 0)
                model.check(waits[0].withdraw(from: barrier) == .late && barrier.arrivalCount == 0)
            }
        }
    }

    @Test("a lock is passed on in turn, with its value")
    func fairLock() {
        // Wrong: two have the lock, or nobody.
        alone { model in
            let lock = FairLock(0)
            model.check(!lock.isLocked && lock.withLock { $0 } == 0)
            let isHeld = lock.withLock { value in
                value = 7
                return lock.isLocked && lock.withLockIfFree { $0 } == nil
                    && lock.withLock(until: past) { $0 } == nil
            }
            model.check(isHeld && !lock.isLocked)
            model.check(lock.withLockIfFree { $0 } == 7 && lock.withLock(until: past) { $0 } == 7)
            let first = RawWait()
            model.check(first.enqueue(on: lock) == .granted && lock.isLocked)
            let waits = (0..<3).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: lock) == .queued) }
            model.check(waits[1].withdraw(from: lock) == .removed)
            // SAFETY: each grant is used once.
            unsafe lock.withGrantedLock { $0 += 1 }
            model.check(waits.map(\.wakeCount) == [1, 0, 0] && lock.isLocked)
            model.check(lock.withLockIfFree { $0 } == nil)
            unsafe lock.withGrantedLock { $0 += 1 }  // SAFETY: as above.
            model.check(waits.map(\.wakeCount) == [1, 0, 1] && lock.isLocked)
            model.check(waits[2].withdraw(from: lock) == .late)
            unsafe lock.withGrantedLock { $0 += 1 }  // SAFETY: as above.
            model.check(!lock.isLocked && lock.withLock { $0 } == 10)
        }
    }

    /// Something whose ends are counted, also of what was never made.
    private struct Ending: ~Copyable {
        // SAFETY: the threads of a model are fibers of one, and one test uses it.
        nonisolated(unsafe) static var count = 0

        deinit { unsafe Self.count += 1 }  // SAFETY: as above.
    }

    @Test("a lock's value ends with it, and who waits without a deadline gets the lock")
    func fairLockEnd() {
        // Wrong: the value outlives its lock, or a wait answers that time is over when none is.
        let result = explore { model in
            let living = Count()
            do {
                let lock = FairLock(Counted(1, living))
                model.check(lock.withLock { $0.number } == 1 && living.value == 1)
            }
            model.check(living.value == 0)
            unsafe Ending.count = 0  // SAFETY: as above.
            do {
                let lock = FairLock(Ending())
                model.check(!lock.isLocked)
            }
            model.check(unsafe Ending.count == 1)  // SAFETY: as above.
            let lock = Shared(FairLock(PlainCell(0)))
            for number in 1...2 {
                model.thread {
                    let isRun = lock.value.withLock(until: .never) { cell in
                        cell.store(number)
                        return cell.load() == number
                    }
                    model.check(isRun == true)
                }
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    // MARK: - The breaker's far corners

    private func fail(_ breaker: borrowing CircuitBreaker, at now: MonotonicInstant) -> Bool {
        guard let permit = breaker.tryAcquire(now: now) else { return false }
        breaker.recordFailure(permit, now: now)
        return true
    }

    private static let unit: UInt64 = 1 << 20

    private func at(_ units: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: units * Self.unit)
    }

    @Test("the default policy is that of the documentation")
    func breakerDefaults() {
        // Wrong: five failures, one success, one probe at a time, one second are something else.
        let policy = CircuitBreaker.Policy()
        #expect(policy.failureThreshold == 5)
        #expect(policy.successThreshold == 1)
        #expect(policy.probeCountMax == 1)
        #expect(policy.resetNanoseconds == 1_000_000_000)
        #expect(policy.resetNanosecondsMax == 1_000_000_000)
    }

    @Test("a breaker opens with the failure that its policy says", arguments: 1...4)
    func breakerThreshold(count: Int) {
        // Wrong: a threshold is off by one, or one failure counts twice.
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = count
        policy.resetNanoseconds = 4 * Self.unit
        policy.resetNanosecondsMax = 4 * Self.unit
        alone { model in
            let breaker = CircuitBreaker(policy)
            for number in 1...count {
                model.check(breaker.state == .closed && fail(breaker, at: at(3)))
                model.check((breaker.state == .open) == (number == count))
            }
            // 3 and 4 are an odd number of units, and not rounded up.
            let before = MonotonicInstant(nanoseconds: 7 * Self.unit - 1)
            model.check(breaker.tryAcquire(now: before) == nil)
            model.check(breaker.tryAcquire(now: at(7)) != nil && breaker.state == .halfOpen)
        }
    }

    @Test("a breaker that opens again and again stays open longer, up to 2^31 times")
    func breakerDoublings() {
        // Wrong: the count of doublings overflows into the era.
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = 1
        policy.resetNanoseconds = Self.unit
        policy.resetNanosecondsMax = .max
        alone { model in
            let breaker = CircuitBreaker(policy)
            var now: UInt64 = 0
            for round: UInt64 in 0..<36 {
                model.check(fail(breaker, at: at(now)) && breaker.state == .open)
                now += 1 << min(round, 31)
                model.check(breaker.tryAcquire(now: at(now - 1)) == nil)
            }
            guard let permit = breaker.tryAcquire(now: at(now)) else {
                return model.check(false, "no probe")
            }
            breaker.recordSuccess(permit)
            model.check(breaker.state == .closed)
        }
    }

    @Test("a reset time whose doublings overflow is the longest there is")
    func breakerOverflow() {
        // Wrong: what is left of the product is taken for the time.
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = 1
        policy.resetNanoseconds = 1 << 44
        policy.resetNanosecondsMax = 1 << 50
        alone { model in
            let breaker = CircuitBreaker(policy)
            var now: UInt64 = 0
            for round: UInt64 in 0..<36 {
                model.check(fail(breaker, at: at(now)) && breaker.state == .open)
                now += 1 << min(24 + round, 30)
                model.check(breaker.tryAcquire(now: at(now - 1)) == nil)
            }
            model.check(breaker.tryAcquire(now: at(now)) != nil)
        }
    }

    @Test("a breaker that opens at the end of its clock is open until then")
    func breakerClock() {
        // Wrong: the end does not fit into its bits, and is in the past.
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = 1
        alone { model in
            let breaker = CircuitBreaker(policy)
            let end: UInt64 = (1 << 37) - 1
            model.check(fail(breaker, at: at(end)) && breaker.state == .open)
            model.check(breaker.tryAcquire(now: at(end - 1)) == nil)
            model.check(breaker.tryAcquire(now: at(end)) != nil)
        }
    }
}
