// SPDX-License-Identifier: MIT

/// What a multipart body may cost. The body as a whole is bounded by whoever reads it.
public struct MultipartLimits: Sendable {
    /// The most parts.
    public var partCountMax = 128
    /// The most bytes of one part's head, with its empty line.
    public var headByteCountMax = 8192
    /// The most fields of one part's head.
    public var headFieldCountMax = 16
    /// The most bytes of one part: 64 MiB.
    public var partByteCountMax: UInt64 = 64 << 20
    /// The most bytes before the first boundary, which no browser sends.
    public var preambleByteCountMax = 1024

    /// The limits above.
    public init() {}
}
