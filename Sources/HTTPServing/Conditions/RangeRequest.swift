// SPDX-License-Identifier: MIT

/// What a `Range` field asks for. RFC 9110, 14.2.
public enum RangeRequest: Sendable {
    /// The whole, 200: the field is malformed, has another unit, or asks for more than
    /// `ContentRanges.countMax` pieces.
    case whole
    /// 206 with one piece, or with several as `multipart/byteranges`.
    case ranges(ContentRanges)
    /// 416: no piece begins before the end.
    case unsatisfiable

    /// Reads a field for a representation of so many bytes. For GET only, and only if `If-Range`
    /// holds.
    ///
    /// Pieces that overlap are joined, so an answer never has more of the
    /// representation than its own length and no piece of it twice (14.2 on abusive requests).
    public static func parse(_ bytes: Span<UInt8>, completeByteCount: UInt64) -> RangeRequest {
        var start = 0
        while start < bytes.count, bytes[start] != 0x3D { start &+= 1 }
        guard start < bytes.count, HeaderBytes.matches(bytes, 0..<start, "bytes") else {
            return .whole
        }
        var position = start &+ 1
        var ranges = ContentRanges()
        var specCount = 0
        // Ends: every turn goes on by one byte or more.
        while let item = HeaderBytes.nextItem(bytes, at: &position, separator: 0x2C) {
            if item.isEmpty { continue }
            specCount += 1
            guard specCount <= ContentRanges.countMax else { return .whole }
            switch spec(bytes, item, completeByteCount) {
            case .malformed: return .whole
            case .outside: continue
            case .range(let range): ranges.append(range)
            }
        }
        if specCount == 0 { return .whole }
        // A suffix of an empty representation is all of it.
        if completeByteCount == 0, ranges.count > 0 { return .whole }
        if ranges.count == 0 { return .unsatisfiable }
        ranges.coalesce()
        return .ranges(ranges)
    }

    private enum Spec { case malformed, outside, range(ContentRange) }

    /// "0-99", "100-" or "-100".
    private static func spec(
        _ bytes: Span<UInt8>, _ item: Range<Int>, _ complete: UInt64
    ) -> Spec {
        var hyphen = item.lowerBound
        while hyphen < item.upperBound, bytes[hyphen] != 0x2D { hyphen &+= 1 }
        guard hyphen < item.upperBound else { return .malformed }
        let before = item.lowerBound..<hyphen
        let after = (hyphen &+ 1)..<item.upperBound
        if before.isEmpty {
            guard let suffix = number(bytes, after) else { return .malformed }
            if suffix == 0 { return .outside }
            let count = min(suffix, complete)
            return .range(ContentRange(offset: complete - count, byteCount: count))
        }
        guard let first = number(bytes, before) else { return .malformed }
        var last = UInt64.max
        if !after.isEmpty {
            guard let given = number(bytes, after), given >= first else { return .malformed }
            last = given
        }
        if first >= complete { return .outside }
        return .range(
            ContentRange(offset: first, byteCount: min(last, complete - 1) - first + 1))
    }

    /// Digits as a number; one too large for 64 bits is the largest.
    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isPastEnd) = product.addingReportingOverflow(UInt64(digit))
            value = isTooLarge || isPastEnd ? .max : sum
        }
        return value
    }
}
