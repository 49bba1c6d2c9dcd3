// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Epochs: readers pin the present, and what others take out of a structure is kept until no pin is
/// left from the time when a reader could still find it.
///
/// | Guarantee | `withPin`                                | `retire` (inside a pin)             |
/// |-----------|------------------------------------------|-------------------------------------|
/// | Progress  | lock-free: repeated only after the epoch | wait-free                           |
/// |           | moved; the end is wait-free              |                                     |
/// | Stalled   | nothing                                  | a pin that does not end holds back  |
/// | peer      |                                          | all that is retired after it began  |
/// | Cost      | one read-modify-write and two loads; the | a few stores; every eighth of       |
/// |           | end is one store                         | `heldPerSlotMax` looks at all slots |
/// | Memory    | a cache line for each slot, allocated in `init`; nothing later                 |
/// | Threads   | any; at most `slotCount` pins at a time, | the pin's                           |
/// |           | another one waits for an end             |                                     |
///
/// **Bound.** A reader that stalls inside its pin would hold back everything that is retired later,
/// without end. So each slot keeps at most `heldPerSlotMax` objects: `retire` refuses one more, and
/// `makeRoom` says before an object is taken out whether there is room. Never more than
/// `slotCount × heldPerSlotMax` are kept. While no pin stalls, an object waits for three moves of
/// the epoch.
///
/// Rules for the structure: inside a pin, a thread may use whatever it found in the structure since
/// the pin began. An object is retired once, inside a pin, by who took it out, when nothing that
/// readers begin from leads to it any more.
///
/// Not for readers that may stall or block inside, where memory must stay bounded without refusals
/// (use `HazardDomain`, which holds back one object for each of them).
///
/// Source: K. Fraser, "Practical Lock-Freedom", 2004, and crossbeam-epoch. There a pin has a fence
/// between saying that it is there and reading the structure. Here a slot is taken by a
/// read-modify-write, and who wants to move the epoch looks at it by one: whichever comes second
/// has acquired what the other did before. Objects carry the epoch of the pin that retired them,
/// not a later look at it, so they wait for one move more. Slots belong to no thread.
///
/// ```swift
/// let domain = EpochDomain()
/// domain.withPin { pin in
///     if pin.makeRoom() {
///         let old = takeOut()
///         // SAFETY: nothing leads to it any more.
///         let isTaken = unsafe pin.retire(old)
///         precondition(isTaken)
///     }
/// }
/// ```
@frozen
@safe
public struct EpochDomain: ~Copyable, @unchecked Sendable {
    // Layout: the epoch counts in steps of two and wraps at 2^64.
    //   line 0    epoch
    //   from 1    one entry of a cache line for each slot
    //     word    0: free · else the pin's epoch + 1
    //     count   how many objects the slot keeps
    //     since   how many of them came since the slot last tried to move the epoch
    //     chain   they themselves, oldest first: first, last
    //
    // Invariants: I1  a slot whose word is not 0 belongs to one pin, which alone uses its chain
    //             I2  while a pin is at epoch e (and has seen it twice), the epoch is e or e + 2
    //             I3  the stamps of a chain do not fall
    //             I4  count ≤ heldPerSlotMax
    //             I5  a retired node is in one chain, or with the thread that reclaims it
    //             I6  since < an eighth of heldPerSlotMax, or 0 if that is less than one, outside
    //                 of retire
    // Whose a slot is, nothing says: `checkInvariants` compares their number. Of I5 it sees the
    // chains.
    //
    // Edges: E1  past     the epoch's mover looks at a word → a pin that takes the slot later
    //            carries what every pin did that the mover found ended, so that nothing leads to
    //            their objects any more; and the epoch itself: a pin that was overlooked sees twice
    //            only what was the epoch then, or later (I2)
    //        E2  unpin    pin's end → the mover's look at the word    carries the pin's uses
    //            (and, as a pin takes the slot again, the slot's chain)
    //        E3  move     compare-exchange on epoch → load by a pin, or by who reclaims
    //            carries E2 of all slots: to a pin at e + 2, what the pins at e - 2 took out; to
    //            who reclaims at e + 6, the uses of pins up to e + 2
    //        A pin's first loads of its word and of the epoch are guesses, as is the mover's: its
    //        compare-exchange fails if it was stale. Where a pin corrects its guess it has E1 from
    //        taking the slot: no move has passed it since. The counts answer numbers.
    //
    // An object with stamp e was taken out by a pin at e, so the epoch was e or e + 2 (I2). Pins at
    // e + 2 may have found it; pins at e + 4 begin behind the move to it, which found the pin at e
    // ended (E2, E3), and do not. The move to e + 6 finds all pins at e + 2 ended.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let table: EpochTable

    /// A domain whose pins are at most `slotCount` at a time, rounded up to a power of two.
    ///
    /// - Parameters:
    ///   - slotCount: at least one; as many as threads may be pinned, times the pins of each.
    ///   - heldPerSlotMax: how many retired objects each slot may keep, at least one.
    public init(slotCount: Int = 32, heldPerSlotMax: Int = 512) {
        self.init(slotCount: slotCount, heldPerSlotMax: heldPerSlotMax, firstEpoch: 0)
    }

    /// A domain in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(slotCount:)` bytes, and outlives the domain.
    ///
    /// - Parameters:
    ///   - storage: the memory; what was there is overwritten.
    ///   - slotCount: as above.
    ///   - heldPerSlotMax: as above.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, slotCount: Int, heldPerSlotMax: Int = 512
    ) {
        let byteCount = Self.storageByteCount(slotCount: slotCount)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(
            block: block, slotCount: slotCount, heldPerSlotMax: heldPerSlotMax, firstEpoch: 0)
    }

    /// A domain whose first epoch is of the test's choice; it is even.
    package init(slotCount: Int, heldPerSlotMax: Int, firstEpoch: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(slotCount: slotCount))
        self.init(
            block: block, slotCount: slotCount, heldPerSlotMax: heldPerSlotMax,
            firstEpoch: firstEpoch)
    }

    private init(
        block: consuming SharedBlock, slotCount: Int, heldPerSlotMax: Int, firstEpoch: UInt64
    ) {
        precondition(heldPerSlotMax >= 1, "a slot must keep what it cannot reclaim at once")
        precondition(heldPerSlotMax <= 1 << 30, "so many objects are not worth keeping")
        let rounded = ReclamationSlots.roundedCount(slotCount)
        // SAFETY: the table lies in the block, which this domain keeps; nobody uses it yet.
        table = unsafe EpochTable(
            base: block.base, slotCount: rounded, heldPerSlotMax: heldPerSlotMax)
        self.block = block
        table.initialize(firstEpoch: firstEpoch & ~1)
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the domain.
        for index in 0..<table.slotCount {
            _ = table.chain(at: index).reclaimAll()
        }
    }

    // MARK: - Facts

    /// How many pins there may be at a time.
    @inlinable
    public var slotCount: Int { table.slotCount }

    /// How many objects each slot may keep.
    @inlinable
    public var heldPerSlotMax: Int { table.heldPerSlotMax }

    /// How many retired objects are not yet reclaimed: exact when nobody is inside.
    public var heldCount: Int { table.heldCount }

    /// How many bytes `init(storage:slotCount:)` needs.
    public static func storageByteCount(slotCount: Int) -> Int {
        (ReclamationSlots.roundedCount(slotCount) + 1) * CacheLine.byteCount
    }

    // MARK: - Operations

    /// Runs `body` inside a pin: what it finds in structures of this domain stays until it returns.
    @inlinable
    @inline(__always)
    public func withPin<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing EpochPin) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let pin = unsafe makePin()  // SAFETY: it ends before this call does.
        return try body(pin)
    }

    /// A pin, for code that cannot live in a closure. It must end before the domain does.
    @inlinable
    @inline(__always)
    @unsafe
    public func makePin() -> EpochPin {
        var backoff = Backoff()
        var index = ReclamationSlots.hint
        while true {  // Ends when one of `slotCount` pins ends, if all slots are taken.
            for _ in 0..<table.slotCount {
                if let pin = tryPin(at: index) { return pin }
                index &+= 1
            }
            backoff.snooze()
        }
    }

    /// Moves the epoch as far as pins allow and reclaims what is old enough, but for what belongs
    /// to slots that are pinned. Returns how many objects that were. For the end of a phase, or
    /// for slots that nobody pins any more; `retire` does it for its own slot.
    @discardableResult
    public func collect() -> Int {
        for _ in 0..<EpochTable.movesToReclaim { table.tryMove() }
        var count = 0
        for index in 0..<table.slotCount where table.mayHaveSome(at: index) {
            guard let pin = tryPin(at: index) else { continue }
            let free = table.takeOld(at: pin.index)
            _ = consume pin
            count += free.reclaimAll()
        }
        return count
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside, and while
        /// there are just `pinCount` pins.
        public func checkInvariants(pinCount: Int = 0) {
            table.checkInvariants(pinCount: pinCount)
        }
    #endif

    @inlinable
    @inline(__always)
    func tryPin(at index: Int) -> EpochPin? {
        guard let epoch = table.tryTake(index) else { return nil }
        return EpochPin(table: table, index: index, epoch: epoch)
    }
}

/// A moment that a thread holds on to. It must not outlive its domain, nor leave its thread.
@frozen
@safe
public struct EpochPin: ~Copyable {
    @usableFromInline
    let table: EpochTable

    /// The pin's slot.
    @usableFromInline
    let index: Int

    @usableFromInline
    let epoch: UInt64

    @inlinable
    @inline(__always)
    init(table: EpochTable, index: Int, epoch: UInt64) {
        self.table = table
        self.index = index
        self.epoch = epoch
    }

    deinit {
        // SAFETY: the domain outlives its pins.
        unsafe table.word(at: index).pointee.store(0, ordering: .releasing)  // E2
    }

    /// Whether one more object can be retired inside this pin; reclaims what is old enough if that
    /// is needed. Ask before an object is taken out, if nothing else could be done with it.
    @inlinable
    public func makeRoom() -> Bool {
        if table.count(at: index) < table.heldPerSlotMax { return true }
        _ = table.moveAndTakeOld(at: index).reclaimAll()
        return table.count(at: index) < table.heldPerSlotMax
    }

    /// Hands over an object that was taken out of its structure, to be reclaimed when no pin is
    /// left that may have found it. Returns false, and leaves it with the caller, if the slot keeps
    /// as many as it may: a pin has stalled. To try again, end this pin first.
    @unsafe
    public func retire(_ node: UnsafeMutablePointer<RetiredNode>) -> Bool {
        guard makeRoom() else { return false }
        unsafe table.add(node, at: index, stamp: epoch)  // SAFETY: the caller hands it over.
        if table.isMoveDue(at: index) {
            _ = table.moveAndTakeOld(at: index).reclaimAll()
        }
        return true
    }
}
