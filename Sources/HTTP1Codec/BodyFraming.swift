// SPDX-License-Identifier: MIT

/// How long a message's body is (RFC 9112, section 6.3).
@frozen
public enum BodyFraming: Equatable, Sendable, BitwiseCopyable {
    /// There is none.
    case none
    /// So many bytes, more than 0 and below 2^63.
    case length(UInt64)
    /// Chunks, up to the empty one and its trailers.
    case chunked
    /// All that comes until the connection closes; responses only.
    case untilClose
}
