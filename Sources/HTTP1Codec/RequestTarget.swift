// SPDX-License-Identifier: MIT

/// The four forms of a request target (RFC 9112, section 3.2).
@frozen
public enum TargetForm: UInt8, Sendable, BitwiseCopyable {
    /// "/path?query", for everything but CONNECT.
    case origin
    /// "http://host:port/path?query": what a proxy is sent; a server must take it too.
    case absolute
    /// "host:port", for CONNECT only.
    case authority
    /// "*", for OPTIONS only.
    case asterisk
}

/// Where the parts of a request target lie.
@frozen
public struct RequestTarget: Equatable, Sendable, BitwiseCopyable {
    /// Which form it has.
    public internal(set) var form = TargetForm.origin
    /// Whether "?" is there, perhaps with nothing behind it.
    public internal(set) var hasQuery = false
    /// The port of the absolute or authority form; 0 if none is there.
    var port: UInt16 = 0
    /// All of it, as it was sent.
    public internal(set) var whole = ByteRange.empty
    /// The path, percent-encoded as it was sent. Empty in the authority and asterisk forms, and
    /// for "http://host", which means "/" (and "*" if the method is OPTIONS).
    public internal(set) var path = ByteRange.empty
    /// What stands behind "?".
    public internal(set) var query = ByteRange.empty
    /// The host of the absolute or authority form, else empty.
    var host = ByteRange.empty

    init() {}
}
