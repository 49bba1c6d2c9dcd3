// SPDX-License-Identifier: MIT

/// The tags of an `If-Match` or `If-None-Match` field, compared while they are read. RFC 9110,
/// 8.8.3.2 and 13.1.
enum EntityTagList {
    /// How two tags are compared.
    enum Comparison {
        /// Both are strong and equal: for `If-Match` and `If-Range`.
        case strong
        /// Equal but for `W/`: for `If-None-Match`.
        case weak
    }

    /// What a field says.
    enum Result: Equatable {
        /// The field is "*".
        case any
        /// One of its tags is ours.
        case matched
        /// None is.
        case unmatched
        /// It is no list of tags, and what can be read of it does not have ours.
        case malformed
    }

    /// Compares the tags of a field with ours; without one, nothing matches.
    static func compare(
        _ bytes: Span<UInt8>, with tag: EntityTag?, _ comparison: Comparison
    ) -> Result {
        let whole = HeaderBytes.trimmed(bytes, 0..<bytes.count)
        if whole.count == 1, bytes[whole.lowerBound] == 0x2A { return .any }
        var position = 0
        var tagCount = 0
        while true {  // Ends: every turn goes on by one byte or more, or returns.
            while position < bytes.count,
                HeaderBytes.isBlank(bytes[position]) || bytes[position] == 0x2C
            {
                position &+= 1
            }
            if position == bytes.count { return tagCount > 0 ? .unmatched : .malformed }
            guard let (range, isWeak) = next(bytes, &position) else { return .malformed }
            tagCount &+= 1
            guard let tag, tag.isOpaque(bytes, range) else { continue }
            if comparison == .weak || !isWeak && !tag.isWeak { return .matched }
        }
    }

    /// One tag and what must follow it.
    private static func next(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) -> (Range<Int>, isWeak: Bool)? {
        var isWeak = false
        if bytes[position] == 0x57 {
            guard position &+ 1 < bytes.count, bytes[position &+ 1] == 0x2F else { return nil }
            isWeak = true
            position &+= 2
        }
        guard position < bytes.count, bytes[position] == 0x22 else { return nil }
        position &+= 1
        let start = position
        while position < bytes.count, EntityTag.isTagByte(bytes[position]) { position &+= 1 }
        guard position < bytes.count, bytes[position] == 0x22 else { return nil }
        let range = start..<position
        position &+= 1
        var index = position
        while index < bytes.count, HeaderBytes.isBlank(bytes[index]) { index &+= 1 }
        guard index == bytes.count || bytes[index] == 0x2C else { return nil }
        return (range, isWeak)
    }
}
