// SPDX-License-Identifier: MIT

/// Some content codings.
public struct ContentCodings: OptionSet, Sendable {
    /// One bit for each coding.
    public let rawValue: UInt8

    /// The codings of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The bytes as they are.
    public static let identity = ContentCodings(.identity)
    /// RFC 1952.
    public static let gzip = ContentCodings(.gzip)
    /// RFC 1950.
    public static let deflate = ContentCodings(.deflate)
    /// RFC 7932.
    public static let br = ContentCodings(.br)

    /// One coding.
    public init(_ coding: ContentCoding) { rawValue = 1 << coding.rawValue }

    /// Whether a coding is among them.
    public func contains(_ coding: ContentCoding) -> Bool { contains(ContentCodings(coding)) }
}
