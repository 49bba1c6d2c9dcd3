// SPDX-License-Identifier: MIT

/// The body of a request.
public struct ClientBody: Sendable {
    enum Content: Sendable {
        case none
        case bytes([UInt8])
        case stream(byteCount: UInt64?, @Sendable (ClientBodyWriter) async throws -> Void)
    }

    let content: Content
    /// Whether it can be sent a second time, for a redirect or a retry.
    public let isRepeatable: Bool

    private init(_ content: Content, isRepeatable: Bool) {
        self.content = content
        self.isRepeatable = isRepeatable
    }

    /// No body.
    public static let none = ClientBody(.none, isRepeatable: true)

    /// Bytes that are all there.
    public static func bytes(_ bytes: [UInt8]) -> ClientBody {
        ClientBody(.bytes(bytes), isRepeatable: true)
    }

    /// Text in UTF-8.
    public static func text(_ text: String) -> ClientBody { bytes(Array(text.utf8)) }

    /// A body that is made while it is sent. With a length it must have exactly as many bytes;
    /// without, it goes in chunks, which a server of HTTP/1.0 does not understand.
    ///
    /// - Parameters:
    ///   - byteCount: how many bytes there will be, if that is known.
    ///   - isRepeatable: whether `produce` may be called again, and makes the same bytes.
    ///   - produce: writes the body, in a task of its own on the client's loop. What it throws, the
    ///     request throws; the connection is then broken off, so that the server sees no whole
    ///     body. It is cancelled when the server has answered without reading on, and must end
    ///     then.
    /// - Returns: the body.
    public static func stream(
        byteCount: UInt64? = nil, isRepeatable: Bool = false,
        _ produce: @escaping @Sendable (ClientBodyWriter) async throws -> Void
    ) -> ClientBody {
        ClientBody(.stream(byteCount: byteCount, produce), isRepeatable: isRepeatable)
    }

    /// What `Content-Length` says; nil if nothing or chunks are sent.
    var knownByteCount: UInt64? {
        switch content {
        case .none: nil
        case .bytes(let bytes): UInt64(bytes.count)
        case .stream(let byteCount, _): byteCount
        }
    }
}
