// SPDX-License-Identifier: MIT

/// What a request's head says, all of it checked: offsets into its bytes, and verdicts.
public struct RequestHead: Equatable, Sendable, BitwiseCopyable {
    /// How many bytes the head has, with empty lines before it: the body begins there.
    public internal(set) var byteCount = 0
    /// The method, if it is a known one.
    public internal(set) var method = RequestMethod.other
    /// The minor version; the major one is 1. "1.2" and above count as 1.1 does.
    public internal(set) var versionMinor: UInt8 = 1
    /// The method as it was sent.
    public internal(set) var methodName = ByteRange.empty
    /// The target's form and parts.
    public internal(set) var target = RequestTarget()
    /// The host that is asked: of an absolute target, else of Host (RFC 9112, section 3.3). Empty
    /// if neither names one.
    public internal(set) var host = ByteRange.empty
    /// The port that stands behind `host`; 0 if none does.
    public internal(set) var port: UInt16 = 0
    /// How long the body is.
    public internal(set) var framing = BodyFraming.none
    /// Whether the connection may carry another request afterwards.
    public internal(set) var keepsAlive = true
    /// Whether the client waits for "100 Continue" before it sends the body. Never without a body,
    /// and never in HTTP/1.0.
    public internal(set) var expectsContinue = false
    /// Whether Upgrade is there and Connection names it; look at the tokens of `upgrade`.
    public internal(set) var wantsUpgrade = false
    /// Why a well-framed request should be refused all the same: `unmetExpectation`, or
    /// `bodyTooLong` because Content-Length says so.
    public internal(set) var refusal: HTTP1Error?

    init() {}
}
