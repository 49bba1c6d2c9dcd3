// SPDX-License-Identifier: MIT

/// A query or form with its bytes: the comfortable way to read one.
///
///     let form = try Form(Array("name=J%C3%B8rn&tag=a&tag=b".utf8))
///     form["name"]        // "Jørn"
///     form.all("tag")     // ["a", "b"]
public struct Form: Sendable {
    /// The most bytes, unless another limit is given: 1 MiB.
    public static let byteCountMaxDefault = 1 << 20

    private let bytes: [UInt8]
    /// The pairs, in the order in which they were sent.
    public let fields: [FormField]

    /// Finds the pairs. O(bytes); decodes nothing.
    public init(
        _ bytes: [UInt8], pairCountMax: Int = FormScanner.pairCountMaxDefault,
        byteCountMax: Int = Self.byteCountMaxDefault
    ) throws(FormError) {
        guard bytes.count <= byteCountMax else { throw .tooLong }
        var scanner = FormScanner(pairCountMax: pairCountMax)
        var fields: [FormField] = []
        // Ends: the limit of pairs.
        while let field = try scanner.next(in: bytes.span) { fields.append(field) }
        self.bytes = bytes
        self.fields = fields
    }

    /// The decoded value of the first pair of that name.
    public subscript(name: String) -> String? {
        for field in fields where isNamed(field, name) { return field.valueText(in: bytes.span) }
        return nil
    }

    /// The decoded values of all pairs of that name.
    public func all(_ name: String) -> [String] {
        fields.filter { isNamed($0, name) }.map { $0.valueText(in: bytes.span) }
    }

    /// The decoded name and value of a pair.
    public func text(of field: FormField) -> (name: String, value: String) {
        (field.nameText(in: bytes.span), field.valueText(in: bytes.span))
    }

    private func isNamed(_ field: FormField, _ name: String) -> Bool {
        let plain = Array(name.utf8)
        return field.isNamed(plain.span, in: bytes.span)
    }

    /// Appends a pair in the same encoding, with "&" before it unless it is the first. The URL
    /// Standard's serializer.
    public static func append(_ name: String, _ value: String, to output: inout [UInt8]) {
        if !output.isEmpty { output.append(0x26) }
        appendEncoded(name, to: &output)
        output.append(0x3D)
        appendEncoded(value, to: &output)
    }

    private static func appendEncoded(_ text: String, to output: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case 0x20: output.append(0x2B)
            case 0x2A, 0x2D, 0x2E, 0x5F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A:
                output.append(byte)
            default: PercentCoding.appendEscape(byte, to: &output)
            }
        }
    }
}
