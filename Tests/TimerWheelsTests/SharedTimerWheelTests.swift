// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import TimerWheels

@Suite("Shared timer wheel")
struct SharedTimerWheelTests {
    /// Fires everything due, in order.
    static func drain(_ wheel: borrowing SharedTimerWheel<Int>, now: UInt64) -> [Int] {
        var fired: [Int] = []
        let count = wheel.advance(to: now) { _, payload in fired.append(payload) }
        wheel.checkInvariants()
        #expect(count == fired.count)
        return fired
    }

    /// Arms a timer that must find room.
    static func arm(
        _ wheel: borrowing SharedTimerWheel<Int>, _ deadline: UInt64, _ payload: Int
    ) throws -> TimerArming {
        let arming = wheel.insert(deadline: deadline, payload: payload)
        wheel.checkInvariants()
        return try #require(arming)
    }

    @Test("Timers fire in tick order, first in first out within a tick, never early")
    func firesInOrder() throws {
        // If this failed, the front would reorder what the wheel has in order.
        let wheel = SharedTimerWheel<Int>(capacity: 16, origin: 1000)
        for (payload, deadline) in [5000, 1001, 1064, 1001, 5000, 1063].enumerated() {
            _ = try Self.arm(wheel, UInt64(deadline), payload)
        }
        #expect(Self.drain(wheel, now: 1000) == [])
        #expect(Self.drain(wheel, now: 1001) == [1, 3])
        #expect(Self.drain(wheel, now: 4999) == [5, 2])
        #expect(Self.drain(wheel, now: 4000) == [])
        let (now, isEmpty) = (wheel.now, wheel.isEmpty)
        #expect(now == 4999)
        #expect(!isEmpty)
        #expect(Self.drain(wheel, now: 5000) == [0, 4])
        let isEmptyAtLast = wheel.isEmpty
        #expect(isEmptyAtLast)
    }

    @Test(
        "Any number that is due fires at once, whatever the batch", arguments: [1, 15, 16, 17, 48])
    func batches(timerCount: Int) throws {
        // If this failed, timers at the edge of a batch would wait for the next call, or be lost.
        let wheel = SharedTimerWheel<Int>(capacity: 64, origin: 0)
        for number in 0..<timerCount { _ = try Self.arm(wheel, UInt64(number / 4), number) }
        _ = try Self.arm(wheel, 500, -1)
        #expect(Self.drain(wheel, now: 100) == Array(0..<timerCount))
        let count = wheel.count
        #expect(count == 1)
    }

    @Test(
        "`advance` stops at its limit and goes on where it stopped", arguments: [0, 1, 15, 16, 17])
    func limits(limit: Int) throws {
        // If this failed, a burst would hold who advances, or the rest would be forgotten.
        let wheel = SharedTimerWheel<Int>(capacity: 64, origin: 0)
        var tokens: [TimerToken] = []
        for number in 0..<40 { tokens.append(try Self.arm(wheel, UInt64(number), number).token) }
        var fired: [Int] = []
        var names: [TimerToken] = []
        for _ in 0..<2 {
            let count = wheel.advance(to: 100, limit: limit) { token, payload in
                fired.append(payload)
                names.append(token)
            }
            #expect(count == limit)
        }
        #expect(fired == Array(0..<2 * limit))
        #expect(names == Array(tokens[..<(2 * limit)]))
        #expect(Self.drain(wheel, now: 100) == Array(2 * limit..<40))
    }

    @Test("A timer settles once: cancelled or fired, and moved only before that")
    func settlesOnce() throws {
        // If this failed, a payload would be there twice or not at all.
        let wheel = SharedTimerWheel<Int>(capacity: 2, origin: 0)
        let first = try Self.arm(wheel, 10, 1).token
        let second = try Self.arm(wheel, 20, 2).token
        let cancelled = wheel.cancel(first)
        #expect(cancelled == 1)
        let moved = wheel.reschedule(second, deadline: 30)
        #expect(moved?.token == second)
        let deadline = wheel.deadline(of: second)
        #expect(deadline == 30)
        #expect(Self.drain(wheel, now: 29) == [])
        #expect(Self.drain(wheel, now: 30) == [2])
        for token in [first, second] {
            let again = wheel.cancel(token)
            #expect(again == nil)
            let late = wheel.reschedule(token, deadline: 40)
            #expect(late == nil)
            let none = wheel.deadline(of: token)
            #expect(none == nil)
        }
    }

    @Test("One timer at a time, by `popExpired`, from the same pass")
    func oneAtATime() throws {
        // If this failed, who cannot fire in a closure would get other timers.
        let wheel = SharedTimerWheel<Int>(capacity: 8, origin: 0)
        for number in 1...3 { _ = try Self.arm(wheel, UInt64(number * 10), number) }
        let first = wheel.popExpired(now: 20)
        #expect(first == 1)
        #expect(Self.drain(wheel, now: 20) == [2])
        let none = wheel.popExpired(now: 29)
        #expect(none == nil)
    }

    @Test("Slack chooses the round tick, for a new timer and for one that is moved")
    func slack() throws {
        // If this failed, timers that may be late would not meet.
        let wheel = SharedTimerWheel<Int>(capacity: 4, origin: 0)
        let arming = wheel.insert(deadline: 1_000, slack: 100, payload: 1)
        let token = try #require(arming).token
        let deadline = wheel.deadline(of: token)
        #expect(deadline == 1_024)
        let moved = wheel.reschedule(token, deadline: 2_000, slack: 100)
        #expect(moved?.token == token)
        let later = wheel.deadline(of: token)
        #expect(later == 2_048)
    }

    @Test("A full wheel refuses, and has room again after a cancel or an expiry")
    func fullWheelRefuses() throws {
        // If this failed, a bounded wheel would overwrite a live timer or lose places.
        let wheel = SharedTimerWheel<Int>(capacity: 2, origin: 0)
        let first = try Self.arm(wheel, 5, 0).token
        _ = try Self.arm(wheel, 6, 1)
        let refused = wheel.insert(deadline: 7, payload: 9)
        #expect(refused == nil)
        let refusedWithSlack = wheel.insert(deadline: 7, slack: 9, payload: 9)
        #expect(refusedWithSlack == nil)
        let cancelled = wheel.cancel(first)
        #expect(cancelled == 0)
        _ = try Self.arm(wheel, 7, 2)
        #expect(Self.drain(wheel, now: 10) == [1, 2])
        _ = try Self.arm(wheel, 7, 3)
    }

    @Test("Every payload dies once: fired, cancelled, refused, or left inside", arguments: [0, 50])
    func payloadLifetimes(now: UInt64) {
        // If this failed, a connection record would leak or be freed twice.
        let ledger = LifetimeLedger()
        do {
            let wheel = SharedTimerWheel<Tracked>(capacity: 40, origin: 0)
            var tokens: [TimerToken] = []
            for index in 0..<40 as Range<UInt64> {
                let arming = wheel.insert(
                    deadline: index * 2, payload: ledger.makeTracked(index))
                if let arming { tokens.append(arming.token) }
            }
            #expect(tokens.count == 40)
            let refused = wheel.insert(deadline: 1, payload: ledger.makeTracked(40))
            #expect(refused == nil)
            #expect(ledger.diedCount == 1)
            if let payload = wheel.cancel(tokens[39]) { #expect(payload.payload == 39) }
            #expect(ledger.diedCount == 2)
            var sum: UInt64 = 0
            let count = wheel.advance(to: now) { _, payload in sum += payload.payload }
            #expect(count == Int(now / 2) + 1)
            #expect(sum == (now / 2) * (now / 2 + 1) / 2)
            #expect(ledger.diedCount == 2 + count)
        }
        #expect(ledger.bornCount == 41)
        #expect(ledger.aliveCount == 0)
    }

    @Test("A wheel in the caller's memory stays within it, whatever it held before")
    func callersStorage() {
        // If this failed, static or arena memory could not hold a wheel, or would be overwritten.
        let byteCount = SharedTimerWheel<Tracked>.storageByteCount(capacity: 3)
        let margin = CacheLine.byteCount
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount + 2 * margin, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds, here and below.
        for index in 0..<storage.count { unsafe storage[index] = 0xA5 }
        let middle = unsafe UnsafeMutableRawBufferPointer(
            rebasing: storage[margin..<(margin + byteCount)])  // SAFETY: as above.
        let ledger = LifetimeLedger()
        do {
            // SAFETY: the storage outlives the wheel.
            let wheel = unsafe SharedTimerWheel<Tracked>(storage: middle, capacity: 3, origin: 0)
            for number in 1...3 as ClosedRange<UInt64> {
                _ = wheel.insert(deadline: number * 1000, payload: ledger.makeTracked(number))
            }
            wheel.checkInvariants()
            var sum: UInt64 = 0
            wheel.advance(to: 2000) { _, payload in sum += payload.payload }
            #expect(sum == 3)
        }
        #expect(ledger.aliveCount == 0)
        let before = unsafe storage[..<margin].allSatisfy { $0 == 0xA5 }  // SAFETY: as above.
        let behind = unsafe storage[(margin + byteCount)...].allSatisfy { $0 == 0xA5 }  // SAFETY: …
        #expect(before)
        #expect(behind)
    }

    @Test("The front adds one cache line to the wheel, and touches no place before its use")
    func memory() {
        // If this failed, the memory would not be what is written.
        let ofFront = SharedTimerWheel<Int>.storageByteCount(capacity: 100)
        #expect(ofFront == TimerWheel<Int>.storageByteCount(capacity: 100) + 128)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ofFront, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        for index in 0..<ofFront { unsafe storage[index] = 0xA5 }  // SAFETY: in bounds.
        do {
            // SAFETY: the storage outlives the wheel.
            let wheel = unsafe SharedTimerWheel<Int>(storage: storage, capacity: 100, origin: 0)
            for round in 0..<50 as Range<UInt64> {
                _ = wheel.insert(deadline: round, payload: 1)
                _ = wheel.insert(deadline: round + 9999, payload: 2)
                _ = Self.drain(wheel, now: round + 20_000)
            }
        }
        // SAFETY: in bounds; 98 nodes of 32 bytes.
        let isUntouched = unsafe storage[(ofFront - 98 * 32)...].allSatisfy { $0 == 0xA5 }
        #expect(isUntouched)
    }
}
