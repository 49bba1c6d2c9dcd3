// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import TimerWheels

@Suite("Timer wheel")
struct TimerWheelTests {
    /// Fires everything due, in order.
    static func drain(_ wheel: inout TimerWheel<Int>, now: UInt64) -> [Int] {
        var fired: [Int] = []
        while let payload = wheel.popExpired(now: now) { fired.append(payload) }
        wheel.checkInvariants()
        return fired
    }

    @Test("Timers fire in tick order, first in first out within a tick, never early")
    func firesInOrder() {
        // If this failed, a timeout would come before its time or overtake an older one.
        var wheel = TimerWheel<Int>(capacity: 16, origin: 1000)
        for (payload, deadline) in [5000, 1001, 1064, 1001, 5000, 1063].enumerated() {
            let token = wheel.insert(deadline: UInt64(deadline), payload: payload)
            #expect(token != nil)
        }
        #expect(Self.drain(&wheel, now: 1000) == [])
        #expect(Self.drain(&wheel, now: 1001) == [1, 3])
        #expect(Self.drain(&wheel, now: 4999) == [5, 2])
        #expect(Self.drain(&wheel, now: 5000) == [0, 4])
        let isEmpty = wheel.isEmpty
        #expect(isEmpty)
    }

    @Test("At the boundary of each level a timer fires at its tick and not one before")
    func levelBoundaries() {
        // If this failed, a timer whose deadline has a carry into the next digit would be lost or
        // fire up to a whole level early.
        for level in 1...10 {
            let span = UInt64(1) << UInt64(6 * level)
            for origin in [0, 1, 63, 64, span - 1, span, span + 1] {
                for distance in [span - 1, span, span + 1, 63 &* span] {
                    var wheel = TimerWheel<Int>(capacity: 4, origin: origin)
                    let (deadline, isPastEnd) = origin.addingReportingOverflow(distance)
                    if isPastEnd { continue }
                    _ = wheel.insert(deadline: deadline, payload: 1)
                    #expect(Self.drain(&wheel, now: deadline - 1) == [], "\(origin) + \(distance)")
                    #expect(Self.drain(&wheel, now: deadline) == [1], "\(origin) + \(distance)")
                }
            }
        }
    }

    @Test("Deadlines up to the last tick have a place, from any origin")
    func farDeadlines() {
        // If this failed, `.max` as "never" would wrap round and fire at once.
        for origin in [0, UInt64.max - 70, UInt64.max - 1] {
            var wheel = TimerWheel<Int>(capacity: 4, origin: origin)
            _ = wheel.insert(deadline: .max, payload: 1)
            #expect(Self.drain(&wheel, now: .max - 1) == [])
            let next = wheel.nextDeadline()
            #expect(next == .max)
            #expect(Self.drain(&wheel, now: .max) == [1])
            _ = wheel.insert(deadline: .max, payload: 2)
            #expect(Self.drain(&wheel, now: .max) == [2])
        }
    }

    @Test("Time does not move backwards, and an old `now` does no harm")
    func timeDoesNotMoveBackwards() {
        // If this failed, a clock that is read by two threads could fire timers twice or never.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 100)
        _ = wheel.insert(deadline: 150, payload: 1)
        #expect(Self.drain(&wheel, now: 20) == [])
        #expect(wheel.now == 100)
        #expect(Self.drain(&wheel, now: 200) == [1])
        #expect(Self.drain(&wheel, now: 100) == [])
        #expect(wheel.now == 200)
    }

    @Test("A past timer fires at the next pass, even one to the same tick")
    func pastTimersFireNext() {
        // If this failed, `sleep(0)` would wait for the clock's next tick, or for ever.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 100)
        _ = wheel.insert(deadline: 100, payload: 1)
        _ = wheel.insert(deadline: 5, payload: 2)
        let next = wheel.nextDeadline()
        #expect(next == 100)
        #expect(Self.drain(&wheel, now: 100) == [1, 2])
        _ = wheel.insert(deadline: 0, payload: 3)
        _ = wheel.insert(deadline: 101, payload: 4)
        #expect(Self.drain(&wheel, now: 101) == [3, 4])
    }

    @Test("A handler that re-arms itself for the past ends the pass and starves nobody")
    func pastTimersDoNotStarve() {
        // If this failed, one such handler would hang the loop that owns the wheel.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 0)
        for tick in [10, 10, 20] { _ = wheel.insert(deadline: UInt64(tick), payload: tick) }
        var fired: [Int] = []
        while let payload = wheel.popExpired(now: 50) {
            fired.append(payload)
            if payload == 10 { _ = wheel.insert(deadline: 10, payload: 11) }
            if payload == 11 { _ = wheel.insert(deadline: 0, payload: 11) }
            if fired.count > 100 { break }
        }
        // Once for the tick 10, once more before 20; what they armed then waits for the next pass.
        #expect(fired == [10, 10, 11, 11, 20])
        let next = wheel.nextDeadline()
        #expect(next == 50)
        #expect(wheel.count == 2)
        #expect(Self.drain(&wheel, now: 50) == [11, 11])
    }

    @Test("A timer armed between calls for a tick of this pass fires in its place")
    func insertAheadWhilePopping() {
        // If this failed, timers armed by handlers of a late loop would be one pass late.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 0)
        _ = wheel.insert(deadline: 10, payload: 10)
        _ = wheel.insert(deadline: 5000, payload: 5000)
        let first = wheel.popExpired(now: 6000)
        #expect(first == 10)
        _ = wheel.insert(deadline: 4000, payload: 4000)
        #expect(Self.drain(&wheel, now: 6000) == [4000, 5000])
    }

    @Test("Cancelling the only, first, middle and last timer of a slot", arguments: 1...4)
    func cancelEveryPosition(size: Int) {
        // If this failed, a neighbour would be lost or a slot would look empty or full wrongly.
        for deadline in [7, 700, 70_000] as [UInt64] {
            for victim in 0..<size {
                var wheel = TimerWheel<Int>(capacity: 4, origin: 0)
                let tokens = (0..<size).map { payload in
                    wheel.insert(deadline: deadline, payload: payload)!
                }
                let cancelled = wheel.cancel(tokens[victim])
                #expect(cancelled == victim)
                wheel.checkInvariants()
                let again = wheel.cancel(tokens[victim])
                #expect(again == nil)
                let next = wheel.nextDeadline()
                #expect((next == nil) == (size == 1))
                #expect(
                    Self.drain(&wheel, now: deadline) == (0..<size).filter { $0 != victim })
            }
        }
    }

    @Test("A token names one arming only, also when generations wrap")
    func tokensAreNotReused() {
        // If this failed, a late cancel would take down a stranger's timer.
        let generations: [UInt32] = [0, .max - 3]
        for firstGeneration in generations {
            var wheel = TimerWheel<Int>(
                capacity: 1, origin: 0, firstGeneration: firstGeneration)
            var tokens: [TimerToken] = []
            for payload in 0..<6 {
                let token = wheel.insert(deadline: 10, payload: payload)!
                for old in tokens {
                    let cancelled = wheel.cancel(old)
                    #expect(cancelled == nil)
                    let moved = wheel.reschedule(old, deadline: 99)
                    #expect(!moved)
                }
                tokens.append(TimerToken(rawValue: token.rawValue))
                let cancelled = wheel.cancel(token)
                #expect(cancelled == payload)
            }
            #expect(Set(tokens).count == 6)
        }
        var wheel = TimerWheel<Int>(capacity: 1, origin: 0)
        let token = wheel.insert(deadline: 1, payload: 1)!
        _ = Self.drain(&wheel, now: 1)
        let cancelled = wheel.cancel(token)
        #expect(cancelled == nil)
        let forged = wheel.cancel(TimerToken(rawValue: .max))
        #expect(forged == nil)
    }

    @Test("A moved timer fires at the new tick only, last among its equals")
    func reschedule() {
        // If this failed, resetting an idle timeout would fire the old deadline.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 0)
        let token = wheel.insert(deadline: 10, payload: 1)!
        _ = wheel.insert(deadline: 100_000, payload: 2)
        let moved = wheel.reschedule(token, deadline: 100_000)
        #expect(moved)
        let deadline = wheel.deadline(of: token)
        #expect(deadline == 100_000)
        #expect(Self.drain(&wheel, now: 99_999) == [])
        #expect(Self.drain(&wheel, now: 100_000) == [2, 1])
    }

    @Test("A full wheel refuses, and has room again after a cancel or an expiry")
    func fullWheelRefuses() {
        // If this failed, a bounded wheel would overwrite a live timer or lose places.
        var wheel = TimerWheel<Int>(capacity: 2, origin: 0)
        let first = wheel.insert(deadline: 5, payload: 0)!
        _ = wheel.insert(deadline: 6, payload: 1)
        for _ in 0..<10 {
            let refused = wheel.insert(deadline: 7, payload: 9)
            #expect(refused == nil)
        }
        #expect(wheel.count == 2)
        _ = wheel.cancel(first)
        let accepted = wheel.insert(deadline: 7, payload: 2)
        #expect(accepted != nil)
        #expect(Self.drain(&wheel, now: 10) == [1, 2])
        #expect(wheel.count == 0)
    }

    @Test("`advance` stops at its limit and goes on where it stopped")
    func advanceHasALimit() {
        // If this failed, a burst of expiries would hold the loop, or the rest would be forgotten.
        var wheel = TimerWheel<Int>(capacity: 16, origin: 0)
        var tokens: [TimerToken] = []
        for payload in 0..<10 {
            tokens.append(wheel.insert(deadline: UInt64(payload / 3), payload: payload)!)
        }
        var fired: [Int] = []
        var firedTokens: [TimerToken] = []
        for round in 0..<4 {
            let count = wheel.advance(to: 1000, limit: 4) { token, payload in
                fired.append(payload)
                firedTokens.append(token)
            }
            #expect(count == [4, 4, 2, 0][round])
        }
        #expect(fired == Array(0..<10))
        #expect(firedTokens == tokens)
    }

    @Test("Every payload dies once: fired, cancelled, refused, or left inside")
    func payloadLifetimes() {
        // If this failed, a connection record would leak or be freed twice.
        let ledger = LifetimeLedger()
        do {
            var wheel = TimerWheel<Tracked>(capacity: 8, origin: 0)
            var tokens: [TimerToken] = []
            for index in 0..<8 as Range<UInt64> {
                let token = wheel.insert(
                    deadline: index * 50, payload: ledger.makeTracked(index))
                tokens.append(token!)
            }
            let refused = wheel.insert(deadline: 1, payload: ledger.makeTracked(9))
            #expect(refused == nil)
            #expect(ledger.diedCount == 1)
            if let payload = wheel.cancel(tokens[7]) { #expect(payload.payload == 7) }
            if let payload = wheel.popExpired(now: 60) { #expect(payload.payload == 0) }
            #expect(ledger.diedCount == 3)
        }
        #expect(ledger.bornCount == 9)
        #expect(ledger.aliveCount == 0)
    }

    @Test("A wheel in the caller's memory works and leaves the memory alone")
    func callersStorage() {
        // If this failed, static or arena memory could not hold a wheel.
        let byteCount = TimerWheel<UInt8>.storageByteCount(capacity: 3)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds; the wheel must not depend on what the memory held before.
        for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
        // SAFETY: the storage outlives the wheel.
        var wheel = unsafe TimerWheel<UInt8>(storage: storage, capacity: 3, origin: 0)
        for payload in 1...3 as ClosedRange<UInt8> {
            _ = wheel.insert(deadline: UInt64(payload) * 1000, payload: payload)
        }
        wheel.checkInvariants()
        var sum: UInt8 = 0
        while let payload = wheel.popExpired(now: 3000) { sum += payload }
        #expect(sum == 6)
    }

    @Test("Places that were never used are never touched")
    func slabIsTouchedLazily() {
        // If this failed, a wheel for a million timers would cost its memory before the first one.
        let byteCount = TimerWheel<Int>.storageByteCount(capacity: 100)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
        do {
            // SAFETY: the storage outlives the wheel.
            var wheel = unsafe TimerWheel<Int>(storage: storage, capacity: 100, origin: 0)
            for round in 0..<50 as Range<UInt64> {
                _ = wheel.insert(deadline: round, payload: 1)
                _ = wheel.insert(deadline: round + 9999, payload: 2)
                while wheel.popExpired(now: round + 20_000) != nil {}
            }
        }
        // SAFETY: in bounds; 98 nodes of 32 bytes.
        let isUntouched = unsafe storage[(byteCount - 98 * 32)...].allSatisfy { $0 == 0xA5 }
        #expect(isUntouched)
    }

    @Test("The next deadline is exact nearby and never late far away; sleeping by it ends")
    func nextDeadlineIsALowerBound() {
        // If this failed, the loop would oversleep a timeout or spin.
        for deadline in [1, 1023, 1024, 65_535, 65_536, 1_000_000, 1 << 40, .max] as [UInt64] {
            var wheel = TimerWheel<Int>(capacity: 4, origin: 0)
            _ = wheel.insert(deadline: deadline, payload: 1)
            var wakeCount = 0
            while let next = wheel.nextDeadline() {
                #expect(next <= deadline)
                #expect(next > wheel.now)
                let isFired = Self.drain(&wheel, now: next) == [1]
                #expect(isFired == (next == deadline))
                wakeCount += 1
            }
            // One, and one for each level of 64 slots that the deadline lies above.
            let levels = (63 - deadline.leadingZeroBitCount - 10 + 6) / 6
            #expect(wakeCount <= 1 + levels)
        }
    }
}
