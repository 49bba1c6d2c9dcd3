// SPDX-License-Identifier: MIT

/// The pieces that a request asks for, in fixed storage.
public struct ContentRanges: Sendable {
    /// The most pieces; a request for more gets the whole.
    public static let countMax = 16

    private var storage = InlineArray<16, ContentRange>(
        repeating: ContentRange(offset: 0, byteCount: 0))

    /// How many there are: at least one.
    public private(set) var count = 0

    /// One of them.
    public subscript(index: Int) -> ContentRange {
        precondition(index >= 0 && index < count, "there is no such range")
        return storage[index]
    }

    mutating func append(_ range: ContentRange) {
        assert(count < Self.countMax, "the caller has counted")
        storage[count] = range
        count += 1
    }

    /// Joins pieces that overlap. If none does, the order of the request stays; otherwise they are
    /// ascending. Those that only lie near each other stay apart: clients exist that ask for two
    /// parts and expect two.
    mutating func coalesce() {
        var sorted = self
        sorted.sort()
        var joined = ContentRanges()
        for index in 0..<sorted.count {
            let range = sorted[index]
            let last = joined.count - 1
            let lastEnd = last >= 0 ? joined.storage[last].end : 0
            if last >= 0, range.offset < lastEnd {
                let end = max(range.end, lastEnd)
                joined.storage[last].byteCount = end - joined.storage[last].offset
            } else {
                joined.append(range)
            }
        }
        if joined.count < count { self = joined }
    }

    private mutating func sort() {
        for index in 1..<max(count, 1) {  // Insertion: at most 16 of them.
            let range = storage[index]
            var place = index
            while place > 0, storage[place - 1].offset > range.offset {
                storage[place] = storage[place - 1]
                place -= 1
            }
            storage[place] = range
        }
    }
}
