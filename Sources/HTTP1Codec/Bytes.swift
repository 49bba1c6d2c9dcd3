// SPDX-License-Identifier: MIT

/// The bytes that a parser looks at: borrowed for one call. Indices are offsets from the message's
/// first byte. Bounds are asserted, not checked: each caller compares with `count` first.
@safe
struct Bytes {
    /// Sixteen bytes that are looked at together.
    typealias Block = SIMD16<UInt8>

    let base: UnsafeRawPointer
    let count: Int

    /// Nil if there are no bytes.
    @inline(__always)
    init?(_ buffer: UnsafeRawBufferPointer) {
        // SAFETY: lent by the caller for the call in which this value lives.
        guard buffer.count > 0, let base = buffer.baseAddress else { return nil }
        // SAFETY: as above.
        unsafe self.base = base
        count = buffer.count
    }

    /// The bytes from an index, below `count`, on.
    @inline(__always)
    func suffix(from start: Int) -> Bytes {
        assert(start < count)
        return unsafe Bytes(base: base + start, count: count &- start)  // SAFETY: in bounds.
    }

    @inline(__always)
    private init(base: UnsafeRawPointer, count: Int) {
        unsafe self.base = base  // SAFETY: a part of bytes that are lent.
        self.count = count
    }

    @inline(__always)
    subscript(index: Int) -> UInt8 {
        assert(index >= 0)
        assert(index < count)
        // SAFETY: in bounds, as the caller has compared.
        return unsafe base.load(fromByteOffset: index, as: UInt8.self)
    }

    /// Two bytes, the first in the low half.
    @inline(__always)
    func pair(at index: Int) -> UInt16 { load(at: index) }

    /// Four bytes, the first in the lowest.
    @inline(__always)
    func quad(at index: Int) -> UInt32 { load(at: index) }

    /// Eight bytes, the first in the lowest.
    @inline(__always)
    func word(at index: Int) -> UInt64 { load(at: index) }

    /// Sixteen bytes.
    @inline(__always)
    func block(at index: Int) -> Block {
        assert(index >= 0)
        assert(index &+ 16 <= count)
        // SAFETY: in bounds, as the caller has compared.
        return unsafe base.loadUnaligned(fromByteOffset: index, as: Block.self)
    }

    @inline(__always)
    private func load<Word: FixedWidthInteger & BitwiseCopyable>(at index: Int) -> Word {
        assert(index >= 0)
        assert(index &+ MemoryLayout<Word>.size <= count)
        // SAFETY: in bounds, as the caller has compared.
        let word = unsafe base.loadUnaligned(fromByteOffset: index, as: Word.self)
        return Word(littleEndian: word)
    }

    /// The first index, from `start`, of a byte at which the class stops; `count` if there is none.
    ///
    /// Cost: about 1.3 instructions a byte. The last fifteen bytes are looked at in a block that
    /// ends with them, so nothing behind the end is read.
    @inline(__always)
    func firstStop<Class: ByteClass>(_: Class.Type, from start: Int) -> Int {
        var index = start
        while index &+ 16 <= count {
            let stop = Self.firstMark(Class.marks(block(at: index)))
            if stop < 16 { return index &+ stop }
            index &+= 16
        }
        if index >= count { return count }
        return firstStopNearEnd(Class.self, from: index)
    }

    /// The first index, from `start` on, of a byte that is not of a token.
    @inline(__always)
    func tokenStop(from start: Int) -> Int {
        var index = firstStop(NameBytes.self, from: start)
        while index < count, self[index] != Ascii.colon, Ascii.isToken(self[index]) { index &+= 1 }
        return index
    }

    /// The first index, from `start` on, of a control byte that is not a tab: where a field's value
    /// or a reason ends.
    @inline(__always)
    func valueStop(from start: Int) -> Int {
        var index = start
        while true {  // Ends: each turn but the last goes on behind a tab.
            index = firstStop(ValueBytes.self, from: index)
            if index >= count || self[index] != Ascii.tab { return index }
            index &+= 1
        }
    }

    /// The end of what is left without the blanks at its end.
    @inline(__always)
    func trimmedEnd(_ start: Int, _ end: Int) -> Int {
        var end = end
        while end > start, Ascii.isBlank(self[end &- 1]) { end &-= 1 }
        return end
    }

    @inline(__always)
    private func firstStopNearEnd<Class: ByteClass>(_: Class.Type, from start: Int) -> Int {
        if count >= 16 {
            let first = count &- 16
            let halves = Self.halves(Class.marks(block(at: first)))
            let known = start &- first
            let low = known < 8 ? halves.low & (.max &<< UInt64(known &* 8)) : 0
            let high = known < 8 ? halves.high : halves.high & (.max &<< UInt64((known &- 8) &* 8))
            if low != 0 { return first &+ (low.trailingZeroBitCount &>> 3) }
            if high != 0 { return first &+ 8 &+ (high.trailingZeroBitCount &>> 3) }
            return count
        }
        var index = start
        while index < count {
            if Class.stops(at: self[index]) { return index }
            index &+= 1
        }
        return count
    }

    /// The number of the first byte whose top bit is set; 16 if there is none.
    @inline(__always)
    private static func firstMark(_ marks: Block) -> Int {
        let (low, high) = halves(marks)
        if low | high == 0 { return 16 }
        if low != 0 { return low.trailingZeroBitCount &>> 3 }
        return 8 &+ (high.trailingZeroBitCount &>> 3)
    }

    /// The top bits of the first eight bytes and of the others.
    @inline(__always)
    private static func halves(_ marks: Block) -> (low: UInt64, high: UInt64) {
        let topBits = marks & Block(repeating: 0x80)
        // SAFETY: both are sixteen bytes of plain integers.
        let words = unsafe unsafeBitCast(topBits, to: SIMD2<UInt64>.self)
        return (UInt64(littleEndian: words.x), UInt64(littleEndian: words.y))
    }
}
