// SPDX-License-Identifier: MIT

/// What one call of a compressor or decompressor did.
public struct CompressionStep: Equatable, Sendable {
    /// How many bytes of the input were taken.
    public var consumedByteCount: Int
    /// How many bytes were written to the output.
    public var producedByteCount: Int
    /// Whether all is done that was asked for. If not, call again: with the rest of the input, and
    /// with room in the output.
    public var isComplete: Bool
}
