// SPDX-License-Identifier: MIT

/// The entity tag of a representation that this server sends, in fixed storage. RFC 9110, 8.8.3.
public struct EntityTag: Sendable {
    /// The most bytes between the quotes.
    public static let byteCountMax = 64

    private var storage = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0

    /// Whether it names a representation that may change a little without a new tag.
    public let isWeak: Bool

    /// A tag of the bytes between the quotes; nil if there are too many, or one that no tag may
    /// have: a quote, a blank, a control byte.
    public init?(_ opaque: Span<UInt8>, isWeak: Bool = false) {
        guard opaque.count <= Self.byteCountMax else { return nil }
        self.isWeak = isWeak
        for index in opaque.indices {
            let byte = opaque[index]
            guard Self.isTagByte(byte) else { return nil }
            storage[count] = byte
            count += 1
        }
    }

    /// A tag of a text's UTF-8 bytes, under the same conditions.
    public init?(_ opaque: String, isWeak: Bool = false) {
        let bytes = Array(opaque.utf8)
        self.init(bytes.span, isWeak: isWeak)
    }

    /// etagc: RFC 9110, 8.8.3.
    static func isTagByte(_ byte: UInt8) -> Bool {
        byte == 0x21 || byte >= 0x23 && byte != 0x7F
    }

    /// Appends the field's value: the quotes, and `W/` before a weak one.
    public func append(to output: inout [UInt8]) {
        if isWeak { output += [0x57, 0x2F] }
        output.append(0x22)
        for index in 0..<count { output.append(storage[index]) }
        output.append(0x22)
    }

    /// The field's value as text.
    public var text: String {
        var result: [UInt8] = []
        append(to: &result)
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether the bytes between the quotes are these.
    func isOpaque(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count == count else { return false }
        for index in 0..<count where storage[index] != bytes[range.lowerBound &+ index] {
            return false
        }
        return true
    }
}

extension EntityTag: Equatable {
    /// Strong comparison of both tags, or that they are the same weak one.
    public static func == (left: EntityTag, right: EntityTag) -> Bool {
        left.isWeak == right.isWeak
            && left.isOpaque(right.storage.span, 0..<right.count)
    }
}
