// SPDX-License-Identifier: MIT

internal import Networking

/// The body of a request, as it comes in: bytes are read from the connection when they are asked
/// for, so a slow handler slows its client down. What is not read is dropped after the answer.
///
/// Use it in the handler's own task, one call at a time.
public struct RequestBody: Sendable {
    private let exchange: HTTPExchange

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
    }

    /// Where the request came from.
    var remoteAddress: SocketAddress? {
        get async { await exchange.remoteAddress() }
    }

    #if TLS
        /// What the ends of the connection have agreed on.
        var security: ConnectionSecurity? {
            get async { await exchange.security() }
        }
    #endif

    /// The next bytes; nil behind the end.
    public func next() async throws(RequestBodyError) -> [UInt8]? {
        try await exchange.nextChunk()
    }

    /// All bytes, if they are not more than so many. A client that announces more is not asked to
    /// send them.
    public func collect(upTo byteCountMax: Int) async throws(RequestBodyError) -> [UInt8] {
        // Before the client is asked to send it.
        if let known = exchange.knownByteCount, known > UInt64(byteCountMax) { throw .tooLong }
        var bytes: [UInt8] = []
        while let chunk = try await next() {
            guard bytes.count + chunk.count <= byteCountMax else { throw .tooLong }
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        }
        return bytes
    }
}

/// Why a body could not be read.
public enum RequestBodyError: Error, Equatable, Sendable {
    /// It breaks the protocol or a limit of `HTTPLimits`.
    case malformed(status: Int)
    /// It is longer than the handler takes.
    case tooLong
    /// The client sent nothing for `bodyTimeout`.
    case timedOut
    /// The connection is gone.
    case disconnected
    /// The request was answered already.
    case over

    /// The status of the answer, if a handler lets the error through.
    public var status: Int {
        switch self {
        case .malformed(let status): status
        case .tooLong: 413
        case .timedOut: 408
        case .disconnected: 400
        case .over: 500
        }
    }
}
