// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing

@testable import ConcurrentQueues
@testable import WaitPrimitives

/// Primitives whose counters begin just before they wrap round.
@Suite("Models of counters that wrap round")
struct WrapModelTests {
    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    private static let positions: [UInt64] = [0, 1, .max / 2 - 2, .max / 2, .max - 1]

    @Test("a bounded queue", arguments: positions)
    func queue(firstPosition: UInt64) {
        // Wrong: positions are compared as numbers, and not by how far they are apart.
        alone { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2, firstPosition: firstPosition)
            model.check(queue.isEmpty && !queue.isClosed && !queue.isDrained)
            let first = firstPosition & .max >> 1
            model.check(queue.pushedCount == first)
            for round in 0..<4 {
                for step in 0..<3 {
                    model.check((queue.tryPush(10 * round + step) != nil) == (step == 2))
                }
                model.check(queue.count == 2 && queue.tryPop() == 10 * round)
                if round % 2 == 0 { model.check(queue.tryPop() == 10 * round + 1) }
                if round % 2 == 1 { model.check(queue.drain(max: 3) { _ in } == 1) }
                model.check(queue.isEmpty && queue.tryPop() == nil)
            }
            model.check(queue.close() && queue.isDrained && queue.tryPush(7) == 7)
        }
    }

    @Test("a queue from one to one", arguments: positions)
    func pipe(firstPosition: UInt64) {
        // Wrong: as above.
        alone { model in
            let queue = BoundedSPSCQueue<Int>(capacity: 2, firstPosition: firstPosition)
            model.check(queue.isEmpty && !queue.isClosed && !queue.isDrained)
            for round in 0..<4 {
                model.check(queue.fill(max: 3) { round } == 2 && queue.tryPush(7) == 7)
                model.check(queue.count == 2 && queue.tryPop() == round)
                model.check(queue.drain(max: 3) { model.check($0 == round) } == 1)
                model.check(queue.isEmpty && queue.tryPop() == nil)
            }
            model.check(queue.close() && queue.isDrained && queue.tryPush(7) == 7)
        }
    }

    @Test("a deque", arguments: positions)
    func deque(firstPosition: UInt64) {
        // Wrong: as above.
        alone { model in
            let deque = WorkStealingDeque<Int>(
                capacity: 2, capacityMax: 2, firstPosition: firstPosition)
            model.check(deque.isEmpty && deque.tryPop() == nil && deque.trySteal() == nil)
            for _ in 0..<4 {
                for step in 0..<3 { model.check((deque.tryPush(step) != nil) == (step == 2)) }
                model.check(deque.count == 2 && deque.trySteal() == 0 && deque.tryPop() == 1)
                model.check(deque.isEmpty && deque.tryPop() == nil && deque.trySteal() == nil)
            }
        }
    }

    @Test("a ring that is robbed", arguments: [0, 1, .max / 2, .max - 1] as [UInt32])
    func ring(firstPosition: UInt32) {
        // Wrong: as above.
        alone { model in
            let ring = StealingRing<Int>(capacity: 4, firstPosition: firstPosition)
            let own = StealingRing<Int>(capacity: 2, firstPosition: firstPosition &+ 1)
            for _ in 0..<3 {
                for step in 0..<5 { model.check((ring.tryPush(step) != nil) == (step == 4)) }
                model.check(ring.count == 4 && ring.trySteal(into: own) == 0)
                model.check(ring.count == 2 && own.count == 1 && own.tryPop() == 1)
                model.check(ring.tryPop() == 2 && ring.drain(max: 2) { _ in } == 1)
                model.check(ring.isEmpty && ring.tryPop() == nil && own.isEmpty)
            }
        }
    }

    @Test("an inbox", arguments: [0, 1, .max - 1] as [UInt32])
    func inbox(firstTag: UInt32) {
        // Wrong: a tag that wraps round touches the link beside it.
        alone { model in
            let inbox = MPSCInbox<Int>(capacity: 2, firstTag: firstTag)
            for round in 0..<4 {
                model.check(inbox.tryPush(round).needsWake && inbox.tryPush(round).isPushed)
                model.check(inbox.tryPush(7).takeRefused() == 7)
                model.check(inbox.drain { model.check($0 == round) } == 2 && inbox.isEmpty)
            }
        }
    }

    @Test("an event count", arguments: [0, 1, .max - 1, .max] as [UInt32])
    func eventCount(epoch: UInt32) {
        // Wrong: an epoch that wraps round is taken for a later one.
        alone { model in
            let event = EventCount(epoch: epoch)
            model.check(event.waiterCount == 0)
            for _ in 0..<3 {
                let late = event.prepareWait()
                event.notifyAll()
                model.check(event.blockingWait(late, until: .never) && event.waiterCount == 0)
                let waits = (0..<2).map { _ in RawWait(key: event.prepareWait().takeRawValue()) }
                for wait in waits { model.check(wait.enqueue(on: event) == .queued) }
                event.notifyOne()
                model.check(waits.map(\.wakeCount) == [1, 0] && event.waiterCount == 1)
                event.notifyAll()
                model.check(waits.map(\.wakeCount) == [1, 1] && event.waiterCount == 0)
            }
        }
    }

    @Test("a breaker's era", arguments: [0, 0xF_FFFE, 0xF_FFFF] as [UInt64])
    func breaker(era: UInt64) {
        // Wrong: a report of an earlier era counts, or one of now does not.
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = 1
        policy.resetNanoseconds = 1 << 20
        policy.resetNanosecondsMax = 1 << 20
        alone { model in
            let breaker = CircuitBreaker(policy, era: era)
            var now = MonotonicInstant(nanoseconds: 0)
            for _ in 0..<3 {
                model.check(breaker.state == .closed)
                let late = breaker.tryAcquire(now: now)
                if let permit = breaker.tryAcquire(now: now) {
                    breaker.recordFailure(permit, now: now)
                }
                model.check(breaker.state == .open)
                now = now.advanced(byNanoseconds: 1 << 20)
                let probe = breaker.tryAcquire(now: now)
                if let late { breaker.recordFailure(late, now: now) }
                model.check(breaker.state == .halfOpen)
                if let probe { breaker.recordSuccess(probe) }
            }
            model.check(breaker.state == .closed)
        }
    }
}
