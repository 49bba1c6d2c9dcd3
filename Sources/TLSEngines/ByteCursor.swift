// SPDX-License-Identifier: MIT

/// Where a reader of length-prefixed bytes stands: an index and an end within bytes that are passed
/// along. Nothing is read beyond the end; what is not there is nil.
struct ByteCursor: Sendable, BitwiseCopyable {
    private(set) var index: Int
    let end: Int

    init(_ range: Range<Int>) {
        index = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { index == end }
    var count: Int { end - index }

    /// A big-endian number of one to four bytes.
    mutating func number(_ byteCount: Int, in bytes: borrowing Span<UInt8>) -> Int? {
        assert(byteCount >= 1)
        assert(byteCount <= 4)
        guard byteCount <= count else { return nil }
        var result = 0
        for _ in 0..<byteCount {
            result = result << 8 | Int(bytes[index])
            index += 1
        }
        return result
    }

    /// The next bytes, as a range.
    mutating func skip(_ byteCount: Int) -> Range<Int>? {
        assert(byteCount >= 0)
        guard byteCount <= count else { return nil }
        index += byteCount
        return index - byteCount..<index
    }

    /// The bytes behind a length of so many bytes.
    mutating func vector(_ lengthByteCount: Int, in bytes: borrowing Span<UInt8>) -> Range<Int>? {
        guard let byteCount = number(lengthByteCount, in: bytes) else { return nil }
        return skip(byteCount)
    }
}
