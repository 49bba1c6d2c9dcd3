// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of ObjectPool and its free list")
struct PoolModelTests {
    @Test(
        "an object is leased to one at a time, and its user sees what the one before did",
        arguments: [
            ([1, 1], 1, 0), ([2, 1], 1, 0), ([1, 1], 2, 0), ([2, 1], 2, 0), ([2, 2], 1, 0),
            ([1, 1, 1], 1, 0),
        ])
    func withoutMagazines(turns: [Int], capacity: Int, magazineCount: Int) {
        // Wrong: two threads have one slot, or one sees it half written.
        let program = PoolPrograms.leases(
            turns, capacity: capacity, magazineCount: magazineCount)
        let result = exhaust(turns, capacity, magazineCount, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the same with more turns",
        arguments: [([2, 2], 2, 0), ([3, 3], 1, 0), ([1, 1, 1, 1], 1, 0), ([2, 1], 2, 3)])
    func withMoreTurns(turns: [Int], capacity: Int, magazineCount: Int) {
        // Wrong: as above.
        let program = PoolPrograms.leases(
            turns, capacity: capacity, magazineCount: magazineCount)
        let result = exhaustIfLong(turns, capacity, magazineCount, program: program)
        #expect(result.holds, "\(result)")
    }

    @Test(
        "thieves take a slot once, and see what its owner did",
        arguments: [([1, 1], 1, 3), ([2, 1], 1, 3), ([1, 1], 2, 3)])
    func withMagazines(turns: [Int], capacity: Int, magazineCount: Int) {
        // Wrong: a slot is taken by its owner and by a thief, or without an edge.
        let program = PoolPrograms.leases(
            turns, capacity: capacity, magazineCount: magazineCount)
        let result = exhaust(turns, capacity, magazineCount, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a lease may end in another thread", arguments: [(2, 0), (1, 3), (2, 3)])
    func handOver(count: Int, magazineCount: Int) {
        // Wrong: the slot goes back without what its last user did, or twice.
        let program = PoolPrograms.handOver(count: count, magazineCount: magazineCount)
        let result = exhaust(count, magazineCount, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a slot that is free is found", arguments: [0, 2, 3])
    func found(magazineCount: Int) {
        // Wrong: the pool refuses although a slot was released before, as its documentation denies.
        let result = exhaust(
            magazineCount, program: PoolPrograms.found(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the free list has no ABA",
        arguments: [([1, 1], 2), ([2, 1], 2), ([2, 2], 2), ([3, 3], 1), ([1, 1, 1], 1)])
    func freeListHolds(turns: [Int], slots: Int) {
        // Wrong: a pop that slept through others' pops and pushes corrupts the list.
        let result = exhaust(turns, slots, program: PoolPrograms.freeList(turns, slots: slots))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("chains are taken and given whole", arguments: [([1, 1], 3), ([2, 1], 2)])
    func chains(turns: [Int], slots: Int) {
        // Wrong: a chain holds a slot that somebody else has.
        let result = exhaust(turns, slots, program: PoolPrograms.chains(turns, slots: slots))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
