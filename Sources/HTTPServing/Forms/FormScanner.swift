// SPDX-License-Identifier: MIT

/// Walks over the pairs of a query string or of an `application/x-www-form-urlencoded` body.
///
/// The rules are those of the URL Standard (WHATWG), "application/x-www-form-urlencoded parsing":
/// pairs between "&", empty ones skipped, split at the first "=", "+" is a space, a "%" that
/// begins no triple stands for itself. Nothing is malformed, so only the number of pairs can be
/// refused.
///
/// Cost: one pass, no allocation.
public struct FormScanner: Sendable {
    /// The most pairs, unless another limit is given.
    public static let pairCountMaxDefault = 256

    private var position = 0
    private var rest: Int

    /// A scanner at the first pair.
    public init(pairCountMax: Int = Self.pairCountMaxDefault) {
        precondition(pairCountMax >= 0, "the limit of pairs is negative")
        rest = pairCountMax
    }

    /// The next pair of the same bytes, or nil at the end.
    public mutating func next(in bytes: Span<UInt8>) throws(FormError) -> FormField? {
        while position < bytes.count, bytes[position] == 0x26 { position &+= 1 }
        guard position < bytes.count else { return nil }
        guard rest > 0 else { throw .tooManyPairs }
        rest -= 1
        let start = position
        var equals = -1
        while position < bytes.count, bytes[position] != 0x26 {  // Ends: one byte a turn.
            if equals < 0, bytes[position] == 0x3D { equals = position }
            position &+= 1
        }
        let end = position
        let nameEnd = equals < 0 ? end : equals
        return FormField(name: start..<nameEnd, value: min(nameEnd &+ 1, end)..<end)
    }
}
