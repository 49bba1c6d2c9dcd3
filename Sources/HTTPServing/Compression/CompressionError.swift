// SPDX-License-Identifier: MIT

/// Why bytes could not be compressed or decompressed.
public enum CompressionError: Error, Equatable, Sendable {
    /// The library has no memory left.
    case outOfMemory
    /// The compressed bytes are not of their format.
    case malformed
    /// The compressed bytes end too early.
    case truncated
    /// They became more than the limit: answer 413.
    case tooLong
    /// The library refused what it was given: a fault of this room.
    case library(code: Int32)
}
