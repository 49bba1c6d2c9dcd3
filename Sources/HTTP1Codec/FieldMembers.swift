// SPDX-License-Identifier: MIT

/// The members of a list field, from all its lines, in order (RFC 9110, sections 5.3 and 5.6.1).
///
/// Members are split at commas outside quoted strings, blanks around them do not count, and empty
/// ones are passed over. Each call costs the bytes of the member.
///
/// ```swift
/// var members = FieldMembers(.acceptEncoding)
/// while let member = members.next(in: fields, bytes) { … }
/// ```
public struct FieldMembers: Sendable, BitwiseCopyable {
    private let field: KnownField
    private var line = -1
    private var position = 0
    private var end = -1

    /// The members of a known field.
    public init(_ field: KnownField) { self.field = field }

    /// The next member; nil behind the last. `bytes` are the message's.
    public mutating func next(
        in fields: borrowing FieldTable, _ bytes: UnsafeRawBufferPointer
    ) -> ByteRange? {
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(bytes) else { return nil }
        while true {  // Ends: each turn takes a member or a line, or returns.
            if position > end {
                guard let index = fields.firstIndex(of: field, from: line &+ 1) else { return nil }
                let value = fields[index].value
                precondition(value.upperBound <= bytes.count, "these are not the message's bytes")
                line = index
                position = value.lowerBound
                end = value.upperBound
            }
            let member = takeMember(bytes)
            if !member.isEmpty { return member }
        }
    }

    private mutating func takeMember(_ bytes: Bytes) -> ByteRange {
        var first = position
        var last = position
        var isQuoted = false
        while last < end, isQuoted || bytes[last] != Ascii.comma {
            if bytes[last] == Ascii.quote { isQuoted.toggle() }
            // A backslash quotes the next byte.
            if isQuoted, bytes[last] == 0x5C, last &+ 1 < end { last &+= 1 }
            last &+= 1
        }
        position = last &+ 1
        while first < last, Ascii.isBlank(bytes[first]) { first &+= 1 }
        while last > first, Ascii.isBlank(bytes[last &- 1]) { last &-= 1 }
        return ByteRange(first, last)
    }
}
