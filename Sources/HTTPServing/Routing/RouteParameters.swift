// SPDX-License-Identifier: MIT

/// Where the parameters of a matched pattern lie in the path, in the pattern's order, the wildcard
/// last.
///
/// It holds places, not bytes: each accessor takes the same path that was looked up. Segments are
/// decoded when they are read. No allocation except for what an accessor returns.
public struct RouteParameters: Sendable {
    /// The most parameters of one pattern.
    public static let capacity = 16

    /// Start in the high half, end in the low one.
    private var places = InlineArray<16, UInt32>(repeating: 0)

    /// How many parameters there are.
    public private(set) var count = 0

    /// No parameters: what a lookup fills.
    public init() {}

    mutating func append(_ range: Range<Int>) {
        assert(count < Self.capacity, "a pattern has at most so many parameters")
        places[count] =
            UInt32(truncatingIfNeeded: range.lowerBound) &<< 16
            | UInt32(truncatingIfNeeded: range.upperBound)
        count &+= 1
    }

    mutating func removeLast() { count &-= 1 }

    mutating func removeAll() { count = 0 }

    /// Where the bytes lie in the path, as they were sent, percent-encoded.
    public func range(at index: Int) -> Range<Int> {
        precondition(index >= 0 && index < count, "there is no such parameter")
        let place = places[index]
        return Int(place &>> 16)..<Int(place & 0xFFFF)
    }

    /// The decoded bytes.
    public func bytes(at index: Int, in path: Span<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        PercentCoding.append(path, range(at: index), plusIsSpace: false, to: &result)
        return result
    }

    /// The decoded text; bytes that are not UTF-8 become U+FFFD.
    public func string(at index: Int, in path: Span<UInt8>) -> String {
        String(decoding: bytes(at: index, in: path), as: UTF8.self)
    }

    /// Whether the decoded bytes are these.
    public func equals(at index: Int, in path: Span<UInt8>, _ bytes: Span<UInt8>) -> Bool {
        PercentCoding.equals(path, range(at: index), bytes, plusIsSpace: false)
    }

    /// The number of an `int` parameter; nil if the segment is none.
    public func integer(at index: Int, in path: Span<UInt8>) -> Int64? {
        withDecoded(at: index, in: path, ParameterKind.signed)
    }

    /// The number of a `uint` parameter; nil if the segment is none.
    public func unsigned(at index: Int, in path: Span<UInt8>) -> UInt64? {
        withDecoded(at: index, in: path, ParameterKind.unsigned)
    }

    /// The 128 bits of a `uuid` parameter, the first 64 first; nil if the segment is none.
    public func uuid(at index: Int, in path: Span<UInt8>) -> (high: UInt64, low: UInt64)? {
        withDecoded(at: index, in: path, ParameterKind.uuid).map { (high: $0.0, low: $0.1) }
    }

    private func withDecoded<Value>(
        at index: Int, in path: Span<UInt8>, _ parse: (Span<UInt8>) -> Value?
    ) -> Value? {
        let range = range(at: index)
        return DecodedSegment(path, range)?.parsed(parse)
    }
}
