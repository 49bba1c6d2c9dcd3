// SPDX-License-Identifier: MIT

/// A short segment without its percent-encoding, in fixed storage: long enough for every typed
/// parameter.
struct DecodedSegment {
    /// The longest text of a typed parameter, a UUID.
    static let byteCountMax = 36

    private var storage = InlineArray<36, UInt8>(repeating: 0)
    private var count = 0

    /// Decodes a range of the path; nil if it is longer than any typed parameter.
    init?(_ path: Span<UInt8>, _ range: Range<Int>) {
        guard range.count <= 3 * Self.byteCountMax else { return nil }
        let part = path.extracting(range)
        var index = 0
        while index < part.count {  // Ends: every turn goes on by one byte or three.
            guard count < Self.byteCountMax else { return nil }
            storage[count] = PercentCoding.next(in: part, at: &index)
            count &+= 1
        }
    }

    /// What `parse` makes of the bytes.
    func parsed<Value>(_ parse: (Span<UInt8>) -> Value?) -> Value? {
        parse(storage.span.extracting(first: count))
    }
}
