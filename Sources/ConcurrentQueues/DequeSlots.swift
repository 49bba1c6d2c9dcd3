// SPDX-License-Identifier: MIT

public import AtomicSupport

/// An array of slots of a `WorkStealingDeque`, by address. Layout, invariants and edges are the
/// deque's.
@frozen
@usableFromInline
@safe
struct DequeSlots<Element: ~Copyable>: @unchecked Sendable {
    // Edges: see WorkStealingDeque.swift; the words of the header are written before anybody else
    // knows the array, so their loads are relaxed.

    @usableFromInline
    let base: UnsafeMutableRawPointer

    @inlinable
    @inline(__always)
    @unsafe
    init(base: UnsafeMutableRawPointer) {
        unsafe self.base = base  // SAFETY: storing an address reads no memory.
    }

    /// Makes an array of empty slots in fresh memory; `position` is the first that it takes.
    @unsafe
    init(
        in base: UnsafeMutableRawPointer, slotCount: Int, from position: UInt64,
        behind previous: UnsafeMutableRawPointer?
    ) {
        unsafe self.base = base  // SAFETY: fresh memory of the size, here and below.
        unsafe firstWord.initialize(to: Atomic(position))  // SAFETY: as above.
        // SAFETY: as above.
        unsafe maskWord.initialize(to: Atomic(UInt64(truncatingIfNeeded: slotCount &- 1)))
        unsafe previousWord.initialize(to: Atomic(previous))  // SAFETY: as above.
        for step in 0..<UInt64(truncatingIfNeeded: slotCount) {
            // SAFETY: as above.
            unsafe WordedSlot<Element>.word(of: slot(position &+ step)).initialize(
                to: Atomic(position &+ step))
        }
    }

    /// Allocates an array of twice as many slots as this one, to be used from `position` on. It
    /// keeps its memory itself, until `end`.
    @usableFromInline
    func makeLarger(from position: UInt64) -> DequeSlots<Element> {
        let slotCount = 2 &* self.slotCount
        // SAFETY: the initializer below writes what is read.
        let block = unsafe SharedBlock(
            uninitializedByteCount: DequeSlotsMemory.slotsOffset
                + slotCount * WordedSlot<Element>.stride)
        // SAFETY: fresh memory, kept by the block inside.
        let larger = unsafe DequeSlots(
            in: block.base, slotCount: slotCount, from: position, behind: base)
        unsafe larger.home.initialize(to: block)  // SAFETY: as above.
        return larger
    }

    /// Gives the memory of an array back that `makeLarger` made. Nobody else may use it, and its
    /// slots are empty.
    func end() { _ = unsafe home.move() }  // SAFETY: put there by `makeLarger`.

    /// The array that has the slot of a position: this one, or one before it.
    @inlinable
    @inline(__always)
    func holding(_ position: UInt64) -> DequeSlots<Element> {
        holds(position) ? self : earlier(holding: position)
    }

    @inlinable
    func earlier(holding position: UInt64) -> DequeSlots<Element> {
        var array = self
        // Ends: the first array holds all positions from the deque's first on.
        while !array.holds(position), let earlier = array.previous { array = earlier }
        return array
    }

    @inlinable
    @inline(__always)
    func holds(_ position: UInt64) -> Bool {
        // Signed: the array of an hour ago has its first position behind, until 2^63 have passed.
        Int64(bitPattern: position &- first) >= 0
    }

    /// The first position that has its slot here.
    @inlinable
    @inline(__always)
    var first: UInt64 {
        unsafe firstWord.pointee.load(ordering: .relaxed)  // SAFETY: in the header.
    }

    /// The array before this one, whose slots are half as many.
    @inlinable
    var previous: DequeSlots<Element>? {
        // SAFETY: in the header.
        guard let base = unsafe previousWord.pointee.load(ordering: .relaxed) else { return nil }
        return unsafe DequeSlots(base: base)  // SAFETY: an array of the same deque.
    }

    // MARK: - Slots

    @inlinable
    @inline(__always)
    var slotCount: Int { Int(truncatingIfNeeded: mask) &+ 1 }

    @inlinable
    @inline(__always)
    var mask: UInt64 {
        unsafe maskWord.pointee.load(ordering: .relaxed)  // SAFETY: in the header.
    }

    /// The slot of a position; with the mask, which is loaded once for all that is done to it.
    @inlinable
    @inline(__always)
    func slot(_ position: UInt64, mask: UInt64) -> UnsafeMutableRawPointer {
        let index = Int(truncatingIfNeeded: position & mask)
        // SAFETY: the mask keeps the index below the number of slots.
        return unsafe base + (DequeSlotsMemory.slotsOffset &+ index &* WordedSlot<Element>.stride)
    }

    @inlinable
    @inline(__always)
    func slot(_ position: UInt64) -> UnsafeMutableRawPointer {
        unsafe slot(position, mask: mask)  // SAFETY: as above.
    }

    // MARK: - The header

    @inlinable
    @inline(__always)
    var firstWord: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: a part of the header.
    }

    @inlinable
    @inline(__always)
    var maskWord: UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: as above.
        unsafe (base + 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable
    var previousWord: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>> {
        // SAFETY: as above.
        unsafe (base + 16).assumingMemoryBound(to: Atomic<UnsafeMutableRawPointer?>.self)
    }

    /// The memory of the array, unless it is a part of the deque's.
    private var home: UnsafeMutablePointer<SharedBlock> {
        // SAFETY: as above.
        unsafe (base + 24).assumingMemoryBound(to: SharedBlock.self)
    }
}

/// The memory of an array of slots, whatever its elements.
@frozen
@usableFromInline
enum DequeSlotsMemory {
    /// Behind the header.
    @inlinable
    static var slotsOffset: Int { CacheLine.byteCount }

    /// Where the deque keeps the address of the newest array, in the header of the first.
    @inlinable
    static var newestOffset: Int { CacheLine.byteCount &- 8 }
}
