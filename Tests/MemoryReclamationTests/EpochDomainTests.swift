// SPDX-License-Identifier: MIT

import AtomicSupport
import MemoryReclamation
import StressSupport
import Testing

@Suite("Epochs")
struct EpochDomainTests {
    /// Where the epoch wraps, and where it does not.
    private static let firstEpochs: [UInt64] = [0, .max - 1, .max - 5, .max / 2 - 3]

    @Test("A domain without slots, or without room, is refused")
    func noSlots() async {
        // If this failed, the mask would be all ones, or nothing could ever be retired.
        await #expect(processExitsWith: .failure) { _ = EpochDomain(slotCount: 0) }
        await #expect(processExitsWith: .failure) { _ = EpochDomain(heldPerSlotMax: 0) }
    }

    @Test("An object waits for three moves of the epoch and no longer", arguments: firstEpochs)
    func threeMoves(firstEpoch: UInt64) {
        // If this failed, an object would be reclaimed under a reader, or kept for ever.
        let ledger = LifetimeLedger()
        let domain = EpochDomain(slotCount: 2, heldPerSlotMax: 8, firstEpoch: firstEpoch)
        var held: [Int] = []
        for number in 0..<8 {
            domain.withPin { pin in
                // Each call moves the epoch once.
                let isTaken = pin.retire(Leaf(UInt64(number), ledger))
                #expect(isTaken)
            }
            held.append(domain.heldCount)
            domain.checkInvariants()
        }
        #expect(held == [1, 2, 2, 2, 2, 2, 2, 2])
        #expect(ledger.aliveCount == 2)
        let freed = domain.collect()
        #expect(freed == 2)
        #expect(ledger.aliveCount == 0)
        domain.checkInvariants()
    }

    @Test("What a pin has found stays until it ends", arguments: firstEpochs)
    func pinProtects(firstEpoch: UInt64) {
        // If this failed, a reader would use memory that was given back.
        let ledger = LifetimeLedger()
        let domain = EpochDomain(slotCount: 2, heldPerSlotMax: 64, firstEpoch: firstEpoch)
        let source = Source(Leaf(7, ledger))
        domain.withPin { _ in
            let found = source.load()
            for number in 0..<20 {
                replace(source, number, domain, ledger)
                domain.checkInvariants(pinCount: 1)
            }
            domain.collect()
            domain.checkInvariants(pinCount: 1)
            if let found { #expect(found.payload == 7) }
            #expect(ledger.aliveCount == 21)
        }
        domain.checkInvariants()
        domain.collect()
        #expect(ledger.aliveCount == 1)
        domain.checkInvariants()
        domain.withPin { pin in
            if let last = source.swap(nil) { expectTaken(pin.retire(last)) }
        }
    }

    @Test("A stalled pin makes retire refuse at the bound, and not for longer")
    func stalledPin() {
        // If this failed, a stalled reader would let memory grow without end.
        let ledger = LifetimeLedger()
        let domain = EpochDomain(slotCount: 2, heldPerSlotMax: 16)
        do {
            let stalled = unsafe domain.makePin()  // SAFETY: it ends before the domain.
            var refusedCount = 0
            for number in 0..<100 {
                domain.withPin { pin in
                    guard pin.makeRoom() else {
                        refusedCount += 1
                        return
                    }
                    expectTaken(pin.retire(Leaf(UInt64(number), ledger)))
                }
            }
            #expect(refusedCount == 84)
            let held = domain.heldCount
            #expect(held == 16)
            domain.checkInvariants(pinCount: 1)
            let extra = Leaf(100, ledger)
            let isTaken = domain.withPin { pin in pin.retire(extra) }
            #expect(!isTaken)
            domain.checkInvariants(pinCount: 1)
            extra.end()
            _ = consume stalled
        }
        domain.collect()
        #expect(ledger.aliveCount == 0)
        domain.checkInvariants()
        domain.withPin { pin in
            let hasRoom = pin.makeRoom()
            #expect(hasRoom)
        }
    }

    @Test("A domain that ends reclaims what it has")
    func ends() {
        // If this failed, what was retired last would leak.
        let ledger = LifetimeLedger()
        do {
            let domain = EpochDomain(slotCount: 2, heldPerSlotMax: 1000)
            domain.withPin { pin in
                for number in 0..<50 {
                    expectTaken(pin.retire(Leaf(UInt64(number), ledger)))
                }
            }
            #expect(ledger.aliveCount == 50)
            domain.checkInvariants()
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a domain, or it would need zeroed memory.
        let ledger = LifetimeLedger()
        let byteCount = EpochDomain.storageByteCount(slotCount: 3)
        #expect(byteCount == 5 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the domain.
        let domain = unsafe EpochDomain(storage: storage, slotCount: 3, heldPerSlotMax: 8)
        domain.checkInvariants()
        domain.withPin { pin in
            expectTaken(pin.retire(Leaf(1, ledger)))
        }
        domain.checkInvariants()
        domain.collect()
        #expect(ledger.aliveCount == 0)
    }

    @Test("Four threads that replace and read one object", arguments: [8, 512])
    func fourThreads(heldPerSlotMax: Int) {
        // If this failed, a reader would meet an object that was reclaimed: its cookie is gone.
        let ledger = LifetimeLedger()
        let domain = Shared(EpochDomain(slotCount: 4, heldPerSlotMax: heldPerSlotMax))
        let source = Source(Leaf(1, ledger))
        let wrong = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 4) { thread in
            for turn in 1...5_000 {
                domain.value.withPin { pin in
                    if thread < 2 {
                        if !pin.makeRoom() { return }
                        let new = Leaf(UInt64(turn), ledger)
                        guard let old = source.swap(new) else { return }
                        if !(pin.retire(old)) { wrong.value.add(1, ordering: .relaxed) }
                    } else if let found = source.load() {
                        let payload = found.payload
                        if payload < 1 || payload > 5_000 { wrong.value.add(1, ordering: .relaxed) }
                    }
                }
                if domain.value.heldCount > 4 * heldPerSlotMax {
                    wrong.value.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(wrong.value.load(ordering: .relaxed) == 0)
        domain.value.checkInvariants()
        domain.value.collect()
        #expect(ledger.aliveCount == 1)
        domain.value.checkInvariants()
        domain.value.withPin { pin in
            if let last = source.swap(nil) { expectTaken(pin.retire(last)) }
        }
    }

    private func replace(
        _ source: Source, _ number: Int, _ domain: borrowing EpochDomain, _ ledger: LifetimeLedger
    ) {
        domain.withPin { pin in
            guard let old = source.swap(Leaf(UInt64(number), ledger)) else { return }
            expectTaken(pin.retire(old))
        }
    }
}
