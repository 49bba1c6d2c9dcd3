// SPDX-License-Identifier: MIT

/// What a client asks for.
///
/// ```swift
/// var request = ClientRequest(.init("http://example.org/things"), method: "POST")
/// request.fields.add("Content-Type", "text/plain")
/// request.body = .text("a thing")
/// ```
///
/// `Host`, `Connection`, `Content-Length`, `Transfer-Encoding`, `Expect` and `Upgrade` are the
/// client's: they follow from the rest, and a request that has one among its fields is refused.
public struct ClientRequest: Sendable {
    /// Where to.
    public var url: RequestURL
    /// The method: a token, and case counts (RFC 9110, section 9.1). CONNECT is refused.
    public var method: String
    /// The fields.
    public var fields = FieldList()
    /// The body.
    public var body = ClientBody.none
    /// Asks the server before the body is sent (RFC 9110, section 10.1.1): it is sent after "100
    /// Continue", or when so much time has passed; not at all if the answer comes first. Nil does
    /// not ask. Without effect on a request that has no body.
    public var continueTimeout: Duration?
    /// A protocol that the server may switch to (RFC 9110, section 7.8). If it does, the response's
    /// status is 101, and `ClientResponse.upgraded` is the connection. Nil takes no such answer.
    public var upgrade: String?
    /// How long all of it may take, redirects and the response's body included; nil takes the
    /// client's own.
    public var timeout: Duration?

    /// A request without fields and body.
    public init(_ url: RequestURL, method: String = "GET") {
        self.url = url
        self.method = method
    }

    /// Whether it has the same effect when it is sent twice as when it is sent once, by its method
    /// (RFC 9110, section 9.2.2).
    public var isIdempotent: Bool {
        ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].contains(method)
    }
}
