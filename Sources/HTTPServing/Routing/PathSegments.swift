// SPDX-License-Identifier: MIT

/// A path taken apart at its slashes and checked, once for all routes.
///
/// A path with a dot segment (`.` or `..`, percent-encoded or not) is refused instead of
/// normalised: browsers have removed them before they send, and two programs that normalise in
/// different ways disagree about what is asked for. Decoding comes after splitting, so `%2F` stays
/// inside its segment. RFC 3986, 3.3 and 6.2.2.
///
/// Cost: one pass over the bytes; no allocation.
struct PathSegments {
    /// Why a path is refused.
    enum Fault: Error { case malformed, tooLong }

    /// The most bytes of a path: places fit into 16 bits.
    static let pathByteCountMax = 65_535
    /// How many segments are remembered: one more than a pattern can have.
    static let capacity = RoutePattern.segmentCountMax + 1

    /// Where the segments end. A segment begins one byte behind the end of the one before it.
    private var ends = InlineArray<34, UInt16>(repeating: 0)
    /// Bit i: segment i has a "%".
    private var encoded: UInt64 = 0
    /// How many segments are remembered; a path with more has `capacity`.
    private(set) var count = 0

    /// Takes a path apart, from its first "/" to its end.
    init(_ path: Span<UInt8>) throws(Fault) {
        guard !path.isEmpty, path[0] == 0x2F else { throw .malformed }
        guard path.count <= Self.pathByteCountMax else { throw .tooLong }
        var start = 1
        var isEncoded = false
        var index = 1
        while index < path.count {  // Ends: every turn goes on by one byte.
            let byte = path[index]
            // Everything with a meaning lies below "0": one comparison for the bytes without.
            if byte > 0x2F, byte != 0x7F {
                index &+= 1
                continue
            }
            if byte == 0x2F {
                try close(path, start..<index, isEncoded: isEncoded)
                start = index &+ 1
                isEncoded = false
            } else if byte == 0x25 {
                guard let decoded = PercentCoding.byte(in: path, at: index), decoded != 0 else {
                    throw .malformed
                }
                isEncoded = true
            } else if byte <= 0x20 || byte == 0x7F {
                throw .malformed
            }
            index &+= 1
        }
        try close(path, start..<path.count, isEncoded: isEncoded)
    }

    @inline(__always)
    private mutating func close(
        _ path: Span<UInt8>, _ range: Range<Int>, isEncoded: Bool
    ) throws(Fault) {
        if !range.isEmpty, range.count <= 6 {
            let first = path[range.lowerBound]
            if first == 0x2E || first == 0x25, Self.isDots(path, range) { throw .malformed }
        }
        guard count < Self.capacity else { return }
        ends[count] = UInt16(truncatingIfNeeded: range.upperBound)
        if isEncoded { encoded |= 1 &<< UInt64(count) }
        count &+= 1
    }

    /// Whether a segment is "." or "..", in any spelling.
    private static func isDots(_ path: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        var dotCount = 0
        while index < range.upperBound {  // Ends: every turn goes on by one byte or three.
            guard PercentCoding.next(in: path, at: &index) == 0x2E else { return false }
            dotCount &+= 1
        }
        return dotCount <= 2
    }

    /// Where a remembered segment lies.
    @inline(__always)
    func range(_ index: Int) -> Range<Int> {
        let end = Int(ends[index])
        let start = index == 0 ? 1 : min(Int(ends[index &- 1]) &+ 1, end)
        return start..<end
    }

    /// Whether a segment has a "%".
    @inline(__always)
    func isEncoded(_ index: Int) -> Bool { encoded &>> UInt64(index) & 1 != 0 }

    /// Adds a slash at the end, or takes the one away that is there; false if that makes no path.
    mutating func toggleSlash(_ path: Span<UInt8>) -> SlashChange? {
        if path[path.count &- 1] == 0x2F {
            // A path with more segments than are remembered has kept none of its last.
            guard count > 1, Int(ends[count &- 1]) == path.count else { return nil }
            count &-= 1
            return .remove
        }
        guard count < Self.capacity else { return nil }
        ends[count] = UInt16(truncatingIfNeeded: path.count)
        count &+= 1
        return .add
    }
}
