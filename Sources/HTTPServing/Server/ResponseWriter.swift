// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// Where a handler writes a body that is made while it is sent. Use it in the handler's own task,
/// until `produce` returns.
public final class ResponseWriter: Sendable {
    private let exchange: HTTPExchange
    private let length: AnswerLength
    private let sent: SentBytes

    /// How many bytes were written. Touched by the handler's task alone.
    private final class SentBytes: @unchecked Sendable {
        var count: UInt64 = 0
    }

    init(_ exchange: HTTPExchange, _ length: AnswerLength) {
        self.exchange = exchange
        self.length = length
        sent = SentBytes()
    }

    /// Writes bytes; waits while the client is slower. Throws when the client is gone, or when they
    /// are more than was promised.
    public func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        sent.count += UInt64(bytes.count)
        guard case .chunked = length else {
            if case .bytes(let promised) = length, sent.count > promised {
                throw ResponseError.failed
            }
            return try await exchange.write(bytes)
        }
        var chunk: [UInt8] = Array(String(bytes.count, radix: 16).utf8) + [0x0D, 0x0A]
        chunk.reserveCapacity(chunk.count + bytes.count + 2)
        chunk += bytes
        chunk += [0x0D, 0x0A]
        try await exchange.write(chunk)
    }

    /// Writes a piece of a file, which the kernel copies. Only into a body of known length.
    func write(_ part: FilePart) async throws {
        sent.count += part.byteCount
        guard case .bytes(let promised) = length, sent.count <= promised else {
            throw ResponseError.failed
        }
        try await exchange.sendFile(part)
    }

    /// Writes text.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Waits until the kernel has taken what was written.
    public func flush() async throws { try await exchange.flush() }

    func finish() async throws(ResponseError) {
        switch length {
        case .bytes(let promised): if sent.count != promised { throw .failed }
        case .chunked: try await exchange.write(Array("0\r\n\r\n".utf8))
        case .untilClose: break
        }
    }
}
