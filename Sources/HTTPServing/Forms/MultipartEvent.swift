// SPDX-License-Identifier: MIT

/// What a `MultipartParser` found.
public enum MultipartEvent: Equatable, Sendable {
    /// The input is used up: come back with more.
    case needsMore
    /// A part begins.
    case partBegan(MultipartHead)
    /// Bytes of the part: a range of the input of this call.
    case bytes(Range<Int>)
    /// Bytes of the part that came with an earlier input and looked like a boundary then: a range
    /// of `MultipartParser.delimiter`.
    case heldBytes(Range<Int>)
    /// The part is complete.
    case partEnded
    /// The last boundary came. What follows it is skipped.
    case ended
}
