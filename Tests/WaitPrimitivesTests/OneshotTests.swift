// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Oneshot")
struct OneshotTests {
    /// Sets a value; answers the payload of one that came back.
    static func refusal(of reply: borrowing Oneshot<Tracked>, _ value: consuming Tracked) -> UInt64?
    {
        guard let back = reply.set(value) else { return nil }
        return back.payload
    }

    @Test("The first set wins, the others get their value back, and one receiver takes")
    func oneSetterOneTaker() {
        // If this failed, a reply would be overwritten, lost, or delivered twice.
        let ledger = LifetimeLedger()
        let reply = Oneshot<Tracked>()
        if reply.set(ledger.makeTracked(1)) != nil { Issue.record("the first set was refused") }
        guard let refused = reply.set(ledger.makeTracked(2)) else {
            Issue.record("the second set was accepted")
            return
        }
        #expect(refused.payload == 2)
        reply.checkInvariants()
        guard let value = reply.tryReceive() else {
            Issue.record("no value")
            return
        }
        #expect(value.payload == 1)
        let isGone = reply.tryReceive() == nil
        #expect(isGone)
        let third = Self.refusal(of: reply, ledger.makeTracked(3))
        #expect(third == 3)
        reply.checkInvariants()
        #expect(throws: OneshotError.taken) {
            _ = try reply.blockingReceive(until: .farAway).payload
        }
    }

    @Test("A value that nobody took dies once, with the oneshot")
    func untakenValueDies() {
        // If this failed, cancelled requests would leak their replies.
        let ledger = LifetimeLedger()
        do {
            let reply = Oneshot<Tracked>()
            _ = reply.set(ledger.makeTracked(1))
            _ = reply.set(ledger.makeTracked(2))
            #expect(ledger.aliveCount == 1)
        }
        #expect(ledger.aliveCount == 0)
        #expect(ledger.bornCount == 2)
    }

    @Test("Closing releases receivers and refuses values, but keeps a value that was set")
    func closeKeepsTheValue() throws {
        // If this failed, close would drop what was sent (the ancestor's bug) or hang receivers.
        let ledger = LifetimeLedger()
        let empty = Oneshot<Tracked>()
        let log = WaitLog(count: 2)
        for index in 0..<2 { #expect(log.enqueue(index, on: empty) == .queued) }
        empty.checkInvariants()
        #expect(empty.close() == true)
        empty.checkInvariants()
        #expect(empty.close() == false)
        #expect(log.woken == [0, 1])
        let back = Self.refusal(of: empty, ledger.makeTracked(1))
        #expect(back == 1)
        #expect(throws: OneshotError.closed) {
            _ = try empty.blockingReceive(until: .farAway).payload
        }
        let full = Oneshot<Tracked>()
        _ = full.set(ledger.makeTracked(2))
        #expect(full.close() == false)
        full.checkInvariants()
        let payload = try full.blockingReceive(until: .farAway).payload
        #expect(payload == 2)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Setting releases every waiter, also when some have withdrawn", arguments: 0..<3)
    func setReleasesWaiters(victim: Int) {
        // If this failed, a receiver would hang after another one was cancelled.
        let reply = Oneshot<Int>()
        let log = WaitLog(count: 4)
        for index in 0..<3 { _ = log.enqueue(index, on: reply) }
        #expect(log.withdraw(victim, from: reply) == .removed)
        reply.checkInvariants()
        _ = reply.set(5)
        reply.checkInvariants()
        #expect(log.woken == (0..<3).filter { $0 != victim })
        #expect(log.enqueue(3, on: reply) == .granted)
        let value = reply.tryReceive()
        #expect(value == 5)
    }

    @Test("A receive that times out leaves the value for the next")
    func timeoutLeavesTheValue() throws {
        // If this failed, a value that came just after a timeout would be lost.
        let reply = Oneshot<Int>()
        #expect(throws: OneshotError.timedOut) { _ = try reply.blockingReceive(until: .soon) }
        reply.checkInvariants()
        _ = reply.set(6)
        let value = try reply.blockingReceive(until: .soon)
        #expect(value == 6)
    }

    @Test("Racing setters and receivers: one of each wins, and the value is whole")
    func racingThreads() {
        // If this failed, two setters would write one cell, or the value would be read half.
        for round in 0..<200 as Range<UInt64> {
            let ledger = LifetimeLedger()
            let reply = Shared(Oneshot<Tracked>())
            let wins = Atomic<Int>(0)
            let sum = Atomic<UInt64>(0)
            ThreadTeam.run(count: 4) { thread in
                if thread < 2 {
                    let value = ledger.makeTracked(round + 1)
                    if reply.value.set(value) == nil { wins.add(1, ordering: .relaxed) }
                } else if let value = try? reply.value.blockingReceive(until: .farAway) {
                    sum.add(value.payload, ordering: .relaxed)
                }
            }
            #expect(wins.load(ordering: .relaxed) == 1)
            #expect(sum.load(ordering: .relaxed) == round + 1)
            reply.value.checkInvariants()
            #expect(ledger.aliveCount == 0)
        }
    }

    @Test("The caller's memory holds a oneshot, whatever the value's size")
    func callersStorage() {
        // If this failed, the value would lie outside the memory or misaligned.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: Oneshot<SIMD4<Double>>.storageByteCount) { storage in
            // SAFETY: the storage outlives the oneshot.
            let reply = unsafe Oneshot<SIMD4<Double>>(storage: storage)
            _ = reply.set(SIMD4(repeating: 2))
            let value = reply.tryReceive()
            #expect(value == SIMD4(repeating: 2))
        }
        #expect(Oneshot<UInt8>.storageByteCount == 128)
        #expect(Oneshot<[8 of SIMD4<Double>]>.storageByteCount == 384)
    }
}
