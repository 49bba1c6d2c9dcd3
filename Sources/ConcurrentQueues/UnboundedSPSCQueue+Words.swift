// SPDX-License-Identifier: MIT

public import AtomicSupport

// Where the words of an `UnboundedSPSCQueue` lie, and how a ticket finds its slot.

extension UnboundedSPSCQueue where Element: ~Copyable {
    /// Takes the element of a ticket out. Where a segment ends, it goes on to the next.
    @inlinable
    @inline(__always)
    @unsafe
    func takeOut(_ ticket: UInt64) -> sending Element {
        if unsafe ticket == firstEnd.load() {  // SAFETY: the consumer's.
            unsafe first.store(first.load().next.load())  // SAFETY: linked before E1.
            unsafe firstEnd.store(ticket &+ segmentStep)  // SAFETY: the consumer's.
        }
        // SAFETY: the slot is full and the consumer's until E2 (I2).
        return unsafe first.load().cell(at: index(of: ticket)).move()
    }

    @inlinable
    @inline(__always)
    func index(of ticket: UInt64) -> Int { Int(truncatingIfNeeded: ticket &>> 1 & mask) }

    /// How far the tickets of a segment reach.
    @inlinable
    @inline(__always)
    var segmentStep: UInt64 { (mask &+ 1) &<< 1 }

    @inlinable
    @inline(__always)
    @unsafe
    func word(_ index: Int, of line: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        unsafe line + 8 &* index  // SAFETY: as laid out above.
    }

    @inlinable
    @inline(__always)
    var tail: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe producer.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: as laid out above.
    }

    @inlinable
    @inline(__always)
    var last: SharedCell<QueueSegment<Element>> {
        // SAFETY: as above.
        unsafe SharedCell(word(1, of: producer).assumingMemoryBound(to: QueueSegment<Element>.self))
    }

    @inlinable
    @inline(__always)
    var lastEnd: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell(word(2, of: producer).assumingMemoryBound(to: UInt64.self))
    }

    @inlinable
    @inline(__always)
    var oldest: SharedCell<QueueSegment<Element>> {
        // SAFETY: as above.
        unsafe SharedCell(word(3, of: producer).assumingMemoryBound(to: QueueSegment<Element>.self))
    }

    @inlinable
    @inline(__always)
    var oldestEnd: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell(word(4, of: producer).assumingMemoryBound(to: UInt64.self))
    }

    @inlinable
    @inline(__always)
    var knownHead: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell(word(5, of: producer).assumingMemoryBound(to: UInt64.self))
    }

    @inlinable
    @inline(__always)
    var segmentCount: SharedCell<Int> {
        // SAFETY: as above.
        unsafe SharedCell(word(6, of: producer).assumingMemoryBound(to: Int.self))
    }

    @inlinable
    @inline(__always)
    var abandoned: UnsafeMutablePointer<Atomic<Bool>> {
        // SAFETY: as above.
        unsafe word(7, of: producer).assumingMemoryBound(to: Atomic<Bool>.self)
    }

    @inlinable
    @inline(__always)
    var head: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe consumer.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: as above.
    }

    @inlinable
    @inline(__always)
    var first: SharedCell<QueueSegment<Element>> {
        // SAFETY: as above.
        unsafe SharedCell(word(1, of: consumer).assumingMemoryBound(to: QueueSegment<Element>.self))
    }

    @inlinable
    @inline(__always)
    var firstEnd: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell(word(2, of: consumer).assumingMemoryBound(to: UInt64.self))
    }

    @inlinable
    @inline(__always)
    var knownTail: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell(word(3, of: consumer).assumingMemoryBound(to: UInt64.self))
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside.
        public func checkInvariants() {
            let end = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: ours.
            let start = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
            let known = unsafe (knownHead.load(), knownTail.load())  // SAFETY: nobody is inside.
            precondition(start & 1 == 0, "I1: the head carries no flag")
            precondition(start &- known.0 <= end &- known.0, "I1: the head is in between")
            precondition(known.1 &- start <= end &- start, "I1: the known tail is in between")
            var segment = unsafe oldest.load()  // SAFETY: as above.
            var count = 1
            while unsafe segment.base != last.load().base {  // SAFETY: as above.
                segment = unsafe segment.next.load()  // SAFETY: linked, since it is not the last.
                count += 1
            }
            precondition(count == allocatedSegmentCount, "a segment is lost")
        }
    #endif
}
