// SPDX-License-Identifier: MIT

public import AtomicSupport

/// The epoch and the entries of an `EpochDomain`, by address: what pins copy. Layout, invariants
/// and edges are the domain's.
@frozen
@usableFromInline
@safe
struct EpochTable {
    // Edges: see EpochDomain.swift

    @usableFromInline
    let base: UnsafeMutableRawPointer

    @usableFromInline
    let slotCount: Int

    @usableFromInline
    let heldPerSlotMax: Int

    @unsafe
    init(base: UnsafeMutableRawPointer, slotCount: Int, heldPerSlotMax: Int) {
        // SAFETY: storing an address reads no memory.
        unsafe self.base = base
        self.slotCount = slotCount
        self.heldPerSlotMax = heldPerSlotMax
    }

    /// How often the epoch moves between an object's pin and its end.
    static var movesToReclaim: Int { 3 }

    /// After how many objects a slot tries to move the epoch.
    private var moveInterval: Int { max(1, heldPerSlotMax / 8) }

    /// Makes every slot free and empty. Nobody else may use the table yet.
    func initialize(firstEpoch: UInt64) {
        unsafe epoch.initialize(to: Atomic(firstEpoch))  // SAFETY: in the block.
        for index in 0..<slotCount {
            unsafe word(at: index).initialize(to: Atomic(0))  // SAFETY: in the block.
            unsafe countWord(at: index).initialize(to: Atomic(0))  // SAFETY: as above.
            unsafe since(at: index).initialize(to: 0)  // SAFETY: as above.
            unsafe chainPlace(at: index).initialize(to: RetiredChain())  // SAFETY: as above.
        }
    }

    // MARK: - Pins

    /// Takes a free slot and pins the present epoch, or answers nil if the slot is taken.
    @inlinable
    @inline(__always)
    func tryTake(_ index: Int) -> UInt64? {
        // SAFETY: the domain outlives the call, here and below.
        if unsafe word(at: index).pointee.load(ordering: .relaxed) != 0 { return nil }
        var seen = unsafe epoch.pointee.load(ordering: .relaxed)  // SAFETY: as above.
        // SAFETY: as above.
        let (isTaken, _) = unsafe word(at: index).pointee.compareExchange(
            expected: 0, desired: seen | 1, successOrdering: .acquiring,  // E1, E2
            failureOrdering: .relaxed)
        if !isTaken { return nil }
        while true {  // Repeated only after the epoch moved, which our slot soon forbids.
            // SAFETY: in the block.
            let now = unsafe epoch.pointee.load(ordering: .acquiring)  // E3
            if now == seen { return now }
            seen = now
            // A read-modify-write, which goes on with what the pin before released (E2).
            // SAFETY: as above; the slot is ours (I1).
            _ = unsafe word(at: index).pointee.exchange(seen | 1, ordering: .relaxed)
        }
    }

    // MARK: - The epoch

    /// Moves the epoch if every pin is at the present one.
    @usableFromInline
    func tryMove() {
        let seen = unsafe epoch.pointee.load(ordering: .relaxed)  // SAFETY: in the block.
        for index in 0..<slotCount {
            // A slot that is taken later begins behind us; see E1.
            // SAFETY: masked to the table.
            let found = unsafe word(at: index).pointee.bitwiseOr(
                0, ordering: .acquiringAndReleasing  // E1, E2
            ).oldValue
            if found != 0 && found != seen | 1 { return }
        }
        // SAFETY: in the block.
        _ = unsafe epoch.pointee.compareExchange(
            expected: seen, desired: seen &+ 2, successOrdering: .releasing,  // E3
            failureOrdering: .relaxed)
    }

    /// Tries to move the epoch and takes out of a slot of the caller's what is old enough.
    @usableFromInline
    func moveAndTakeOld(at index: Int) -> RetiredChain {
        tryMove()
        unsafe since(at: index).pointee = 0  // SAFETY: the slot is the caller's.
        return takeOld(at: index)
    }

    /// Takes out of a slot of the caller's what is old enough to be reclaimed.
    func takeOld(at index: Int) -> RetiredChain {
        // SAFETY: in the block.
        let now = unsafe epoch.pointee.load(ordering: .acquiring)  // E3
        var chain = takeChain(at: index)
        var old = RetiredChain()
        // SAFETY: the slot's chain is the caller's.
        while let first = unsafe chain.first {  // Ends: each round shortens the chain.
            // SAFETY: the slot's chain is the caller's.
            let age = now &- (unsafe first.pointee.stamp)
            guard age >= UInt64(Self.movesToReclaim * 2) else { break }
            // SAFETY: as above.
            guard let node = unsafe chain.popFirst() else { break }
            unsafe old.append(node)  // SAFETY: as above.
        }
        putChain(chain, at: index)
        return old
    }

    // MARK: - Chains

    /// Puts a node into a slot of the caller's.
    @usableFromInline
    @unsafe
    func add(
        _ node: UnsafeMutablePointer<RetiredNode>, at index: Int, stamp: UInt64
    ) {
        var chain = takeChain(at: index)
        assert(chain.count < heldPerSlotMax)  // I4
        unsafe node.pointee.stamp = stamp  // SAFETY: its last owner hands it over.
        unsafe chain.append(node)  // SAFETY: as above.
        putChain(chain, at: index)
        unsafe since(at: index).pointee += 1  // SAFETY: the slot is the caller's.
    }

    /// Whether a slot of the caller's has got enough since it tried to move the epoch.
    @usableFromInline
    func isMoveDue(at index: Int) -> Bool {
        unsafe since(at: index).pointee >= moveInterval  // SAFETY: the slot is the caller's.
    }

    /// How many objects a slot keeps.
    @inlinable
    func count(at index: Int) -> Int {
        Int(unsafe countWord(at: index).pointee.load(ordering: .relaxed))  // SAFETY: an entry.
    }

    /// Whether a slot seems to keep something.
    func mayHaveSome(at index: Int) -> Bool {
        count(at: index) > 0
    }

    /// How many objects all slots keep.
    var heldCount: Int {
        var sum = 0
        for index in 0..<slotCount { sum += count(at: index) }
        return sum
    }

    /// The chain of a slot that nobody else uses.
    func chain(at index: Int) -> RetiredChain {
        unsafe chainPlace(at: index).pointee  // SAFETY: the caller says so.
    }

    private func takeChain(at index: Int) -> RetiredChain {
        noteUse(at: index)
        return chain(at: index)
    }

    private func putChain(_ chain: RetiredChain, at index: Int) {
        noteUse(at: index)
        unsafe chainPlace(at: index).pointee = chain  // SAFETY: the slot is the caller's.
        // SAFETY: in the entry.
        unsafe countWord(at: index).pointee.store(
            UInt32(truncatingIfNeeded: chain.count), ordering: .relaxed)
    }

    #if Checks || DEBUG
        func checkInvariants(pinCount: Int) {
            let now = unsafe epoch.pointee.load(ordering: .relaxed)  // SAFETY: in the block.
            precondition(now & 1 == 0, "the epoch is odd")
            var found = Set<UInt>()
            var takenCount = 0
            for index in 0..<slotCount {
                // SAFETY: masked to the table, here and below.
                let word = unsafe word(at: index).pointee.load(ordering: .relaxed)
                if word != 0 {
                    takenCount += 1
                    precondition(word & 1 == 1, "I1: a slot is neither free nor taken")
                    precondition(now &- (word & ~1) <= 2, "I2: the epoch has passed a pin by")
                }
                let count = count(at: index)
                precondition(count <= heldPerSlotMax, "I4: a slot keeps too much")
                let since = unsafe since(at: index).pointee  // SAFETY: as above.
                precondition(since >= 0 && since < moveInterval, "I6: a move was left out")
                let chain = takeChain(at: index)
                precondition(chain.count == count, "a count is not its chain's")
                var age = UInt64.max / 2
                unsafe chain.checkInvariants { node in  // SAFETY: nobody else is inside.
                    let isNew = found.insert(UInt(bitPattern: node)).inserted
                    precondition(isNew, "I5: a node was retired twice")
                    let next = now &- (unsafe node.pointee.stamp)  // SAFETY: as above.
                    precondition(next <= age, "I3: the stamps fall, or are ahead of the epoch")
                    age = next
                }
            }
            precondition(takenCount == pinCount, "I1: the slots are not those of the pins")
        }
    #endif

    // MARK: - Places

    @inlinable
    @inline(__always)
    var epoch: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: line 0.
    }

    @inlinable
    @inline(__always)
    func entry(at index: Int) -> UnsafeMutableRawPointer {
        // SAFETY: the mask keeps the offset inside the block, behind line 0.
        unsafe base + ((index & (slotCount &- 1)) &+ 1) &* CacheLine.byteCount
    }

    @inlinable
    @inline(__always)
    func word(at index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: the first word of an entry.
        unsafe entry(at: index).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable
    func countWord(at index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: within an entry, apart from its other parts.
        unsafe (entry(at: index) + 8).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private func since(at index: Int) -> UnsafeMutablePointer<Int> {
        unsafe (entry(at: index) + 16).assumingMemoryBound(to: Int.self)  // SAFETY: as above.
    }

    private func chainPlace(
        at index: Int
    ) -> UnsafeMutablePointer<RetiredChain> {
        // SAFETY: as above; three words.
        unsafe (entry(at: index) + 24).assumingMemoryBound(to: RetiredChain.self)
    }

    /// Tells a model that the slot's chain is used, which its owner may.
    private func noteUse(at index: Int) {
        #if Model
            // SAFETY: only the address is used, of a plain word.
            let word = unsafe (entry(at: index) + 24).assumingMemoryBound(to: UInt64.self)
            unsafe ModelCell.write(word, file: #fileID, line: #line)  // SAFETY: as above.
        #endif
    }
}
