// SPDX-License-Identifier: MIT

/// What a response's head says, all of it checked: offsets into its bytes, and verdicts.
public struct ResponseHead: Equatable, Sendable, BitwiseCopyable {
    /// How many bytes the head has: the body begins there.
    public internal(set) var byteCount = 0
    /// The minor version; the major one is 1.
    public internal(set) var versionMinor: UInt8 = 1
    /// Three digits, 100 to 999. One above 599 is to be taken for a 5xx (RFC 9110, section 15).
    public internal(set) var status = 0
    /// The reason, perhaps empty. It means nothing.
    public internal(set) var reason = ByteRange.empty
    /// How long the body is.
    public internal(set) var framing = BodyFraming.none
    /// Whether the connection may carry another request afterwards.
    public internal(set) var keepsAlive = true
    /// Whether another protocol follows the head: 101, or success of CONNECT.
    public internal(set) var switchesProtocol = false
    /// `bodyTooLong`, if Content-Length says so.
    public internal(set) var refusal: HTTP1Error?

    /// Whether the final response to the same request is still to come: 100 to 199, without 101.
    public var isInterim: Bool { status < 200 && status != 101 }

    init() {}
}
