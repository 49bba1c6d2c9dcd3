// SPDX-License-Identifier: MIT

/// What should have been written when a step of a compressor is complete.
public enum CompressionGoal: Sendable {
    /// What the compressor finds right: it keeps bytes back to compress them with later ones.
    case any
    /// Everything so far, so that the other side can read it: for events and the like.
    case flush
    /// Everything, and the end.
    case finish
}
