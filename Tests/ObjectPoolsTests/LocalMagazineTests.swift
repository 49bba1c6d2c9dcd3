// SPDX-License-Identifier: MIT

import AtomicSupport
import Glibc
import ObjectPools
import StressSupport
import Testing

@Suite("Local magazines")
struct LocalMagazineTests {
    @Test("What is lent and given back goes around in the magazine", arguments: [0, 64])
    func goesAround(magazineCount: Int) {
        // If this failed, each lease would cost the pool's price, or slots would leak.
        let pool = ObjectPool<Int>(capacity: 8, magazineCount: magazineCount, make: { 0 })
        do {
            let magazine = pool.makeLocalMagazine(depth: 4)
            for turn in 0..<100 {
                let held = Held(magazine)
                #expect(held.exchange(turn + 1) == turn)
                check(magazine, lent: 1, unlent: 1)
                held.end()
                check(magazine, lent: 0, unlent: 2)
            }
            let (available, depth) = (pool.availableCount, magazine.depth)
            #expect(available == 6)
            #expect(depth == 4)
        }
        let (available, statistics) = (pool.availableCount, pool.statistics)
        #expect(available == 8)
        #expect(statistics.acquired == 2)
        #expect(statistics.released == 2)
        #expect(statistics.flushed == 1)
        #expect(statistics.exhausted == 0)
        pool.checkInvariants()
    }

    @Test("A full magazine gives back what has lain longest, and keeps to its depth")
    func full() {
        // If this failed, a burst would keep its slots for ever, or cold objects be lent first.
        let pool = ObjectPool<Int>(capacity: 16, magazineCount: 0, make: { 0 })
        let magazine = pool.makeLocalMagazine(depth: 4)
        let leases = (1...9).map { _ in Held(magazine) }
        for (number, held) in leases.enumerated() {
            _ = held.exchange(number + 1)
            held.end()
            check(magazine, lent: 8 - number, unlent: [2, 3, 4, 3, 4, 3, 4, 3, 4][number])
        }
        // Beside the stack lies the first that came; from the stack two at a time have gone.
        let again = (0..<4).map { _ in Held(magazine) }
        #expect(again.map { $0.exchange(0) } == [1, 9, 8, 7])
        // What the pool got last it lends first.
        let last = (0..<2).map { _ in Held(magazine) }
        #expect(Set(last.map { $0.exchange(0) }) == [5, 6])
        for held in last { held.end() }
        for held in again { held.end() }
        magazine.flush()
        check(magazine, lent: 0, unlent: 0)
        let available = pool.availableCount
        #expect(available == 16)
        pool.checkInvariants()
    }

    @Test("What lies in a magazine is nobody else's, until it is flushed", arguments: [0, 64])
    func hoards(magazineCount: Int) {
        // If this failed, the doc would promise a bound that does not hold, or flush nothing.
        let pool = ObjectPool<Int>(capacity: 8, magazineCount: magazineCount, make: { 0 })
        let magazine = pool.makeLocalMagazine(depth: 6)
        for held in (0..<6).map({ _ in Held(magazine) }) { held.end() }
        check(magazine, lent: 0, unlent: 6)
        let kept = Held(magazine)
        let others = (0..<3).compactMap { _ in pool.tryAcquire() }
        #expect(others.count == 2)
        magazine.flush()
        check(magazine, lent: 1, unlent: 0)
        let more = (0..<6).compactMap { _ in pool.tryAcquire() }
        #expect(more.count == 5)
        let refused = Held(magazine)
        #expect(refused.isEmpty)
        for handle in others + more { pool.release(handle) }
        kept.end()
        check(magazine, lent: 0, unlent: 1)
        pool.checkInvariants()
    }

    @Test("An exhausted magazine takes what there is, and robs for one only")
    func refills() {
        // If this failed, slots would be there and refused, or threads lose all they have.
        let pool = Shared(ObjectPool<Int>(capacity: 8, make: { 0 }))
        defer { withExtendedLifetime(pool) {} }
        ThreadTeam.run(count: 1) { _ in
            let handles = (0..<8).compactMap { _ in pool.value.tryAcquire() }
            for handle in handles.prefix(2) { pool.value.release(handle) }
        }
        // Six are leased, and two lie in the magazine of another thread.
        let magazine = pool.value.makeLocalMagazine(depth: 8)
        let first = Held(magazine)
        #expect(!first.isEmpty)
        check(magazine, lent: 1, unlent: 0)
        let second = Held(magazine)
        #expect(!second.isEmpty)
        let (stolen, refilled) = (pool.value.statistics.stolen, pool.value.statistics.refilled)
        #expect(stolen == 2)
        #expect(refilled == 8)
        let third = Held(magazine)
        #expect(third.isEmpty)
        first.end()
        // What the thread's own magazine holds comes first.
        magazine.flush()
        guard let own = pool.value.tryAcquire() else {
            Issue.record("refused")
            return
        }
        pool.value.release(own)
        #expect(!Held(magazine).isEmpty)
        let refilledAfter = pool.value.statistics.refilled
        #expect(refilledAfter == 9)
        second.end()
    }

    @Test("A magazine of a growing pool makes it grow for one at a time")
    func grows() {
        // If this failed, a pool would grow for what is only hoarded, or a chunk's slots be lost.
        let pool = ObjectPool<Int>(growingFrom: 1, by: 4, to: 9, magazineCount: 0, make: { 0 })
        let magazine = pool.makeLocalMagazine(depth: 20)
        var leases: [Held<Int>] = []
        var slots: [Int] = []
        for number in 1...9 {
            let held = Held(magazine)
            #expect(held.exchange(number) == 0)
            leases.append(held)
            slots.append(pool.slotCount)
            magazine.checkInvariants()
        }
        #expect(slots == [1, 5, 5, 5, 5, 9, 9, 9, 9])
        let refused = Held(magazine)
        #expect(refused.isEmpty)
        for held in leases.reversed() { held.end() }
        leases = (1...9).map { _ in Held(magazine) }
        #expect(leases.map { $0.exchange(0) } == Array(1...9).reversed().sorted(by: firstThenUp))
        for held in leases { held.end() }
        magazine.flush()
        let available = pool.availableCount
        #expect(available == 9)
        pool.checkInvariants()
    }

    /// Nine, which came back first, lies beside the stack; the others are lent last in, first out.
    private func firstThenUp(_ left: Int, _ right: Int) -> Bool {
        left == 9 && right != 9 || right != 9 && left < right
    }

    @Test("The reset hook runs at the end of each lease, and before the object is lent again")
    func resets() {
        // If this failed, an object would come as its last user left it.
        let resetCount = Shared(Atomic<Int>(0))
        let pool = ObjectPool<Int>(
            capacity: 8, make: { 0 },
            reset: { object in
                resetCount.value.add(1, ordering: .relaxed)
                object = 0
            })
        let magazine = pool.makeLocalMagazine(depth: 2)
        for turn in 1...5 {
            let leases = (0..<turn).map { _ in Held(magazine) }
            #expect(leases.allSatisfy { $0.exchange(turn) == 0 })
            for held in leases { held.end() }
        }
        let atEnds = resetCount.value.load(ordering: .relaxed)
        #expect(atEnds == 15)
        magazine.flush()
        let atFlush = resetCount.value.load(ordering: .relaxed)
        #expect(atFlush == 15)
    }

    @Test("An object that is lent again and again lives once")
    func objectsLiveOnce() {
        // If this failed, a magazine would destroy, leak or copy objects.
        let ledger = LifetimeLedger()
        do {
            let pool = ObjectPool<Tracked>(capacity: 6, make: { ledger.makeTracked(5) })
            do {
                let magazine = pool.makeLocalMagazine(depth: 4)
                for _ in 0..<20 {
                    var lease = magazine.tryLease()
                    var other = magazine.tryLease()
                    let payload = lease?.withObject { $0.payload }
                    let otherPayload = other?.withObject { $0.payload }
                    #expect(payload == 5)
                    #expect(otherPayload == 5)
                }
                #expect(ledger.bornCount == 2)
            }
            #expect(ledger.diedCount == 0)
        }
        #expect(ledger.bornCount == 2)
        #expect(ledger.diedCount == 2)
    }

    @Test("A lease that is detached is the pool's, wherever its slot lies", arguments: [0, 64])
    func detaches(magazineCount: Int) {
        // If this failed, a handle would name another slot, or the magazine count it for ever.
        let pool = Shared(
            ObjectPool<Int>(
                growingFrom: 3, by: 4, to: 11, magazineCount: magazineCount, make: { 0 }))
        do {
            let magazine = pool.value.makeLocalMagazine(depth: 6)
            var handles: [PoolHandle] = []
            for number in 0..<11 {
                guard var lease = magazine.tryLease() else {
                    Issue.record("refused")
                    return
                }
                lease.withObject { $0 = number }
                handles.append(lease.detach())
            }
            check(magazine, lent: 0, unlent: 0)
            #expect(Set(handles.map(\.index)) == Set(0..<11))
            var owned = 0
            pool.value.forEachLease { owned += $0.isOwned ? 1 : 0 }
            #expect(owned == 0)
            ThreadTeam.run(count: 1) { [handles] _ in
                for (number, handle) in handles.enumerated() {
                    let value = pool.value.withObject(handle) { $0 }
                    #expect(value == number)
                    if number % 2 == 0 {
                        pool.value.release(handle)
                    } else {
                        discard(pool.value.adopt(handle))
                    }
                }
            }
        }
        let available = pool.value.availableCount
        #expect(available == 11)
        pool.value.checkInvariants()
    }
}
