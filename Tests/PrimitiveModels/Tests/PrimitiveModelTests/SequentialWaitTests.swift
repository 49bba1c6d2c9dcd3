// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import ModelChecking
import Testing
import WaitPrimitives

/// What the waiting primitives promise to one thread alone: numbers, order, and answers.
@Suite("Models of waiting primitives, alone")
struct SequentialWaitTests {
    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    private var past: MonotonicInstant { MonotonicInstant(nanoseconds: 1) }

    @Test("a semaphore counts, has a maximum, and serves its waiters in order")
    func semaphore() {
        // Wrong: a permit more or less than was given.
        alone { model in
            for permits in 0..<3 {
                let fresh = CountingSemaphore(permitCount: permits, permitCountMax: 3)
                model.check(fresh.permitCount == permits && fresh.signal())
                model.check(fresh.permitCount == permits + 1)
            }
            let semaphore = CountingSemaphore(permitCount: 1, permitCountMax: 3)
            model.check(semaphore.permitCount == 1 && semaphore.permitCountMax == 3)
            model.check(semaphore.tryWait() && !semaphore.tryWait())
            model.check(!semaphore.blockingWait(until: past) && semaphore.permitCount == 0)
            model.check(!semaphore.signal(4) && semaphore.permitCount == 0)
            model.check(semaphore.signal(2) && semaphore.permitCount == 2)
            model.check(!semaphore.signal(2) && semaphore.permitCount == 2)
            model.check(semaphore.signal() && semaphore.permitCount == 3 && !semaphore.signal())
            for _ in 0..<3 { model.check(semaphore.blockingWait(until: past)) }
            let waits = (0..<4).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: semaphore) == .queued) }
            model.check(semaphore.signal(2))
            model.check(waits.map(\.wakeCount) == [1, 1, 0, 0] && !semaphore.tryWait())
            model.check(waits[2].withdraw(from: semaphore) == .removed)
            model.check(waits[0].withdraw(from: semaphore) == .late)
            model.check(!semaphore.signal(4) && waits[3].wakeCount == 0)
            model.check(semaphore.signal(3))
            model.check(waits.map(\.wakeCount) == [1, 1, 0, 1] && semaphore.permitCount == 2)
            let early = RawWait()
            model.check(early.withdraw(from: semaphore) == .early)
            model.check(early.enqueue(on: semaphore) == .withdrawn && semaphore.permitCount == 2)
            let lucky = RawWait()
            model.check(lucky.enqueue(on: semaphore) == .granted && semaphore.permitCount == 1)
            model.check(lucky.withdraw(from: semaphore) != .removed && lucky.wakeCount == 0)
        }
    }

    @Test("a waiter that gives up leaves the others in their order", arguments: 0..<3)
    func withdrawals(first: Int) {
        // Wrong: the list loses one that stands before or behind.
        alone { model in
            let semaphore = CountingSemaphore(permitCount: 0)
            let waits = (0..<3).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: semaphore) == .queued) }
            model.check(waits[first].withdraw(from: semaphore) == .removed)
            var rest = [0, 1, 2].filter { $0 != first }
            let late = RawWait()
            model.check(late.enqueue(on: semaphore) == .queued)
            while let next = rest.first {
                semaphore.signal()
                rest.removeFirst()
                model.check(waits[next].wakeCount == 1 && late.wakeCount == 0)
                for other in rest { model.check(waits[other].wakeCount == 0) }
            }
            semaphore.signal()
            model.check(late.wakeCount == 1 && semaphore.permitCount == 0)
            let last = RawWait()
            model.check(last.enqueue(on: semaphore) == .queued)
            model.check(last.withdraw(from: semaphore) == .removed)
            model.check(semaphore.signal() && semaphore.tryWait() && last.wakeCount == 0)
        }
    }

    @Test("an event remembers one set")
    func event() {
        // Wrong: a set is lost, or counts twice.
        alone { model in
            let event = AutoResetEvent()
            model.check(!event.isSet && !event.tryWait())
            event.set()
            event.set()
            model.check(event.isSet && event.tryWait() && !event.isSet && !event.tryWait())
            event.set()
            model.check(event.blockingWait(until: past) && !event.blockingWait(until: past))
            let waits = (0..<2).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: event) == .queued) }
            event.set()
            model.check(waits.map(\.wakeCount) == [1, 0] && !event.isSet)
            model.check(waits[1].withdraw(from: event) == .removed)
            event.set()
            model.check(event.isSet && event.tryWait())
        }
    }

    @Test("a group lets all waiters of a phase pass when it ends")
    func group() {
        // Wrong: a count is off, or a phase ends early or never.
        alone { model in
            let group = WaitGroup()
            model.check(group.count == 0 && group.blockingWait(until: past))
            group.add(3)
            model.check(group.count == 3 && !group.blockingWait(until: past))
            group.done()
            let waits = (0..<2).map { _ in RawWait() }
            for wait in waits { model.check(wait.enqueue(on: group) == .queued) }
            let gone = RawWait()
            model.check(gone.enqueue(on: group) == .queued)
            model.check(gone.withdraw(from: group) == .removed && group.count == 2)
            group.done()
            model.check(waits.map(\.wakeCount) == [0, 0] && group.count == 1)
            group.add()
            group.done(2)
            model.check(waits.map(\.wakeCount) == [1, 1] && group.count == 0)
            model.check(gone.wakeCount == 0)
            let lucky = RawWait()
            model.check(lucky.enqueue(on: group) == .granted && lucky.wakeCount == 0)
            group.add()
            let last = RawWait()
            model.check(last.enqueue(on: group) == .queued)
            model.check(last.withdraw(from: group) == .removed)
            group.done()
            model.check(group.count == 0 && last.wakeCount == 0)
            let early = RawWait()
            model.check(early.withdraw(from: group) == .early)
            model.check(early.enqueue(on: group) == .withdrawn)
        }
    }

    @Test(
        "an event count wakes those of earlier epochs: one, some or all", arguments: [false, true])
    func eventCount(isOrdered: Bool) {
        // Wrong: a notify wakes one too many, or counts wrong.
        let publication: EventCount.Publication =
            isOrdered ? .sequentiallyConsistent : .releasing
        alone { model in
            let event = EventCount()
            event.notifyAll(after: publication)
            event.notifyOne(after: publication)
            event.cancelWait(event.prepareWait())
            model.check(event.waiterCount == 0)
            let late = event.prepareWait()
            event.notifyAll(after: publication)
            model.check(event.waiterCount == 1)
            model.check(event.blockingWait(late, until: .never) && event.waiterCount == 0)
            model.check(!event.blockingWait(event.prepareWait(), until: past))
            model.check(event.waiterCount == 0)
            let waits = (0..<4).map { _ in RawWait(key: event.prepareWait().takeRawValue()) }
            model.check(event.waiterCount == 4)
            for wait in waits { model.check(wait.enqueue(on: event) == .queued) }
            event.notifyOne(after: publication)
            model.check(waits.map(\.wakeCount) == [1, 0, 0, 0] && event.waiterCount == 3)
            model.check(waits[1].withdraw(from: event) == .removed && event.waiterCount == 2)
            event.notifyAll(after: publication)
            model.check(waits.map(\.wakeCount) == [1, 0, 1, 1] && event.waiterCount == 0)
            let more = (0..<3).map { _ in RawWait(key: event.prepareWait().takeRawValue()) }
            for wait in more { model.check(wait.enqueue(on: event) == .queued) }
            event.notify(max: 2, after: publication)
            model.check(more.map(\.wakeCount) == [1, 1, 0] && event.waiterCount == 1)
            event.notify(max: 2, after: publication)
            model.check(more.map(\.wakeCount) == [1, 1, 1] && event.waiterCount == 0)
            let past = RawWait(key: event.prepareWait().takeRawValue())
            event.notifyOne(after: publication)
            model.check(past.enqueue(on: event) == .granted && event.waiterCount == 0)
            let early = RawWait(key: event.prepareWait().takeRawValue())
            model.check(early.withdraw(from: event) == .early && event.waiterCount == 1)
            model.check(early.enqueue(on: event) == .withdrawn && event.waiterCount == 0)
        }
    }

    @Test("a oneshot has one value, once")
    func oneshot() {
        // Wrong: an answer is another one.
        alone { model in
            let oneshot = Oneshot<Int>()
            model.check(oneshot.tryReceive() == nil)
            let waits = (0..<2).map { _ in RawWait() }
            model.check(waits[0].enqueue(on: oneshot) == .queued)
            model.check(self.received(oneshot) == .timedOut)
            model.check(oneshot.set(1) == nil && waits[0].wakeCount == 1)
            model.check(waits[1].enqueue(on: oneshot) == .granted && waits[1].wakeCount == 0)
            model.check(oneshot.set(2) == 2 && !oneshot.close())
            model.check(oneshot.tryReceive() == 1 && oneshot.tryReceive() == nil)
            model.check(self.received(oneshot) == .taken)
            model.check(oneshot.set(3) == 3 && !oneshot.close())

            let closed = Oneshot<Int>()
            let wait = RawWait()
            model.check(wait.enqueue(on: closed) == .queued)
            model.check(closed.close() && !closed.close() && wait.wakeCount == 1)
            model.check(closed.set(4) == 4 && closed.tryReceive() == nil)
            model.check(self.received(closed) == .closed)

            let left = Oneshot<Int>()
            let gone = RawWait()
            model.check(gone.enqueue(on: left) == .queued)
            model.check(gone.withdraw(from: left) == .removed)
            let early = RawWait()
            model.check(early.withdraw(from: left) == .early)
            model.check(early.enqueue(on: left) == .withdrawn)
            model.check(left.set(5) == nil && gone.wakeCount == 0)
            model.check(self.received(left) == nil)
        }
    }

    private func received(_ oneshot: borrowing Oneshot<Int>) -> OneshotError? {
        do {
            _ = try oneshot.blockingReceive(until: past)
            return nil
        } catch {
            return error
        }
    }

    private func policy(_ unit: UInt64) -> CircuitBreaker.Policy {
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = 2
        policy.successThreshold = 3
        policy.probeCountMax = 2
        policy.resetNanoseconds = 4 * unit
        policy.resetNanosecondsMax = 12 * unit
        return policy
    }

    @Test("a breaker opens, probes, and closes by its policy")
    func breaker() {
        // Wrong: a threshold, a time or a count is off by one.
        let unit: UInt64 = 1 << 20
        let at = { (units: UInt64) in MonotonicInstant(nanoseconds: units * unit) }
        let policy = policy(unit)
        alone { model in
            let breaker = CircuitBreaker(policy)
            /// Two failures in a row open it; a success between them does not count.
            func fail(_ now: MonotonicInstant) {
                guard let permit = breaker.tryAcquire(now: now) else {
                    return model.check(false, "refused")
                }
                model.check(!permit.isProbe)
                breaker.recordFailure(permit, now: now)
            }
            fail(at(0))
            if let permit = breaker.tryAcquire(now: at(0)) { breaker.recordSuccess(permit) }
            fail(at(0))
            model.check(breaker.state == .closed)
            let late = breaker.tryAcquire(now: at(0))
            let idle = breaker.tryAcquire(now: at(0))
            if let idle { breaker.abandon(idle) }
            fail(MonotonicInstant(nanoseconds: 1))
            model.check(breaker.state == .open)
            // 4 units and a nanosecond, rounded up.
            model.check(breaker.tryAcquire(now: at(4)) == nil)
            model.check(breaker.tryAcquire(now: MonotonicInstant(nanoseconds: 5 * unit - 1)) == nil)
            if let late { breaker.recordFailure(late, now: at(100)) }
            guard let first = breaker.tryAcquire(now: at(5)) else {
                return model.check(false, "no probe")
            }
            model.check(first.isProbe && breaker.state == .halfOpen)
            guard let second = breaker.tryAcquire(now: at(5)) else {
                return model.check(false, "no second probe")
            }
            model.check(second.isProbe && breaker.tryAcquire(now: at(5)) == nil)
            breaker.abandon(second)
            breaker.recordSuccess(first)
            guard let third = breaker.tryAcquire(now: at(5)),
                let fourth = breaker.tryAcquire(now: at(5))
            else { return model.check(false, "no more probes") }
            model.check(breaker.tryAcquire(now: at(5)) == nil)
            breaker.recordSuccess(third)
            model.check(breaker.state == .halfOpen && breaker.tryAcquire(now: at(5)) == nil)
            breaker.recordFailure(fourth, now: at(8))
            // 8 and twice 4.
            model.check(breaker.state == .open && breaker.tryAcquire(now: at(15)) == nil)
            guard let fifth = breaker.tryAcquire(now: at(16)) else {
                return model.check(false, "no probe in time")
            }
            breaker.recordFailure(fifth, now: at(16))
            // Four times 4 is more than the maximum.
            model.check(breaker.tryAcquire(now: at(27)) == nil)
            for round in 0..<3 {
                model.check(breaker.state == (round == 0 ? .open : .halfOpen))
                if let permit = breaker.tryAcquire(now: at(28)) { breaker.recordSuccess(permit) }
            }
            model.check(breaker.state == .closed)
            fail(at(30))
            model.check(breaker.state == .closed)
            fail(at(30))
            // The doublings have gone with the closing.
            model.check(breaker.state == .open && breaker.tryAcquire(now: at(33)) == nil)
            model.check(breaker.tryAcquire(now: at(34)) != nil)
        }
    }

    @Test("a drain allocator counts, aligns and keeps to its limit")
    func drain() {
        // Wrong: bytes are lost, or given out beyond the limit.
        alone { model in
            let allocator = DrainAllocator(byteCountMax: 100)
            model.check(allocator.byteCountMax == 100 && !allocator.isClosed)
            model.check(allocator.blockingDrained(until: past))
            // SAFETY: each block is given back once, below.
            let first = unsafe allocator.allocate(byteCount: 60, alignment: 128)?.baseAddress
            // SAFETY: as above.
            let second = unsafe allocator.allocate(byteCount: 40)?.baseAddress
            guard let first = unsafe first, let second = unsafe second else {
                return model.check(false, "refused")
            }
            model.check(UInt(bitPattern: first) % 128 == 0)
            model.check(UInt(bitPattern: second) % 16 == 0)
            // SAFETY: as above; the blocks are as long as was asked for.
            unsafe first.initializeMemory(as: UInt8.self, repeating: 1, count: 60)
            unsafe second.initializeMemory(as: UInt8.self, repeating: 2, count: 40)
            model.check(allocator.outstanding == .init(blockCount: 2, byteCount: 100))
            model.check(unsafe allocator.allocate(byteCount: 1) == nil)  // SAFETY: none is made.
            model.check(allocator.outstanding == .init(blockCount: 2, byteCount: 100))
            model.check(!allocator.blockingDrained(until: past))
            unsafe allocator.deallocate(first)  // SAFETY: given out above.
            model.check(allocator.outstanding == .init(blockCount: 1, byteCount: 40))
            if let made = allocator.make(UInt64(7)) {
                model.check(allocator.outstanding == .init(blockCount: 2, byteCount: 48))
                let seen = made.withValue { $0 }
                let taken = made.take()
                model.check(seen == 7 && taken == 7)
            }
            let living = Count()
            if let made = allocator.make(Counted(7, living)) {
                model.check(made.withValue { $0.number } == 7 && living.value == 1)
                model.check(allocator.outstanding.blockCount == 2)
            }
            model.check(living.value == 0, "a value outlives its allocation")
            model.check(allocator.outstanding == .init(blockCount: 1, byteCount: 40))
            allocator.close()
            model.check(allocator.isClosed && allocator.make(UInt8(7)) == nil)
            model.check(allocator.outstanding == .init(blockCount: 1, byteCount: 40))
            unsafe allocator.deallocate(second)  // SAFETY: given out above.
            model.check(allocator.blockingDrained(until: past) && allocator.isClosed)
            model.check(allocator.outstanding == .init(blockCount: 0, byteCount: 0))
        }
    }
}
