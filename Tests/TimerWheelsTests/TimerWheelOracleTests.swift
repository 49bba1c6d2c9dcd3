// SPDX-License-Identifier: MIT

import StressSupport
import Testing
import TimerWheels

/// What a wheel should do, done slowly: an unsorted array that is searched.
private struct Oracle {
    struct Entry {
        var tick: UInt64
        var order: Int
        let payload: Int
        let token: TimerToken
    }

    var entries: [Entry] = []
    private var orderNext = 0

    mutating func insert(deadline: UInt64, now: UInt64, payload: Int, token: TimerToken) {
        let tick = max(deadline, now)
        entries.append(Entry(tick: tick, order: orderNext, payload: payload, token: token))
        orderNext += 1
    }

    mutating func reschedule(_ index: Int, deadline: UInt64, now: UInt64) {
        entries[index].tick = max(deadline, now)
        entries[index].order = orderNext
        orderNext += 1
    }

    var earliest: UInt64? { entries.map(\.tick).min() }

    mutating func pop(now: UInt64) -> Int? {
        let first = entries.indices.min { left, right in
            (entries[left].tick, entries[left].order) < (entries[right].tick, entries[right].order)
        }
        guard let first, entries[first].tick <= now else { return nil }
        return entries.remove(at: first).payload
    }
}

@Suite("Timer wheel against an oracle")
struct TimerWheelOracleTests {
    @Test("100,000 random operations do what a searched array does", arguments: [1, 2, 3, 4])
    func randomOperations(seed: UInt64) {
        // If this failed, some mix of arming, moving, cancelling and jumping loses, repeats or
        // reorders timers.
        var generator = SplitMix64(seed: seed)
        let origins: [UInt64] = [0, 0, 1 << 35, .max - 2_000_000]
        var wheel = TimerWheel<Int>(capacity: 64, origin: origins[Int(seed) - 1])
        var oracle = Oracle()
        for operation in 0..<25_000 {
            switch UInt32.random(in: 0..<16, using: &generator) {
            case 0..<8:
                insert(operation, into: &wheel, oracle: &oracle, using: &generator)
            case 8..<10: cancel(in: &wheel, oracle: &oracle, using: &generator)
            case 10..<12: reschedule(in: &wheel, oracle: &oracle, using: &generator)
            default: advance(&wheel, oracle: &oracle, using: &generator)
            }
            #expect(wheel.count == oracle.entries.count)
            let next = wheel.nextDeadline()
            #expect((next == nil) == oracle.entries.isEmpty)
            if let next, let earliest = oracle.earliest { #expect(next <= earliest) }
            if operation % 64 == 0 { wheel.checkInvariants() }
        }
    }

    /// Distances of every magnitude, so that all levels and their seams are met.
    private func deadline(now: UInt64, using generator: inout SplitMix64) -> UInt64 {
        let magnitude = UInt64.random(in: 0..<28, using: &generator)
        let distance = UInt64.random(in: 0...(1 << magnitude), using: &generator)
        if UInt32.random(in: 0..<16, using: &generator) == 0 { return now &- min(now, distance) }
        let (sum, isPastEnd) = now.addingReportingOverflow(distance)
        return isPastEnd ? .max : sum
    }

    private func insert(
        _ payload: Int, into wheel: inout TimerWheel<Int>, oracle: inout Oracle,
        using generator: inout SplitMix64
    ) {
        let deadline = deadline(now: wheel.now, using: &generator)
        let token = wheel.insert(deadline: deadline, payload: payload)
        #expect((token == nil) == (oracle.entries.count == wheel.capacity))
        if let token {
            oracle.insert(deadline: deadline, now: wheel.now, payload: payload, token: token)
        }
    }

    private func cancel(
        in wheel: inout TimerWheel<Int>, oracle: inout Oracle, using generator: inout SplitMix64
    ) {
        guard let index = oracle.entries.indices.randomElement(using: &generator) else { return }
        let entry = oracle.entries.remove(at: index)
        let payload = wheel.cancel(entry.token)
        #expect(payload == entry.payload)
    }

    private func reschedule(
        in wheel: inout TimerWheel<Int>, oracle: inout Oracle, using generator: inout SplitMix64
    ) {
        guard let index = oracle.entries.indices.randomElement(using: &generator) else { return }
        let deadline = deadline(now: wheel.now, using: &generator)
        let moved = wheel.reschedule(oracle.entries[index].token, deadline: deadline)
        #expect(moved)
        oracle.reschedule(index, deadline: deadline, now: wheel.now)
    }

    /// A pass over what is due, in which handlers now and then arm timers that lie ahead.
    private func advance(
        _ wheel: inout TimerWheel<Int>, oracle: inout Oracle, using generator: inout SplitMix64
    ) {
        let magnitude = UInt64.random(in: 0..<22, using: &generator)
        let distance = UInt64.random(in: 0...(1 << magnitude), using: &generator)
        let (sum, isPastEnd) = wheel.now.addingReportingOverflow(distance)
        let now = isPastEnd ? UInt64.max : sum
        while true {
            let expected = oracle.pop(now: now)
            let payload = wheel.popExpired(now: now)
            #expect(payload == expected)
            if payload == nil || expected == nil { break }
            let isArming = UInt32.random(in: 0..<8, using: &generator) == 0
            let (ahead, isLast) = wheel.now.addingReportingOverflow(1 + distance / 2)
            if isArming && !isLast,
                let token = wheel.insert(deadline: ahead, payload: -1)
            {
                oracle.insert(deadline: ahead, now: wheel.now, payload: -1, token: token)
            }
        }
    }
}
