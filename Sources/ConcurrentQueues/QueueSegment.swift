// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A row of slots for elements, in a block of its own, and a link to the next one.
@frozen
@usableFromInline
@safe
struct QueueSegment<Element: ~Copyable> {
    // Layout: the block itself, so that the address alone is enough to give it back; next; elements
    @usableFromInline
    let base: UnsafeMutableRawPointer

    @inlinable
    @unsafe
    init(base: UnsafeMutableRawPointer) {
        unsafe self.base = base  // SAFETY: storing an address reads no memory.
    }

    /// A segment without elements, whose link is not set. Whoever has it gives it back.
    static func allocate(capacity: Int) -> QueueSegment {
        var layout = BlockLayout()
        let header = layout.append(UInt64.self, count: 5)
        assert(header == 0)
        assert(MemoryLayout<SharedBlock>.size <= nextOffset)
        let elements = layout.appendElements(Element.self, count: capacity)
        assert(elements == elementsOffset)
        let block = SharedBlock(byteCount: layout.byteCount)
        let base = unsafe block.base  // SAFETY: kept in the block itself.
        // SAFETY: the block's own memory, of which nobody knows yet; it is moved out at the end.
        unsafe base.assumingMemoryBound(to: SharedBlock.self).initialize(to: block)
        return unsafe QueueSegment(base: base)  // SAFETY: as above.
    }

    /// Gives the memory back. No element may be in it.
    @unsafe
    func deallocate() {
        // SAFETY: put there by `allocate`; the caller says that nobody uses the segment any more.
        _ = unsafe base.assumingMemoryBound(to: SharedBlock.self).move()
    }

    /// The segment behind this one.
    @inlinable
    @inline(__always)
    @unsafe
    var next: SharedCell<QueueSegment> {
        // SAFETY: as laid out above.
        unsafe SharedCell((base + Self.nextOffset).assumingMemoryBound(to: QueueSegment.self))
    }

    /// The slot of a position in a segment.
    @inlinable
    @inline(__always)
    @unsafe
    func cell(at index: Int) -> SharedCell<Element> {
        // SAFETY: the caller keeps the index below the capacity.
        unsafe SharedCell(
            (base + Self.elementsOffset).assumingMemoryBound(to: Element.self) + index)
    }

    @inlinable
    static var nextOffset: Int { 32 }

    @inlinable
    static var elementsOffset: Int { CacheLine.byteCount }
}
