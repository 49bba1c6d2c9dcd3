// SPDX-License-Identifier: MIT

public import AtomicSupport

/// One slot of a ring whose slots say themselves whether they are full: an atomic word, and behind
/// it the element, at an offset that suits its alignment. The ring says what the word means.
@usableFromInline
enum WordedSlot<Element: ~Copyable> {
    /// How far from one slot to the next.
    @inlinable
    static var stride: Int {
        let end = elementOffset &+ MemoryLayout<Element>.size
        return (end &+ elementOffset &- 1) & ~(elementOffset &- 1)
    }

    @inlinable
    static var elementOffset: Int { max(8, MemoryLayout<Element>.alignment) }

    @inlinable
    @inline(__always)
    @unsafe
    static func word(of slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe slot.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: first word of a slot.
    }

    @inlinable
    @inline(__always)
    @unsafe
    static func cell(of slot: UnsafeMutableRawPointer) -> SharedCell<Element> {
        // SAFETY: the element lies behind the word, at an offset that suits its alignment.
        unsafe SharedCell((slot + elementOffset).assumingMemoryBound(to: Element.self))
    }
}

/// How many slots a ring has.
enum RingCapacity {
    /// Rounded up to a power of two, which divides 2^64, so that positions may wrap.
    static func rounded(_ capacity: Int, least: Int = 1, most: Int = 1 << 40) -> Int {
        precondition(capacity >= least, "a ring has more slots than that")
        precondition(capacity <= most, "a ring of so many slots cannot be allocated")
        return 1 << (Int.bitWidth - (capacity - 1).leadingZeroBitCount)
    }
}

extension BlockLayout {
    /// Adds the elements of a ring, side by side, on lines of their own.
    mutating func appendElements<Element: ~Copyable>(_ type: Element.Type, count: Int) -> Int {
        precondition(
            MemoryLayout<Element>.alignment <= CacheLine.byteCount, "the element is over-aligned")
        return appendPadded(Element.self, count: count)
    }

    /// Adds slots of a word and an element each, side by side, on lines of their own.
    mutating func appendSlots<Element: ~Copyable>(of type: Element.Type, count: Int) -> Int {
        precondition(
            MemoryLayout<Element>.alignment <= CacheLine.byteCount, "the element is over-aligned")
        return appendPadded(UInt8.self, count: count * WordedSlot<Element>.stride)
    }
}
