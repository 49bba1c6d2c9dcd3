// SPDX-License-Identifier: MIT

/// How hard compressors try, and how much memory they may take.
public struct CompressionOptions: Sendable {
    /// 1 to 9, for gzip and deflate. Beyond 6 the time rises more than the size falls.
    public var deflateLevel: Int32 = 6
    /// 9 to 15: zlib's window is 2^n bytes; its memory about 2^(n+2) + 128 KiB.
    public var deflateWindowBits: Int32 = 15
    /// 0 to 11, for Brotli; 4 costs about as much as gzip's 6.
    public var brotliQuality: UInt32 = 4
    /// 10 to 24: Brotli's window is 2^n bytes; its memory a few times that.
    public var brotliWindowBits: UInt32 = 18

    /// The values above.
    public init() {}
}
