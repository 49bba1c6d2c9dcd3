// SPDX-License-Identifier: MIT

extension HeadWriter {
    /// A known field with a literal as value.
    public mutating func field(_ field: KnownField, _ value: StaticString) {
        write(field, Bytes(literal: value))
    }

    /// A known field with a number as value: Content-Length, Age, Retry-After.
    public mutating func field(_ field: KnownField, _ number: UInt64) {
        guard field != .other else { return output.fail(.badName) }
        output.append(name: Bytes(literal: field.name))
        output.append(decimal: number)
        output.appendLineEnd()
    }

    /// A known field with a date as value.
    public mutating func field(_ field: KnownField, _ date: HTTPDate) {
        guard field != .other else { return output.fail(.badName) }
        output.append(name: Bytes(literal: field.name))
        date.write(to: &output)
        output.appendLineEnd()
    }

    /// A known field with any value.
    public mutating func field(_ field: KnownField, _ value: UnsafeRawBufferPointer) {
        // SAFETY: lent for the call.
        write(field, unsafe Bytes(value) ?? Bytes(literal: ""))
    }

    /// A known field with any value.
    public mutating func field(_ field: KnownField, _ value: Span<UInt8>) {
        // SAFETY: lent for the call.
        unsafe value.withUnsafeBytes { unsafe self.field(field, $0) }
    }

    /// A field of any name, as literals.
    public mutating func field(_ name: StaticString, _ value: StaticString) {
        write(Bytes(literal: name), Bytes(literal: value))
    }

    /// A field of any name, with any value.
    public mutating func field(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        // SAFETY: lent for the call.
        guard let name = unsafe Bytes(name) else { return output.fail(.badName) }
        write(name, unsafe Bytes(value) ?? Bytes(literal: ""))  // SAFETY: as above.
    }

    /// A field of any name, with any value.
    public mutating func field(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        // SAFETY: lent for the calls.
        unsafe name.withUnsafeBytes { name in
            unsafe value.withUnsafeBytes { unsafe self.field(name, $0) }
        }
    }

    /// Whole lines that were written before, by this type or as a literal, each with its CR LF:
    /// what a server sends with every answer. They are **not** checked.
    public mutating func lines(_ prepared: UnsafeRawBufferPointer) {
        // SAFETY: lent for the call.
        if let prepared = unsafe Bytes(prepared) { output.append(prepared) }
    }

    /// Whole lines as a literal, each with its CR LF. They are **not** checked.
    public mutating func lines(_ prepared: StaticString) { output.append(prepared) }

    /// Its name need not be looked at.
    private mutating func write(_ field: KnownField, _ value: Bytes) {
        guard field != .other else { return output.fail(.badName) }
        guard Self.isValue(value) else { return output.fail(.badValue) }
        output.appendLine(Bytes(literal: field.name), value)
    }

    private mutating func write(_ name: Bytes, _ value: Bytes) {
        guard Self.isToken(name) else { return output.fail(.badName) }
        guard Self.isValue(value) else { return output.fail(.badValue) }
        output.appendLine(name, value)
    }
}
