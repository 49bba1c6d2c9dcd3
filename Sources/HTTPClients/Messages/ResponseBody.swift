// SPDX-License-Identifier: MIT

internal import Networking

/// The body of a response, as it comes in: bytes are read from the connection when they are asked
/// for, so a slow reader slows the server down, and at most the loop's receive credit is held.
///
/// Use it in the handler, one call at a time. What is not read is dropped when the handler returns:
/// a little of it is read so that the connection can go on, else the connection is closed.
public struct ResponseBody: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) {
        self.exchange = exchange
    }

    /// How many bytes there will be in all, if the server has said so and they are not decoded.
    public var byteCount: UInt64? { exchange.bodyByteCount }

    /// The next bytes, at least one; nil behind the end.
    ///
    /// - Throws: `malformed(.truncated)` if the connection ends too early; what else went wrong. An
    ///   error is the last answer.
    public func next() async throws(HTTPClientError) -> [UInt8]? {
        try await exchange.nextChunk()
    }

    /// All bytes.
    ///
    /// - Parameter byteCountMax: how many are taken.
    /// - Returns: the bytes that were not yet read.
    /// - Throws: `bodyTooLong` if they are more, before the first is read where that is known; else
    ///   as `next`.
    public func collect(upTo byteCountMax: Int) async throws(HTTPClientError) -> [UInt8] {
        if let byteCount, byteCount > UInt64(max(0, byteCountMax)) { throw .bodyTooLong }
        var bytes: [UInt8] = []
        while let chunk = try await next() {  // Ends with the body, or throws.
            guard bytes.count + chunk.count <= byteCountMax else { throw .bodyTooLong }
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        }
        return bytes
    }

    /// The fields behind a body in chunks; nil before its end, and if there are none. They came
    /// after the decision about the response was made, so they are apart from its fields (RFC 9110,
    /// section 6.5.1).
    public var trailers: ReceivedFields? { exchange.receivedTrailers }

    var upgraded: StreamConnection? { exchange.upgradedStream }
}
