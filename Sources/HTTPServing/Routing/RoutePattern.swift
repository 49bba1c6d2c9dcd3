// SPDX-License-Identifier: MIT

/// A pattern of paths, such as `/users/:id(int)/posts/*rest`, in pieces.
///
///     pattern   = 1*( "/" segment )
///     segment   = literal / ":" name [ "(" kind ")" ] / "*" name    the last form only at the end
///     kind      = "string" / "int" / "uint" / "uuid"                string, if it is left out
///
/// A literal is written as it would stand in a URL: percent-encoded bytes are decoded, so
/// `/a%2Fb` is one segment that contains a slash, and a literal that begins with ":" or "*" is
/// written `%3A` or `%2A`. Only the last segment may be empty: `/a/` is not `/a`.
struct RoutePattern {
    /// One segment of a pattern.
    enum Segment: Equatable {
        /// These bytes, decoded.
        case literal([UInt8])
        /// One segment of a kind.
        case parameter(name: String, ParameterKind)
        /// The rest of the path, slashes and all, perhaps empty.
        case wildcard(name: String)
    }

    /// The most segments of a pattern.
    static let segmentCountMax = 32
    /// The most bytes of a pattern.
    static let byteCountMax = 4096

    /// As it was written.
    let text: String
    /// From left to right.
    private(set) var segments: [Segment] = []
    /// Parameters and the wildcard, from left to right.
    private(set) var names: [String] = []

    /// Takes a pattern apart.
    init(_ text: String) throws(RouteError) {
        self.text = text
        let bytes = Array(text.utf8)
        guard bytes.first == 0x2F else { throw .invalidPattern(text, .noLeadingSlash) }
        guard bytes.count <= Self.byteCountMax else { throw .invalidPattern(text, .tooLong) }
        let parts = bytes.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        guard parts.count <= Self.segmentCountMax else {
            throw .invalidPattern(text, .tooManySegments)
        }
        for (index, part) in parts.enumerated() {
            try append(Array(part), isLast: index == parts.count - 1)
        }
    }

    private mutating func append(_ part: [UInt8], isLast: Bool) throws(RouteError) {
        switch part.first {
        case 0x3A: try appendParameter(part.dropFirst())
        case 0x2A:
            guard isLast else { throw .invalidPattern(text, .wildcardNotLast) }
            segments.append(.wildcard(name: try claimName(part.dropFirst())))
        case nil:
            guard isLast else { throw .invalidPattern(text, .emptySegment) }
            segments.append(.literal([]))
        default: segments.append(.literal(try literal(part)))
        }
    }

    private mutating func appendParameter(_ part: ArraySlice<UInt8>) throws(RouteError) {
        var kind = ParameterKind.string
        var name = part
        if let open = part.firstIndex(of: 0x28) {
            let inside = part[(open + 1)...].dropLast()
            guard part.last == 0x29, open + 1 < part.endIndex,
                let named = ParameterKind(rawValue: String(decoding: inside, as: UTF8.self))
            else { throw .invalidPattern(text, .unknownKind) }
            kind = named
            name = part[..<open]
        }
        segments.append(.parameter(name: try claimName(name), kind))
    }

    private mutating func claimName(_ bytes: ArraySlice<UInt8>) throws(RouteError) -> String {
        let isName = bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
            default: false
            }
        }
        guard isName, !bytes.isEmpty else { throw .invalidPattern(text, .invalidName) }
        let name = String(decoding: bytes, as: UTF8.self)
        if names.contains(name) { throw .duplicateName(pattern: text, name: name) }
        guard names.count < RouteParameters.capacity else {
            throw .invalidPattern(text, .tooManyParameters)
        }
        names.append(name)
        return name
    }

    /// The decoded bytes of a literal that a request can have.
    private func literal(_ part: [UInt8]) throws(RouteError) -> [UInt8] {
        if part.contains(where: { $0 == 0x3F || $0 == 0x23 }) { throw .unreachable(text) }
        var result: [UInt8] = []
        var index = 0
        while index < part.count {  // Ends: every turn goes on by one byte or three.
            if part[index] == 0x25, PercentCoding.byte(in: part.span, at: index) == nil {
                throw .invalidPattern(text, .invalidEscape)
            }
            result.append(PercentCoding.next(in: part.span, at: &index))
        }
        let isDots = result == [0x2E] || result == [0x2E, 0x2E]
        if isDots || result.contains(0) { throw .unreachable(text) }
        return result
    }
}
