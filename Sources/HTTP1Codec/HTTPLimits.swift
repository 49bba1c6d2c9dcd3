// SPDX-License-Identifier: MIT

/// The bounds of everything that a peer can make long. What exceeds one is refused with the error
/// named here; its status is in `HTTP1Error.status`.
///
/// The defaults take what browsers and proxies send: a request line of 8,000 bytes must be
/// possible (RFC 9112, section 3), cookies fill a field of 16 KiB.
public struct HTTPLimits: Equatable, Sendable, BitwiseCopyable {
    /// Empty lines before a request line. → `tooManyEmptyLines`
    public var emptyLineCountMax = 4
    /// Bytes of the method. → `badMethod`
    public var methodByteCountMax = 1024
    /// Bytes of the request target. → `targetTooLong`
    public var targetByteCountMax = 8192
    /// Bytes of a status line's reason. → `badStatusLine`
    public var reasonByteCountMax = 1024
    /// Bytes of one field line without its line end. → `fieldTooLong`
    public var fieldLineByteCountMax = 16384
    /// Fields of a head. → `tooManyFields`
    public var fieldCountMax = 128
    /// Bytes of all field lines of a head with their line ends. → `fieldsTooLong`
    public var fieldsByteCountMax = 65536
    /// Bytes of a body, without chunk lines. → `bodyTooLong`
    public var bodyByteCountMax: UInt64 = 1 << 26
    /// Bytes of a chunk's line, with its extensions, without its line end. → `chunkLineTooLong`
    public var chunkLineByteCountMax = 1024
    /// Bytes of all chunk extensions of a body. → `chunkExtensionsTooLong`
    public var chunkExtensionsByteCountMax = 8192
    /// Trailers of a body. → `tooManyTrailers`
    public var trailerCountMax = 32
    /// Bytes of all trailers of a body, with their line ends. → `trailersTooLong`
    public var trailersByteCountMax = 8192
    /// Requests of one connection that are read but not answered: `ServerConnectionState` stops
    /// reading there.
    public var pipelineDepthMax = 32
    /// Bytes of a body that nobody wants which are read and dropped, so that the connection can go
    /// on: `ServerConnectionState` closes instead of reading more.
    public var discardedByteCountMax: UInt64 = 1 << 16

    /// The defaults.
    public init() {}
}
