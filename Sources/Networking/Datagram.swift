// SPDX-License-Identifier: MIT

/// One received datagram.
public struct Datagram: Hashable, Sendable {
    /// Its payload, which may be empty; without its end if `isTruncated`.
    public var bytes: [UInt8]
    /// Where it came from; nil for a Unix socket that has no address.
    public var sender: SocketAddress?
    /// Whether it was longer than what was asked for: the rest is lost.
    public var isTruncated: Bool
}
