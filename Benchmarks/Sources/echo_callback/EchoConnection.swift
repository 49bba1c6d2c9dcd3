// SPDX-License-Identifier: MIT

internal import EventLoops

/// One connection: whatever the stream holds goes out of its own buffer, one send at a time.
@safe
final class EchoConnection {
    private let server: EchoServer
    private let descriptor: Int32
    private let stream: ReceiveStream

    init(_ server: EchoServer, descriptor: Int32) {
        self.server = server
        self.descriptor = descriptor
        stream = ReceiveStream(loop: server.loop, descriptor: descriptor)
    }

    /// Starts; the connection keeps itself until `close`.
    func start() {
        // SAFETY: balanced by `close`.
        unsafe _ = Unmanaged.passRetained(self)
        stream.start()
        advance()
    }

    private var context: UnsafeMutableRawPointer {
        // SAFETY: the connection lives until `close`, and then nothing is under way.
        unsafe Unmanaged.passUnretained(self).toOpaque()
    }

    /// Sends the oldest bytes, waits for some, or closes. Nothing is under way.
    private func advance() {
        // SAFETY: the bytes stay until `sent` gives them back.
        if let bytes = unsafe stream.pin(), let start = bytes.baseAddress {
            // SAFETY: as above; the connection outlives the operation.
            let operation = unsafe server.loop.submit(
                .send(descriptor: descriptor, from: start, count: bytes.count), context: context
            ) { context, _, result, _ in
                // SAFETY: as above.
                unsafe Unmanaged<EchoConnection>.fromOpaque(context)._withUnsafeGuaranteedRef {
                    $0.sent(result)
                }
            }
            if operation == nil { sent(-1) }
        } else if stream.end != nil {
            close()
        } else {
            // SAFETY: the connection lives until the job has run.
            stream.whenReady(
                unsafe LoopJob(context: context) { context in
                    // SAFETY: as above.
                    unsafe Unmanaged<EchoConnection>.fromOpaque(context)._withUnsafeGuaranteedRef {
                        $0.advance()
                    }
                })
        }
    }

    private func sent(_ result: Int32) {
        server.heldByteCountMax = max(server.heldByteCountMax, stream.heldByteCount)
        stream.unpin(used: max(0, Int(result)))
        guard result > 0 else { return close() }
        server.byteCount += UInt64(result)
        advance()
    }

    private func close() {
        stream.stop()
        server.loop.close(descriptor)
        // SAFETY: balances `start`; nothing is under way that would use the connection.
        unsafe Unmanaged.passUnretained(self).release()
    }
}
