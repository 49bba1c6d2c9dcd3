// SPDX-License-Identifier: MIT

import AtomicSupport
import MemoryReclamation
import StressSupport
import Testing

@Suite("Hazard pointers")
struct HazardDomainTests {
    @Test("Slots are what was asked for, rounded up to a power of two")
    func slotCounts() {
        // If this failed, a thread's index would miss the table, or fewer would fit than asked.
        for (asked, given) in [(1, 1), (2, 2), (3, 4), (33, 64)] {
            let domain = HazardDomain(slotCount: asked)
            let count = domain.slotCount
            #expect(count == given)
        }
    }

    @Test("A domain without slots is refused")
    func noSlots() async {
        // If this failed, the mask would be all ones and a guard would write anywhere.
        await #expect(processExitsWith: .failure) { _ = HazardDomain(slotCount: 0) }
    }

    @Test("What nobody protects is reclaimed by the scan that is due", arguments: [1, 2, 7])
    func reclaims(threshold: Int) {
        // If this failed, memory would be kept although nobody needs it, or a scan come too early.
        let ledger = LifetimeLedger()
        let domain = HazardDomain(slotCount: 2, scanThreshold: threshold)
        for number in 1...20 {
            domain.retire(Leaf(UInt64(number), ledger))
            let held = domain.heldCount
            #expect(held == number % threshold)
            #expect(ledger.aliveCount == held)
            domain.checkInvariants()
        }
    }

    @Test("A protected object outlives its retirement, and no longer than its guard")
    func protects() {
        // If this failed, a reader would use memory that was given back, or nothing ever would be.
        let ledger = LifetimeLedger()
        let domain = HazardDomain(slotCount: 2, scanThreshold: 1)
        let source = Source(Leaf(1, ledger))
        domain.withGuard { hazard in
            let found = hazard.protect(source)
            if let old = source.swap(Leaf(2, ledger)) { domain.retire(old) }
            #expect(ledger.aliveCount == 2)
            domain.checkInvariants(guardCount: 1)
            if let found { #expect(found.payload == 1) }
            let next = hazard.protect(source)
            let freed = domain.collect()
            #expect(freed == 1)
            if let next { #expect(next.payload == 2) }
            domain.checkInvariants(guardCount: 1)
            hazard.clear()
            domain.checkInvariants()
        }
        domain.checkInvariants()
        if let old = source.swap(nil) { domain.retire(old) }
        #expect(ledger.aliveCount == 0)
    }

    @Test("An empty source is answered by nil")
    func emptySource() {
        // If this failed, a guard would keep a slot for nothing, or answer an old object.
        let domain = HazardDomain(slotCount: 1)
        let source = Source(nil)
        domain.withGuard { hazard in
            let found = hazard.protect(source) == nil
            #expect(found)
            domain.checkInvariants()
        }
    }

    @Test("Stalled readers hold back one object each, whatever is retired")
    func stalledReaders() {
        // If this failed, the bound of the documentation would be wrong.
        let ledger = LifetimeLedger()
        let domain = HazardDomain(slotCount: 4, scanThreshold: 8)
        let source = Source(Leaf(0, ledger))
        do {
            var first = unsafe domain.makeGuard()  // SAFETY: both end before the domain.
            var second = unsafe domain.makeGuard()
            for number in 1...1000 {
                if number == 10 { _ = first.protect(source) }
                if number == 500 { _ = second.protect(source) }
                if let old = source.swap(Leaf(UInt64(number), ledger)) {
                    domain.retire(old)
                }
                let stalled = number >= 500 ? 2 : number >= 10 ? 1 : 0
                #expect(domain.heldCount <= stalled + 7)
                domain.checkInvariants(guardCount: stalled)
            }
            domain.collect()
            domain.checkInvariants(guardCount: 2)
            let held = domain.heldCount
            #expect(held == 2)
            #expect(ledger.aliveCount == 3)
        }
        domain.collect()
        let (held, bound) = (domain.heldCount, domain.heldCountMax)
        #expect(held == 0)
        #expect(bound == 4 * (4 + 8))
        domain.checkInvariants()
        if let last = source.swap(nil) { domain.retire(last) }
    }

    @Test("With one list, what one thread had to keep the next one reclaims")
    func oneList() {
        // If this failed, a rare retirement would leave what it kept until the domain ends.
        let ledger = LifetimeLedger()
        let domain = Shared(HazardDomain(slotCount: 8, scanThreshold: 1, prefersOneList: true))
        let source = Source(Leaf(1, ledger))
        domain.value.withGuard { hazard in
            _ = hazard.protect(source)
            ThreadTeam.run(count: 3) { thread in
                if thread == 1 { domain.value.retire(source.swap(nil)) }
            }
            #expect(ledger.aliveCount == 1)
            domain.value.checkInvariants(guardCount: 1)
        }
        domain.value.retire(Leaf(2, ledger))
        #expect(ledger.aliveCount == 0)
        domain.value.checkInvariants()
    }

    @Test("A domain that ends reclaims what it has")
    func ends() {
        // If this failed, what was retired last would leak.
        let ledger = LifetimeLedger()
        do {
            let domain = HazardDomain(slotCount: 2, scanThreshold: 100)
            for number in 0..<50 { domain.retire(Leaf(UInt64(number), ledger)) }
            #expect(ledger.aliveCount == 50)
            domain.checkInvariants()
        }
        #expect(ledger.aliveCount == 0)
        #expect(ledger.bornCount == 50)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a domain, or it would need zeroed memory.
        let ledger = LifetimeLedger()
        let byteCount = HazardDomain.storageByteCount(slotCount: 3)
        #expect(byteCount == 4 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the domain.
        let domain = unsafe HazardDomain(storage: storage, slotCount: 3, scanThreshold: 2)
        domain.checkInvariants()
        for number in 0..<4 { domain.retire(Leaf(UInt64(number), ledger)) }
        domain.checkInvariants()
        #expect(ledger.aliveCount == 0)
    }

    @Test("Four threads that replace and read one object", arguments: [1, 16])
    func fourThreads(threshold: Int) {
        // If this failed, a reader would meet an object that was reclaimed: its cookie is gone.
        let ledger = LifetimeLedger()
        let domain = Shared(HazardDomain(slotCount: 4, scanThreshold: threshold))
        let source = Source(Leaf(1, ledger))
        let wrong = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 4) { thread in
            for turn in 1...5_000 {
                if thread < 2 {
                    let new = Leaf(UInt64(turn), ledger)
                    if let old = source.swap(new) { domain.value.retire(old) }
                } else {
                    domain.value.withGuard { hazard in
                        guard let found = hazard.protect(source) else { return }
                        let payload = found.payload
                        if payload < 1 || payload > 5_000 { wrong.value.add(1, ordering: .relaxed) }
                    }
                }
                if domain.value.heldCount > domain.value.heldCountMax {
                    wrong.value.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(wrong.value.load(ordering: .relaxed) == 0)
        domain.value.checkInvariants()
        if let last = source.swap(nil) { domain.value.retire(last) }
        domain.value.collect()
        domain.value.checkInvariants()
        #expect(ledger.aliveCount == 0)
    }
}
