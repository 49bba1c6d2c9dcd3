// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools
import Testing

/// Programs with magazines that one owner each has alone. Their own memory is one thread's; what
/// is looked at is how slots come and go.
enum LocalMagazinePrograms {
    typealias Pool = Shared<ObjectPool<PlainCell<Int>>>

    /// Who uses the pool, and for how many leases.
    enum User: Sendable {
        /// One after another, out of a magazine.
        case owner(_ leases: Int)
        /// Three at a time, out of a magazine: one of two places becomes full.
        case several
        /// By handle.
        case plain(_ leases: Int)
        /// By two handles at a time, which leaves both in the thread's magazine of the pool, and
        /// then out of a magazine of its own.
        case both
    }

    static func pool(_ slots: (first: Int, all: Int), magazineCount: Int) -> Pool {
        Pool(
            ObjectPool(
                growingFrom: slots.first, by: 1, to: slots.all, magazineCount: magazineCount,
                make: { PlainCell(0) }, reset: { $0.store(0) }))
    }

    /// Owners and others over one pool, each of which must find what it got reset and its own.
    static func shared(
        _ users: [User], slots: (first: Int, all: Int), depth: Int, magazineCount: Int
    ) -> (Model) -> Void {
        { model in
            let pool = pool(slots, magazineCount: magazineCount)
            for (number, user) in users.enumerated() {
                model.thread {
                    switch user {
                    case .owner(let count): lease(pool, count, depth, number + 1, model)
                    case .several: leaseSeveral(pool, depth, number + 1, model)
                    case .plain(let count): acquire(pool, count, number + 1, model)
                    case .both: acquireAndLease(pool, depth, number + 1, model)
                    }
                }
            }
            model.finally { checkSlots(pool.value, slots.all, model) }
        }
    }

    private static func lease(
        _ pool: Pool, _ count: Int, _ depth: Int, _ number: Int, _ model: Model
    ) {
        let magazine = pool.value.makeLocalMagazine(depth: depth)
        for _ in 0..<count {
            guard var lease = magazine.tryLease() else { continue }
            lease.withObject { use($0, number, model) }
        }
    }

    private static func leaseSeveral(_ pool: Pool, _ depth: Int, _ number: Int, _ model: Model) {
        let magazine = pool.value.makeLocalMagazine(depth: depth)
        do {
            var first = magazine.tryLease()
            var second = magazine.tryLease()
            var third = magazine.tryLease()
            first?.withObject { use($0, number, model) }
            second?.withObject { use($0, number, model) }
            third?.withObject { use($0, number, model) }
        }
        model.check(magazine.unlentCount <= depth, "more than its depth")
    }

    private static func acquire(_ pool: Pool, _ count: Int, _ number: Int, _ model: Model) {
        for _ in 0..<count {
            guard let handle = pool.value.tryAcquire() else { continue }
            pool.value.withObject(handle) { use($0, number, model) }
            pool.value.release(handle)
        }
    }

    private static func acquireAndLease(
        _ pool: Pool, _ depth: Int, _ number: Int, _ model: Model
    ) {
        let handles = (0..<2).compactMap { _ in pool.value.tryAcquire() }
        for handle in handles { pool.value.release(handle) }
        leaseSeveral(pool, depth, number, model)
    }

    private static func use(_ cell: borrowing PlainCell<Int>, _ number: Int, _ model: Model) {
        model.check(cell.load() == 0, "not reset")
        cell.store(number)
        model.check(cell.load() == number, "lent twice")
    }

    private static func checkSlots(
        _ pool: borrowing ObjectPool<PlainCell<Int>>, _ count: Int, _ model: Model
    ) {
        model.check(pool.availableCount == count, "leases that nobody has")
        var handles: [PoolHandle] = []
        while let handle = pool.tryAcquire() { handles.append(handle) }
        model.check(handles.count == count, "a slot is lost")
        for handle in handles { pool.release(handle) }
    }

    /// What an owner has flushed is found by who hears of it, with what was done to it.
    static func flushed(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool((1, 1), magazineCount: magazineCount)
            let isFlushed = Atomic(false)
            model.thread("owner") {
                let magazine = pool.value.makeLocalMagazine(depth: 2)
                do {
                    guard var lease = magazine.tryLease() else { return model.check(false) }
                    lease.withObject { use($0, 1, model) }
                }
                magazine.flush()
                isFlushed.store(true, ordering: .releasing)
            }
            model.thread("seeker") {
                if !isFlushed.load(ordering: .acquiring) { return }
                guard let handle = pool.value.tryAcquire() else {
                    return model.check(false, "a flushed slot is not found")
                }
                pool.value.withObject(handle) { use($0, 2, model) }
                pool.value.release(handle)
            }
            model.finally { checkSlots(pool.value, 1, model) }
        }
    }

    /// A lease is detached, and ends in another thread, while its magazine goes on or ends.
    static func detached(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool((2, 2), magazineCount: magazineCount)
            let given = Atomic<UInt64>(0)
            model.thread("owner") {
                let magazine = pool.value.makeLocalMagazine(depth: 4)
                guard var lease = magazine.tryLease() else { return model.check(false) }
                lease.withObject { use($0, 7, model) }
                given.store(lease.detach().rawValue, ordering: .releasing)
                guard var other = magazine.tryLease() else { return model.check(false) }
                other.withObject { use($0, 8, model) }
            }
            model.thread("ending") {
                let value = given.load(ordering: .acquiring)
                if value == 0 { return }
                var lease = pool.value.adopt(PoolHandle(rawValue: value))
                lease.withObject { model.check($0.load() == 7, "another's object") }
            }
            model.finally {
                let handle = PoolHandle(rawValue: given.load(ordering: .relaxed))
                if pool.value.isLeased(handle) { pool.value.release(handle) }
                checkSlots(pool.value, 2, model)
            }
        }
    }

    /// An owner alone, whose magazine of six becomes empty and full several times over.
    static func alone(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool((12, 12), magazineCount: magazineCount)
            model.thread("owner") {
                let handles = (0..<2).compactMap { _ in pool.value.tryAcquire() }
                for handle in handles { pool.value.release(handle) }
                let magazine = pool.value.makeLocalMagazine(depth: 6)
                model.check(magazine.depth == 6, "another depth")
                for count in [1, 4, 12, 7] {
                    lend(count, of: magazine, model)
                    model.check(magazine.lentCount == 0, "what came back counts as lent")
                    model.check(pool.value.availableCount == 12 - magazine.unlentCount, "uncounted")
                }
                lendTheLast(of: magazine, pool, model)
                magazine.flush()
                model.check(magazine.unlentCount == 0, "something is left behind")
                let numbers = pool.value.statistics
                model.check(numbers.acquired == numbers.released, "leases are miscounted")
                model.check(numbers.refilled > 0, "chains that came are not counted")
                model.check(numbers.flushed > 0, "chains that went are not counted")
            }
            model.finally { checkSlots(pool.value, 12, model) }
        }
    }

    /// So many leases at a time, each of an object of its own.
    private static func lend(
        _ count: Int, of magazine: borrowing LocalPoolMagazine<PlainCell<Int>>, _ model: Model
    ) {
        if count == 0 { return }
        let before = magazine.lentCount
        guard var lease = magazine.tryLease() else {
            return model.check(false, "nothing is lent, although there is something")
        }
        lease.withObject { use($0, count, model) }
        model.check(magazine.lentCount == before + 1, "a lease is not counted")
        lend(count - 1, of: magazine, model)
        lease.withObject { model.check($0.load() == count, "lent twice") }
    }

    /// All that lies in the magazine, while others have the rest of the pool.
    private static func lendTheLast(
        of magazine: borrowing LocalPoolMagazine<PlainCell<Int>>, _ pool: Pool, _ model: Model
    ) {
        var handles: [PoolHandle] = []
        while let handle = pool.value.tryAcquire() { handles.append(handle) }
        model.check(handles.count + magazine.unlentCount == 12, "a slot is lost")
        model.check(magazine.unlentCount > 1, "nothing lies in the magazine")
        lend(magazine.unlentCount, of: magazine, model)
        for handle in handles { pool.value.release(handle) }
    }

    /// An owner alone, whose magazine fetches two at a time: no more, from where they are.
    static func exact(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool((32, 32), magazineCount: magazineCount)
            model.thread("owner") {
                // Four lie in the thread's own magazine then, if there is one.
                let handles = (0..<3).compactMap { _ in pool.value.tryAcquire() }
                for handle in handles { pool.value.release(handle) }
                let magazine = pool.value.makeLocalMagazine(depth: 4)
                let chain: UInt64 = magazineCount == 0 ? 1 : 0
                let before = pool.value.statistics
                do {
                    guard var lease = magazine.tryLease() else { return model.check(false) }
                    lease.withObject { use($0, 1, model) }
                    model.check(magazine.lentCount == 1, "a lease is not counted")
                    model.check(magazine.unlentCount == 1, "not as many as a batch has")
                    var ownedCount = 0
                    pool.value.forEachLease { ownedCount += $0.isOwned ? 1 : 0 }
                    model.check(ownedCount == 2, "what the magazine has may be released")
                }
                magazine.flush()
                let after = pool.value.statistics
                model.check(after.refilled == before.refilled + chain, "chains that came")
                model.check(after.flushed == before.flushed + 1, "chains that went")
                lendOnlyOne(of: magazine, pool, model)
            }
            model.finally { checkSlots(pool.value, 32, model) }
        }
    }

    /// The one slot that nobody else has, twice.
    private static func lendOnlyOne(
        of magazine: borrowing LocalPoolMagazine<PlainCell<Int>>, _ pool: Pool, _ model: Model
    ) {
        var handles: [PoolHandle] = []
        while let handle = pool.value.tryAcquire() { handles.append(handle) }
        pool.value.release(handles.removeLast())
        let refilled = pool.value.statistics.refilled
        for round in 1...2 {
            guard var lease = magazine.tryLease() else {
                model.check(false, "nothing is lent in round \(round), although there is one")
                break
            }
            lease.withObject { use($0, round, model) }
            model.check(magazine.unlentCount == 0 && magazine.lentCount == 1, "one is two")
        }
        model.check(pool.value.statistics.refilled == refilled, "a chain of none is counted")
        for handle in handles { pool.value.release(handle) }
    }
}

@Suite("Models of LocalPoolMagazine")
struct LocalMagazineModelTests {
    @Test(
        "two owners share a small pool",
        arguments: [(1, 2, 0), (1, 2, 3), (2, 2, 0), (2, 2, 3), (3, 4, 0), (3, 4, 3)])
    func two(slots: Int, depth: Int, magazineCount: Int) {
        // Wrong: an object has two users, comes as it was left, or a slot is lost.
        let result = exhaust(
            slots, depth, magazineCount,
            program: LocalMagazinePrograms.shared(
                [.owner(2), .owner(1)], slots: (slots, slots), depth: depth,
                magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "an owner whose magazine becomes full beside one who acquires plainly",
        arguments: [(2, 2, 0), (3, 2, 0), (2, 2, 3)])
    func full(slots: Int, depth: Int, magazineCount: Int) {
        // Wrong: as above.
        let result = exhaust(
            slots, depth, magazineCount,
            program: LocalMagazinePrograms.shared(
                [.several, .plain(1)], slots: (slots, slots), depth: depth,
                magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("an owner takes what its thread has, and a thief leaves", arguments: [(2, 4), (3, 6)])
    func robbed(slots: Int, depth: Int) {
        // Wrong: as above.
        let result = exhaust(
            slots, depth,
            program: LocalMagazinePrograms.shared(
                [.both, .plain(1)], slots: (slots, slots), depth: depth, magazineCount: 3))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("two owners and a third who acquires plainly", arguments: [(1, 0), (2, 0), (2, 4)])
    func three(slots: Int, magazineCount: Int) {
        // Wrong: as above.
        let result = exhaustIfLong(
            slots, magazineCount,
            program: LocalMagazinePrograms.shared(
                [.owner(1), .owner(1), .plain(1)], slots: (slots, slots), depth: 2,
                magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
    }

    @Test("two owners of a pool that grows", arguments: [0, 3])
    func growing(magazineCount: Int) {
        // Wrong: as above; or the link in a new chunk's slot is not there yet.
        let result = exhaust(
            magazineCount,
            program: LocalMagazinePrograms.shared(
                [.owner(1), .owner(1)], slots: (1, 3), depth: 4, magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what was flushed is found", arguments: [0, 3])
    func flushed(magazineCount: Int) {
        // Wrong: a hoard outlives its flush, or what was done to an object is not seen.
        let result = exhaust(
            magazineCount, program: LocalMagazinePrograms.flushed(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a lease that was detached ends elsewhere", arguments: [0, 3])
    func detached(magazineCount: Int) {
        // Wrong: it names another object, ends twice, or the magazine waits for it.
        let result = exhaust(
            magazineCount, program: LocalMagazinePrograms.detached(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("an owner alone gets all that there is, each object once", arguments: [0, 3])
    func alone(magazineCount: Int) {
        // Wrong: what lies in the magazine is not lent, or twice, or not given back, or miscounted.
        let result = exhaust(
            magazineCount, program: LocalMagazinePrograms.alone(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("an owner fetches a batch, and the last one that there is", arguments: [0, 3])
    func exact(magazineCount: Int) {
        // Wrong: it takes more than a batch, takes another's last, or not the last, or miscounts.
        let result = exhaust(
            magazineCount, program: LocalMagazinePrograms.exact(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
