// SPDX-License-Identifier: MIT

extension Bytes {
    /// The bytes of a literal.
    @inline(__always)
    init(literal: StaticString) {
        // SAFETY: a literal is never freed, and every literal here has a pointer.
        unsafe base = UnsafeRawPointer(literal.utf8Start)
        count = literal.utf8CodeUnitCount
    }

    /// Whether a literal in lower case lies there, if the letters are folded with one OR: right for
    /// tokens only, whose other bytes do not become letters or "-". All its bytes must be in
    /// bounds.
    ///
    /// Eight bytes at a time, the last eight overlapping; the optimiser turns the literal into
    /// numbers.
    @inline(__always)
    func isFolded(_ literal: StaticString, at start: Int) -> Bool {
        let other = Bytes(literal: literal)
        let size = other.count
        if size >= 8 {
            var index = 0
            while index &+ 8 < size {
                if word(at: start &+ index) | Self.foldMask != other.word(at: index) {
                    return false
                }
                index &+= 8
            }
            let last = size &- 8
            return word(at: start &+ last) | Self.foldMask == other.word(at: last)
        }
        if size >= 4 {
            let fold = UInt32(truncatingIfNeeded: Self.foldMask)
            let last = size &- 4
            return quad(at: start) | fold == other.quad(at: 0)
                && quad(at: start &+ last) | fold == other.quad(at: last)
        }
        let fold = UInt16(truncatingIfNeeded: Self.foldMask)
        let last = size &- 2
        return pair(at: start) | fold == other.pair(at: 0)
            && pair(at: start &+ last) | fold == other.pair(at: last)
    }

    private static var foldMask: UInt64 { 0x2020_2020_2020_2020 }

    /// Whether the bytes of a range are those of a literal in lower case, letters of either case
    /// being equal. Any bytes, any length.
    func isEqual(_ range: ByteRange, toLowercase literal: StaticString) -> Bool {
        let other = Bytes(literal: literal)
        if range.count != other.count { return false }
        for index in 0..<other.count {
            let byte = self[range.lowerBound &+ index]
            if Ascii.lowercased(byte) != Ascii.lowercased(other[index]) { return false }
        }
        return true
    }

    /// Whether the bytes of a range are exactly those of a literal.
    @inline(__always)
    func holds(_ literal: StaticString, in range: ByteRange) -> Bool {
        let other = Bytes(literal: literal)
        if range.count != other.count { return false }
        for index in 0..<other.count where self[range.lowerBound &+ index] != other[index] {
            return false
        }
        return true
    }
}
