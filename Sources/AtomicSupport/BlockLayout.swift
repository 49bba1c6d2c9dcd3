// SPDX-License-Identifier: MIT

/// Lays the parts of a primitive out in one block: each `append` answers the offset of a part.
///
/// Swift has no over-aligned types (`@_alignment` stops at 16), so a word that must own its cache
/// line gets it by offset. Primitives keep the offsets in their tests.
@frozen
public struct BlockLayout: Sendable {
    /// The bytes that the parts so far need.
    public private(set) var byteCount: Int

    /// A layout without parts.
    public init() {
        byteCount = 0
    }

    /// Adds `count` values of a type side by side, behind what is there.
    public mutating func append<Value: ~Copyable>(_ type: Value.Type, count: Int = 1) -> Int {
        append(
            byteCount: MemoryLayout<Value>.stride * count, alignment: MemoryLayout<Value>.alignment)
    }

    /// Adds values that start on a cache line of their own and share it with nothing that comes
    /// behind them.
    public mutating func appendPadded<Value: ~Copyable>(
        _ type: Value.Type, count: Int = 1
    ) -> Int {
        let byteCount = MemoryLayout<Value>.stride * count
        let wholeLines = Self.round(byteCount, to: CacheLine.byteCount)
        return append(byteCount: wholeLines, alignment: CacheLine.byteCount)
    }

    private mutating func append(byteCount added: Int, alignment: Int) -> Int {
        precondition(added >= 0, "a part has a negative size")
        let offset = Self.round(byteCount, to: alignment)
        byteCount = offset + added
        return offset
    }

    private static func round(_ value: Int, to multiple: Int) -> Int {
        (value + multiple - 1) / multiple * multiple
    }
}
