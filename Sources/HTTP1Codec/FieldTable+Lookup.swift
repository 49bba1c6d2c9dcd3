// SPDX-License-Identifier: MIT

extension FieldTable {
    /// Whether a known field is there: one bit.
    public func contains(_ field: KnownField) -> Bool { has(field) }

    /// The first index from `start` on of a known field.
    public func firstIndex(of field: KnownField, from start: Int = 0) -> Int? {
        if !has(field) { return nil }
        for index in stride(from: max(start, 0), to: count, by: 1)
        // SAFETY: below `count`.
        where unsafe records[index].known == field {
            return index
        }
        return nil
    }

    /// The value of the first line of a known field. What may stand on several lines is read with
    /// `FieldMembers`.
    public func value(of field: KnownField) -> ByteRange? {
        // SAFETY: an index that was found is below `count`.
        firstIndex(of: field).map { unsafe records[$0].value }
    }

    /// The first index from `start` on of a field of any name, letters of either case being equal.
    /// `bytes` are the message's.
    public func firstIndex(
        named name: StaticString, in bytes: UnsafeRawBufferPointer, from start: Int = 0
    ) -> Int? {
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(bytes) else { return nil }
        for index in stride(from: max(start, 0), to: count, by: 1) {
            let range = self[index].name
            precondition(range.upperBound <= bytes.count, "these are not the message's bytes")
            if bytes.isEqual(range, toLowercase: name) { return index }
        }
        return nil
    }

    /// Whether one of a field's list members is that word, letters of either case being equal. A
    /// member with parameters is another.
    public func hasMember(
        _ word: StaticString, of field: KnownField, in bytes: UnsafeRawBufferPointer
    ) -> Bool {
        var members = FieldMembers(field)
        // SAFETY: lent for the call.
        while let member = unsafe members.next(in: self, bytes) {
            // SAFETY: as above.
            if unsafe member.isEqual(ignoringCaseTo: word, in: bytes) { return true }
        }
        return false
    }
}

extension ByteRange {
    /// Whether these bytes are exactly those of a literal.
    public func isEqual(to literal: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        precondition(upperBound <= bytes.count, "these are not the message's bytes")
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(bytes) else { return literal.utf8CodeUnitCount == 0 }
        return bytes.holds(literal, in: self)
    }

    /// The same, letters of either case being equal.
    public func isEqual(
        ignoringCaseTo literal: StaticString, in bytes: UnsafeRawBufferPointer
    ) -> Bool {
        precondition(upperBound <= bytes.count, "these are not the message's bytes")
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(bytes) else { return literal.utf8CodeUnitCount == 0 }
        return bytes.isEqual(self, toLowercase: literal)
    }
}
