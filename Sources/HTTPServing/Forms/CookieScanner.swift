// SPDX-License-Identifier: MIT

/// Walks over the cookies of a `Cookie` field. RFC 6265, 4.2 and 5.4.
///
/// Pairs stand between ";" with blanks around them; a piece without "=" or with an empty name is
/// skipped. Values are not decoded. Of several cookies of one name the first is the one with the
/// longest path (5.4), so `first` takes that.
///
/// Cost: one pass, no allocation.
public struct CookieScanner: Sendable {
    /// The most cookies, unless another limit is given.
    public static let cookieCountMaxDefault = 64

    private var position = 0
    private var rest: Int

    /// A scanner at the first cookie.
    public init(cookieCountMax: Int = Self.cookieCountMaxDefault) {
        precondition(cookieCountMax >= 0, "the limit of cookies is negative")
        rest = cookieCountMax
    }

    /// The next cookie of the same bytes, or nil at the end.
    public mutating func next(in bytes: Span<UInt8>) throws(CookieError) -> Cookie? {
        while position < bytes.count {  // Ends: every turn goes on by one byte or more.
            let start = position
            while position < bytes.count, bytes[position] != 0x3B { position &+= 1 }
            let piece = HeaderBytes.trimmed(bytes, start..<position)
            position &+= 1
            guard let cookie = Self.split(bytes, piece) else { continue }
            guard rest > 0 else { throw .tooManyCookies }
            rest -= 1
            return cookie
        }
        return nil
    }

    private static func split(_ bytes: Span<UInt8>, _ piece: Range<Int>) -> Cookie? {
        var equals = piece.lowerBound
        while equals < piece.upperBound, bytes[equals] != 0x3D { equals &+= 1 }
        guard equals < piece.upperBound else { return nil }
        let name = HeaderBytes.trimmed(bytes, piece.lowerBound..<equals)
        guard !name.isEmpty else { return nil }
        var value = HeaderBytes.trimmed(bytes, (equals &+ 1)..<piece.upperBound)
        if value.count >= 2, bytes[value.lowerBound] == 0x22, bytes[value.upperBound &- 1] == 0x22 {
            value = (value.lowerBound &+ 1)..<(value.upperBound &- 1)
        }
        return Cookie(name: name, value: value)
    }

    /// The first cookie of that name in a `Cookie` field.
    public static func first(
        named name: Span<UInt8>, in bytes: Span<UInt8>,
        cookieCountMax: Int = Self.cookieCountMaxDefault
    ) throws(CookieError) -> Cookie? {
        var scanner = CookieScanner(cookieCountMax: cookieCountMax)
        while let cookie = try scanner.next(in: bytes) {  // Ends: the limit of cookies.
            if cookie.isNamed(name, in: bytes) { return cookie }
        }
        return nil
    }
}
