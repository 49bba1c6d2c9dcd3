// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@Suite("Tagged free list")
struct TaggedFreeListTests {
    @Test("Slots come out once each, last in first out, also when the tag wraps")
    func slotsComeOutOnce() {
        // If this failed, two owners would get one slot, or the tag would spill into the link.
        let slab = Slab(count: 5, firstTag: .max - 2)
        for _ in 0..<10 {
            var taken: [UInt32] = []
            while taken.count <= 5 {
                let link = unsafe slab.list.pop()  // SAFETY: the slab outlives the list.
                if link == 0 { break }
                taken.append(link)
            }
            #expect(taken == [1, 2, 3, 4, 5])
            #expect(slab.freeLinks == [])
            for link in taken.reversed() {
                unsafe slab.list.push(first: link, last: link)  // SAFETY: taken above.
                #expect(slab.freeLinks == Array(link...5))
            }
        }
    }

    @Test("A chain goes out and back with its order, up to what there is")
    func chainsKeepTheirOrder() {
        // If this failed, a batch would lose or repeat slots.
        let slab = Slab(count: 6, firstTag: 0)
        let (first, count) = unsafe slab.list.popChain(countMax: 4)  // SAFETY: as above.
        #expect(first == 1)
        #expect(count == 4)
        #expect(slab.freeLinks == [5, 6])
        let (second, rest) = unsafe slab.list.popChain(countMax: 4)  // SAFETY: as above.
        #expect(second == 5)
        #expect(rest == 2)
        let (none, zero) = unsafe slab.list.popChain(countMax: 4)  // SAFETY: as above.
        #expect(none == 0)
        #expect(zero == 0)
        unsafe slab.list.push(first: 1, last: 4)  // SAFETY: taken above, linked 1 to 4.
        #expect(slab.freeLinks == [1, 2, 3, 4])
        let (again, countAgain) = unsafe slab.list.popChain(countMax: 9)  // SAFETY: as above.
        #expect(again == 1)
        #expect(countAgain == 4)
    }

    @Test("The tag counts the pops, and wraps without touching the link")
    func tagCountsPops() {
        // If this failed, a thread that slept over a pop and a push of one slot would corrupt the
        // list, which no small run of threads shows.
        let slab = Slab(count: 2, firstTag: .max - 1)
        for pops in 1...4 as ClosedRange<UInt32> {
            let link = unsafe slab.list.pop()  // SAFETY: the slab outlives the list.
            #expect(link == 1)
            unsafe slab.list.push(first: link, last: link)  // SAFETY: taken above.
            #expect(slab.head == UInt64((UInt32.max - 1) &+ pops) << 32 | 1)
            #expect(slab.freeLinks == [1, 2])
        }
    }

    @Test("Four threads lose no slot and share none")
    func fourThreads() {
        // If this failed, a pop between load and compare-exchange of another would go unseen.
        let slab = Slab(count: 3, firstTag: .max - 100)
        ThreadTeam.run(count: 4) { _ in
            for _ in 0..<10_000 {
                let link = unsafe slab.list.pop()  // SAFETY: the slab outlives the threads.
                if link == 0 { continue }
                slab.countUse(of: link)
                unsafe slab.list.push(first: link, last: link)  // SAFETY: taken above.
            }
        }
        #expect(slab.freeLinks.sorted() == [1, 2, 3])
        let count = unsafe slab.list.popChain(countMax: 9).count  // SAFETY: as above.
        #expect(count == 3)
    }
}

private final class Slab: @unchecked Sendable {
    private let block: SharedBlock
    private let count: Int

    init(count: Int, firstTag: UInt32) {
        self.count = count
        block = SharedBlock(byteCount: CacheLine.byteCount + count * 16)
        unsafe list.initialize(count: count, firstTag: firstTag)  // SAFETY: fresh memory.
    }

    var list: TaggedFreeList {
        // SAFETY: the head has its own line, the slots lie behind it.
        unsafe TaggedFreeList(
            head: block.pointer(at: 0, to: Atomic<UInt64>.self),
            slots: block.base + CacheLine.byteCount, stride: 16)
    }

    /// What is free, from the top; traps if an invariant of the list is broken.
    var freeLinks: [UInt32] {
        var links: [UInt32] = []
        // SAFETY: nobody else uses the list.
        let found = unsafe list.checkInvariants(slotCount: count) { links.append($0) }
        precondition(found == links.count)
        return links
    }

    /// The head word: tag above, link below.
    var head: UInt64 {
        // SAFETY: in the block.
        unsafe block.pointer(at: 0, to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed)
    }

    /// Marks the slot used and free again; traps if another thread is in it.
    func countUse(of link: UInt32) {
        let offset = CacheLine.byteCount + Int(link - 1) * 16 + 8
        let word = unsafe block.pointer(at: offset, to: UInt64.self)  // SAFETY: in the slab.
        precondition(unsafe word.pointee == 0, "two owners")  // SAFETY: the caller's slot.
        unsafe word.pointee = 1  // SAFETY: as above.
        unsafe word.pointee = 0  // SAFETY: as above.
    }
}
