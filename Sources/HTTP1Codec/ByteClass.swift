// SPDX-License-Identifier: MIT

// The compiler (6.3) makes loops of the comparisons of SIMD vectors, but single instructions of
// their arithmetic. So a class is computed: for bytes below 0x80 the top bit of `v - a` says that
// v < a, that of `b - v` that v > b, and that of `(v ^ c) - 1` that v = c.

/// A set of bytes at which a scan stops, for sixteen bytes at once.
protocol ByteClass {
    /// The top bit of each byte: whether the scan stops there. The other bits mean nothing.
    static func marks(_ block: Bytes.Block) -> Bytes.Block
    /// The same for one byte.
    static func stops(at byte: UInt8) -> Bool
}

extension ByteClass {
    @inline(__always)
    static func stops(at byte: UInt8) -> Bool {
        marks(Bytes.Block(repeating: byte))[0] & 0x80 != 0
    }

    /// Marks where a byte below 0x80 is smaller than `bound`.
    @inline(__always)
    static func isBelow(_ bound: UInt8, _ block: Bytes.Block) -> Bytes.Block {
        block &- Bytes.Block(repeating: bound)
    }

    /// Marks where a byte below 0x80 is greater than `bound`.
    @inline(__always)
    static func isAbove(_ bound: UInt8, _ block: Bytes.Block) -> Bytes.Block {
        Bytes.Block(repeating: bound) &- block
    }

    /// Marks where a byte below 0x80 is `byte`.
    @inline(__always)
    static func isEqual(_ byte: UInt8, _ block: Bytes.Block) -> Bytes.Block {
        (block ^ Bytes.Block(repeating: byte)) &- Bytes.Block(repeating: 1)
    }
}

/// Stops at what is neither a letter nor "-": field names, nearly all.
enum NameBytes: ByteClass {
    @inline(__always)
    static func marks(_ block: Bytes.Block) -> Bytes.Block {
        let folded = block | Bytes.Block(repeating: 0x20)
        let isNoLetter = isBelow(0x61, folded) | isAbove(0x7A, folded)
        return (isNoLetter & ~isEqual(0x2D, block)) | block
    }
}

/// Stops at control bytes: what a field value may not hold, and HTAB.
enum ValueBytes: ByteClass {
    @inline(__always)
    static func marks(_ block: Bytes.Block) -> Bytes.Block {
        (isBelow(0x20, block) | isAbove(0x7E, block)) & ~block
    }
}

/// Stops where a path ends, at what it may not hold, and at "%" and some that it may.
enum PathBytes: ByteClass {
    @inline(__always)
    static func marks(_ block: Bytes.Block) -> Bytes.Block {
        let angles = isEqual(0x3F, block | Bytes.Block(repeating: 0x03))  // < = > ?
        let others = isEqual(0x5C, block) | isEqual(0x60, block)  // \ and `
        return isBelow(0x26, block) | angles | others | isAbove(0x7A, block) | block
    }
}

/// Stops where a query ends and at what it may not hold, and at "!".
enum QueryBytes: ByteClass {
    @inline(__always)
    static func marks(_ block: Bytes.Block) -> Bytes.Block {
        let angles = isEqual(0x3E, block | Bytes.Block(repeating: 0x02))  // < and >
        return isBelow(0x24, block) | angles | isAbove(0x7E, block) | block
    }
}

/// Stops at what is neither a letter, a digit, nor one of "-.": host names, nearly all.
enum HostBytes: ByteClass {
    @inline(__always)
    static func marks(_ block: Bytes.Block) -> Bytes.Block {
        let folded = block | Bytes.Block(repeating: 0x20)
        let isNoLetter = isBelow(0x61, folded) | isAbove(0x7A, folded)
        // The digits, and "-./" before them.
        let isNoDigit = isBelow(0x2D, block) | isAbove(0x39, block) | isEqual(0x2F, block)
        return (isNoLetter & isNoDigit) | block
    }
}
