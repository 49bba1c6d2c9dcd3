// SPDX-License-Identifier: MIT

public import AtomicSupport

/// The entries of a `HazardDomain`, by address: what guards copy. Layout, invariants and edges are
/// the domain's.
@frozen
@usableFromInline
@safe
struct HazardTable {
    // Edges: see HazardDomain.swift
    //
    // E1 is sequentially consistent: a guard names its object and then looks at the source again, a
    // scan comes behind a change of the source and then looks at the slot. With acquire and release
    // alone both may read the past.

    @usableFromInline
    let base: UnsafeMutableRawPointer

    @usableFromInline
    let slotCount: Int

    @usableFromInline
    let scanThreshold: Int

    @usableFromInline
    let prefersOneList: Bool

    @unsafe
    init(
        base: UnsafeMutableRawPointer, slotCount: Int, scanThreshold: Int, prefersOneList: Bool
    ) {
        // SAFETY: storing an address reads no memory.
        unsafe self.base = base
        self.slotCount = slotCount
        self.scanThreshold = scanThreshold
        self.prefersOneList = prefersOneList
    }

    /// Makes every slot free and every list empty. Nobody else may use the table yet.
    func initialize() {
        for index in 0..<slotCount {
            unsafe hazard(at: index).initialize(to: Atomic(0))  // SAFETY: in the block.
            unsafe busy(at: index).initialize(to: Atomic(0))  // SAFETY: as above.
            unsafe count(at: index).initialize(to: Atomic(0))  // SAFETY: as above.
            unsafe kept(at: index).initialize(to: 0)  // SAFETY: as above.
            unsafe chainPlace(at: index).initialize(to: RetiredChain())  // SAFETY: as above.
        }
    }

    // MARK: - Slots

    /// Takes a free slot for the object at an address.
    @inlinable
    func takeSlot(for address: UInt) -> UnsafeMutablePointer<Atomic<UInt>> {
        assert(address != 0)
        var backoff = Backoff()
        var index = ReclamationSlots.hint
        while true {  // Ends when one of `slotCount` guards ends, if all are taken.
            for _ in 0..<slotCount {
                let slot = unsafe hazard(at: index)  // SAFETY: masked to the table.
                index &+= 1
                // SAFETY: as above.
                if unsafe slot.pointee.load(ordering: .relaxed) != 0 { continue }
                // SAFETY: as above.
                let (isTaken, _) = unsafe slot.pointee.compareExchange(
                    expected: 0, desired: address,
                    successOrdering: .sequentiallyConsistent,  // E1
                    failureOrdering: .relaxed)
                if isTaken { return unsafe slot }  // SAFETY: as above.
            }
            backoff.snooze()
        }
    }

    // MARK: - Lists

    /// Takes a list that nobody works on.
    func takeList() -> Int {
        var backoff = Backoff()
        var index = prefersOneList ? 0 : ReclamationSlots.hint
        while true {  // Ends when one of `slotCount` retiring threads leaves its list.
            for _ in 0..<slotCount {
                if tryTakeList(index) { return index }
                index &+= 1
            }
            backoff.snooze()
        }
    }

    /// Takes a list if nobody works on it.
    func tryTakeList(_ index: Int) -> Bool {
        // SAFETY: masked to the table.
        if unsafe busy(at: index).pointee.load(ordering: .relaxed) != 0 { return false }
        // SAFETY: as above.
        return unsafe busy(at: index).pointee.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring,  // E4
            failureOrdering: .relaxed
        ).exchanged
    }

    /// Lets others work on the list.
    func leaveList(_ index: Int) {
        // SAFETY: masked to the table.
        unsafe busy(at: index).pointee.store(0, ordering: .releasing)  // E4
    }

    /// Puts a node into a list that the caller has taken.
    @unsafe
    func add(_ node: UnsafeMutablePointer<RetiredNode>, at index: Int) {
        var chain = takeChain(at: index)
        unsafe chain.append(node)  // SAFETY: the node's last owner hands it over.
        putChain(chain, at: index)
    }

    /// Whether enough has come into a list that the caller has taken.
    func isScanDue(at index: Int) -> Bool {
        let kept = unsafe kept(at: index).pointee  // SAFETY: the list is the caller's.
        // SAFETY: as above.
        let count = Int(unsafe count(at: index).pointee.load(ordering: .relaxed))
        assert(count >= kept)
        return count - kept >= scanThreshold
    }

    /// Parts a list that the caller has taken: what a slot names stays, the rest is answered and
    /// may be reclaimed.
    func scan(at index: Int) -> RetiredChain {
        var rest = takeChain(at: index)
        var keep = RetiredChain()
        for slot in 0..<slotCount where rest.count > 0 {
            // SAFETY: masked to the table.
            let address = unsafe hazard(at: slot).pointee.load(
                ordering: .sequentiallyConsistent)  // E1, E2
            if address != 0 { unsafe part(&rest, from: address, into: &keep) }  // SAFETY: ours.
        }
        unsafe kept(at: index).pointee = keep.count  // SAFETY: the list is the caller's.
        putChain(keep, at: index)
        return rest
    }

    /// Moves the node with an address, if it is there, from one chain to the other.
    @unsafe
    private func part(
        _ rest: inout RetiredChain, from address: UInt, into keep: inout RetiredChain
    ) {
        for _ in 0..<rest.count {
            // SAFETY: the chains are the caller's.
            guard let node = unsafe rest.popFirst() else { return }
            if UInt(bitPattern: node) == address {
                unsafe keep.append(node)  // SAFETY: as above.
            } else {
                unsafe rest.append(node)  // SAFETY: as above.
            }
        }
    }

    /// How many nodes all lists have.
    var heldCount: Int {
        var sum = 0
        for index in 0..<slotCount {
            // SAFETY: masked to the table.
            sum += Int(unsafe count(at: index).pointee.load(ordering: .relaxed))
        }
        return sum
    }

    /// The chain of a list that nobody else uses.
    func chain(at index: Int) -> RetiredChain {
        unsafe chainPlace(at: index).pointee  // SAFETY: the caller says so.
    }

    private func takeChain(at index: Int) -> RetiredChain {
        noteUse(of: index)
        return chain(at: index)
    }

    private func putChain(_ chain: RetiredChain, at index: Int) {
        noteUse(of: index)
        unsafe chainPlace(at: index).pointee = chain  // SAFETY: the list is the caller's.
        // SAFETY: masked to the table.
        unsafe count(at: index).pointee.store(
            UInt32(truncatingIfNeeded: chain.count), ordering: .relaxed)
    }

    #if Checks || DEBUG
        func checkInvariants(guardCount: Int) {
            var found = Set<UInt>()
            var takenCount = 0
            for index in 0..<slotCount {
                // SAFETY: masked to the table, here and below.
                let address = unsafe hazard(at: index).pointee.load(ordering: .relaxed)
                if address != 0 { takenCount += 1 }
                // SAFETY: as above.
                let isBusy = unsafe busy(at: index).pointee.load(ordering: .relaxed) != 0
                precondition(!isBusy, "I3: a list was not left")
                // SAFETY: as above.
                let count = Int(unsafe count(at: index).pointee.load(ordering: .relaxed))
                let kept = unsafe kept(at: index).pointee  // SAFETY: as above.
                precondition(kept >= 0 && kept <= slotCount, "I3: more is kept than is protected")
                precondition(count >= kept, "I3: less is there than is kept")
                precondition(count - kept < scanThreshold, "I3: a scan was left out")
                let chain = takeChain(at: index)
                precondition(chain.count == count, "a count is not its chain's")
                unsafe chain.checkInvariants { node in  // SAFETY: nobody works on it.
                    let isNew = found.insert(UInt(bitPattern: node)).inserted
                    precondition(isNew, "I2: a node was retired twice")
                }
            }
            precondition(takenCount == guardCount, "I1: the slots are not those of the guards")
        }
    #endif

    // MARK: - Places

    @inlinable
    @inline(__always)
    func entry(at index: Int) -> UnsafeMutableRawPointer {
        // SAFETY: the mask keeps the offset inside the block.
        unsafe base + (index & (slotCount &- 1)) &* CacheLine.byteCount
    }

    @inlinable
    @inline(__always)
    func hazard(at index: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
        // SAFETY: the first word of an entry.
        unsafe entry(at: index).assumingMemoryBound(to: Atomic<UInt>.self)
    }

    private func busy(at index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: within an entry, apart from its other parts.
        unsafe (entry(at: index) + 8).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private func count(at index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: as above.
        unsafe (entry(at: index) + 12).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private func kept(at index: Int) -> UnsafeMutablePointer<Int> {
        // SAFETY: as above.
        unsafe (entry(at: index) + 16).assumingMemoryBound(to: Int.self)
    }

    private func chainPlace(at index: Int) -> UnsafeMutablePointer<RetiredChain> {
        // SAFETY: as above; three words.
        unsafe (entry(at: index) + 24).assumingMemoryBound(to: RetiredChain.self)
    }

    /// Tells a model that the list is used, which its owner may.
    private func noteUse(of index: Int) {
        #if Model
            // SAFETY: only the address is used, of a plain word.
            let place = unsafe (entry(at: index) + 24).assumingMemoryBound(to: UInt64.self)
            unsafe ModelCell.write(place, file: #fileID, line: #line)  // SAFETY: as above.
        #endif
    }
}
