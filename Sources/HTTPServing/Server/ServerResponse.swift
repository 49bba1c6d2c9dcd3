// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// What a handler with a task answers.
///
/// `Date`, `Connection`, `Server`, `Content-Length` and `Transfer-Encoding` are the server's: they
/// follow from the body and the connection.
public struct ServerResponse: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        case stream(
            byteCount: UInt64?, @Sendable (ResponseWriter) async throws -> Void)
        case file(FilePart)
        case upgrade(
            name: String, @Sendable (UpgradedConnection) async throws -> Void)
    }

    /// The status, 200 to 599, or 101 for an upgrade.
    public let status: Int
    private(set) var lines = FieldLines()
    private(set) var body: Body

    private init(_ status: Int, _ body: Body) {
        precondition(
            (200...599).contains(status) || status == 101,
            "a response has a status of 200 to 599")
        self.status = status
        self.body = body
    }

    /// A response whose body is all there.
    public init(status: Int = 200, type: String? = nil, bytes: [UInt8] = []) {
        self.init(status, .bytes(bytes))
        if let type { add("Content-Type", type) }
    }

    /// Plain text.
    public static func text(_ text: String, status: Int = 200) -> ServerResponse {
        ServerResponse(
            status: status, type: "text/plain; charset=utf-8", bytes: Array(text.utf8))
    }

    /// A page.
    public static func html(_ text: String, status: Int = 200) -> ServerResponse {
        ServerResponse(status: status, type: "text/html; charset=utf-8", bytes: Array(text.utf8))
    }

    /// A body that is made while it is sent. With a length it has exactly as many bytes; without,
    /// it goes in chunks, or to the end of the connection for a client of HTTP/1.0. If `produce`
    /// throws, the answer is broken off: the client sees that something is missing.
    public static func stream(
        status: Int = 200, type: String? = nil, byteCount: UInt64? = nil,
        _ produce: @escaping @Sendable (ResponseWriter) async throws -> Void
    ) -> ServerResponse {
        var response = ServerResponse(status, .stream(byteCount: byteCount, produce))
        if let type { response.add("Content-Type", type) }
        return response
    }

    /// Leaves HTTP: another protocol takes the connection over, and it ends when `body` returns. A
    /// client that has not asked for this protocol in `Upgrade` gets 426 with its name.
    public static func upgrade(
        to name: String, _ body: @escaping @Sendable (UpgradedConnection) async throws -> Void
    ) -> ServerResponse {
        ServerResponse(101, .upgrade(name: name, body)).adding("Upgrade", name)
    }

    /// What a handler's error becomes.
    public init(to error: any Error) {
        switch error {
        case let failure as HTTPFailure: self = .failure(failure.status, failure.message)
        case let error as RequestBodyError: self = .failure(error.status)
        default: self = .failure(500)
        }
    }

    /// The answer to a client that should have asked for another protocol.
    static func upgradeRequired(to name: String) -> ServerResponse {
        var response = failure(426)
        response.lines.add("Upgrade", name)
        response.lines.add("Connection", "upgrade")
        return response
    }

    static func file(status: Int, _ part: FilePart) -> ServerResponse {
        ServerResponse(status, .file(part))
    }

    static func failure(_ status: Int, _ message: String? = nil) -> ServerResponse {
        .text(message.map { $0 + "\n" } ?? "\(status) \(ReasonPhrase.of(status))\n", status: status)
    }

    /// Adds a field; a name may be there several times. A name that is no token, a value with
    /// control bytes, and the fields that the server writes itself (`Connection`,
    /// `Content-Length`, `Date`, `Keep-Alive`, `Transfer-Encoding`) make the answer a 500.
    public mutating func add(_ name: String, _ value: String) {
        lines.addOfHandler(name, value)
    }

    /// The first value of a field that was added.
    public func value(of name: String) -> String? { lines.value(of: name) }

    /// The same response with another body that is all there.
    func replacing(bytes: [UInt8]) -> ServerResponse {
        var copy = self
        copy.body = .bytes(bytes)
        return copy
    }

    /// The same response with a weak entity tag, if it has one.
    func weakeningEntityTag() -> ServerResponse {
        guard let tag = value(of: "ETag"), !tag.hasPrefix("W/") else { return self }
        var copy = self
        copy.lines.remove("ETag")
        copy.add("ETag", "W/" + tag)
        return copy
    }

    /// The same response with a field more.
    public func adding(_ name: String, _ value: String) -> ServerResponse {
        var copy = self
        copy.add(name, value)
        return copy
    }
}
