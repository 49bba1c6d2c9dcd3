// SPDX-License-Identifier: MIT

import AtomicSupport
import Glibc
import ObjectPools
import StressSupport
import Testing

@Suite("Local magazines: ends, reports, and any sequence")
struct LocalMagazineEndTests {
    @Test("A magazine that ends before a lease traps")
    func endBeforeLeaseTraps() async {
        // If this failed, the lease would write into freed memory.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
            var lease: LocalPoolLease<Int>?
            do {
                let magazine = pool.makeLocalMagazine(depth: 2)
                lease = magazine.tryLease()
            }
            if lease != nil { exit(EXIT_SUCCESS) }  // Not by what the lease's own end finds.
        }
        await #expect(processExitsWith: .success) {
            let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
            var handle: PoolHandle?
            do {
                let magazine = pool.makeLocalMagazine(depth: 2)
                guard let lease = magazine.tryLease() else { return }
                handle = lease.detach()
            }
            if let handle { pool.release(handle) }
        }
    }

    @Test("A pool that ends before a magazine traps, also one that holds nothing")
    func endOfPoolTraps() async {
        // If this failed, the magazine would ask freed memory for slots.
        await #expect(processExitsWith: .failure) {
            var magazine: LocalPoolMagazine<Int>?
            do {
                let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
                magazine = pool.makeLocalMagazine(depth: 2)
            }
            if magazine != nil { exit(EXIT_SUCCESS) }
        }
        await #expect(processExitsWith: .success) {
            let pool = ObjectPool<Int>(capacity: 4, magazineCount: 0, make: { 0 })
            for _ in 0..<3 {
                let magazine = pool.makeLocalMagazine(depth: 2)
                let other = pool.makeLocalMagazine(depth: 2)
                guard magazine.tryLease() != nil, other.tryLease() != nil else {
                    exit(EXIT_FAILURE)
                }
            }
        }
    }

    @Test("A magazine that is too small traps")
    func depthTraps() async {
        // If this failed, a full magazine would have nothing to give back.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
            discard(pool.makeLocalMagazine(depth: 1))
        }
        await #expect(processExitsWith: .success) {
            let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
            discard(pool.makeLocalMagazine(depth: 2))
        }
    }

    @Test("A slot that is released behind the magazine's back is noticed when it goes back")
    func releasedBehindItsBack() async {
        // If this failed, the slot would be in the free list twice, or its successor's lease end.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, magazineCount: 0, make: { 0 })
            let magazine = pool.makeLocalMagazine(depth: 2)
            discard(magazine.tryLease())
            var handles: [PoolHandle] = []
            pool.forEachLease { handles.append($0.handle) }
            for handle in handles { pool.release(handle) }
            magazine.flush()
            exit(EXIT_SUCCESS)
        }
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, magazineCount: 0, make: { 0 })
            let magazine = pool.makeLocalMagazine(depth: 2)
            discard(magazine.tryLease())
            pool.forEachLease { discard(pool.adopt($0.handle)) }
            exit(EXIT_SUCCESS)
        }
    }

    @Test("The report names what a magazine holds, and where the magazine was made")
    func reportNamesHoard() {
        // If this failed, what is hoarded could not be told from what has leaked.
        let pool = ObjectPool<Int>(capacity: 8, make: { 0 })
        let line = UInt32(#line) + 1
        let magazine = pool.makeLocalMagazine(depth: 6)
        discard(magazine.tryLease())
        var report: [OutstandingLease] = []
        pool.forEachLease { report.append($0) }
        #expect(report.count == 3)
        #expect(report.allSatisfy { $0.isOwned })
        #if CallSites
            #expect(report.allSatisfy { $0.site == CallSite(file: #fileID, line: line) })
        #else
            #expect(report.allSatisfy { $0.site == nil && line > 0 })
        #endif
        magazine.flush()
        report = []
        pool.forEachLease { report.append($0) }
        #expect(report.isEmpty)
    }

    @Test("Objects of any alignment are found again", arguments: [0, 64])
    func alignment(magazineCount: Int) {
        // If this failed, a wide object's slot would be sought at the wrong place.
        let pool = ObjectPool<SIMD8<UInt64>>(
            growingFrom: 2, by: 2, to: 6, magazineCount: magazineCount, make: { .zero })
        let magazine = pool.makeLocalMagazine(depth: 4)
        for turn in 0..<6 {
            do {
                let leases = (0...turn).map { _ in Held(magazine) }
                for held in leases { #expect(held.exchange(.one) != nil) }
                for held in leases { held.end() }
            }
            magazine.checkInvariants()
        }
        magazine.flush()
        pool.checkInvariants()
        let available = pool.availableCount
        #expect(available == 6)
    }

    @Test("Any sequence keeps to what a plain count says", arguments: [0, 64], [2, 3, 8, 31])
    func anySequence(magazineCount: Int, depth: Int) {
        // If this failed, some order of steps would lose a slot, or lend it twice.
        for seed in 0..<8 {
            let trial = MagazineTrial(
                magazineCount: magazineCount, depth: depth, seed: UInt64(seed))
            for _ in 0..<400 { trial.step() }
            trial.end()
        }
    }
}

/// Two magazines and plain leases of one pool, each step checked against counts.
private final class MagazineTrial {
    // In the order in which they end.
    private var held: [[Held<Int>]] = [[], []]
    private let magazines: [OneMagazine]
    private let pool: ObjectPool<Int>
    private var handles: [PoolHandle] = []
    private var random: SplitMix64

    private final class OneMagazine {
        let magazine: LocalPoolMagazine<Int>
        init(_ magazine: consuming LocalPoolMagazine<Int>) { self.magazine = magazine }
    }

    init(magazineCount: Int, depth: Int, seed: UInt64) {
        let reset: @Sendable (inout Int) -> Void = { $0 = 0 }
        let pool = ObjectPool<Int>(
            growingFrom: 3, by: 4, to: 40, magazineCount: magazineCount, make: { 0 },
            reset: seed % 2 == 0 ? reset : nil)
        magazines = [
            OneMagazine(pool.makeLocalMagazine(depth: depth)),
            OneMagazine(pool.makeLocalMagazine(depth: 5)),
        ]
        self.pool = pool
        random = SplitMix64(seed: seed)
    }

    func step() {
        let number = Int(random.next() % 2)
        switch random.next() % 12 {
        case 0..<5: lease(number)
        case 5..<9: giveBack(number)
        case 9: acquire()
        case 10: if let handle = handles.popLast() { release(handle) }
        default: if random.next() % 4 == 0 { magazines[number].magazine.flush() }
        }
        let hoard = magazines.map { $0.magazine.unlentCount }.reduce(0, +)
        let lent = held.map(\.count).reduce(0, +)
        let available = pool.availableCount
        #expect(available == 40 - lent - handles.count - hoard)
        for (number, one) in magazines.enumerated() {
            let (unlent, depth) = (one.magazine.unlentCount, one.magazine.depth)
            #expect(unlent <= depth)
            check(one.magazine, lent: held[number].count, unlent: unlent)
        }
    }

    private func lease(_ number: Int) {
        let free = pool.availableCount + magazines[number].magazine.unlentCount
        let lease = Held(magazines[number].magazine)
        #expect(lease.isEmpty == (free == 0))
        if lease.isEmpty { return }
        #expect(lease.exchange(-1) == 0)
        held[number].append(lease)
    }

    private func giveBack(_ number: Int) {
        if held[number].isEmpty { return }
        let place = Int(random.next() % UInt64(held[number].count))
        let lease = held[number].remove(at: place)
        #expect(lease.exchange(0) == -1)
        if random.next() % 8 == 0, let handle = lease.detach() { handles.append(handle) }
        lease.end()
    }

    private func acquire() {
        let isThere = pool.availableCount > 0
        let handle = pool.tryAcquire()
        #expect((handle != nil) == isThere)
        if let handle { handles.append(handle) }
    }

    private func release(_ handle: PoolHandle) {
        let value = pool.withObject(handle) { $0 }
        #expect(value == 0)
        pool.release(handle)
    }

    func end() {
        for handle in handles { release(handle) }
        for held in held.joined() {
            _ = held.exchange(0)
            held.end()
        }
        pool.checkInvariants()
        for one in magazines { one.magazine.flush() }
        pool.checkInvariants()
        let available = pool.availableCount
        #expect(available == 40)
    }
}
