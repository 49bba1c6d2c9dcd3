// SPDX-License-Identifier: MIT

internal import EventLoops

/// One connection: whatever the stream holds goes out of its own buffer, one send at a time.
///
/// What the interface costs here: `consume` lends bytes for the call only, so the send has to keep
/// their address beyond it. That is sound only because the oldest bytes stay where they are until
/// they are used up or the stream is stopped, and neither happens while the send is under way.
/// And a wait is one job: after every echo the stream has to be asked again to call back.
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

    private static func from(_ context: UnsafeMutableRawPointer) -> EchoConnection {
        // SAFETY: as above.
        unsafe Unmanaged<EchoConnection>.fromOpaque(context).takeUnretainedValue()
    }

    /// Sends the oldest bytes, waits for some, or closes. Nothing is under way.
    private func advance() {
        var request: Request?
        _ = stream.consume { bytes in
            // SAFETY: see above: the bytes stay while nothing is used.
            unsafe bytes.withUnsafeBytes { lent in
                if let start = lent.baseAddress {
                    // SAFETY: as above.
                    unsafe request = .send(descriptor: descriptor, from: start, count: lent.count)
                }
            }
            return 0
        }
        if let request = unsafe request {  // SAFETY: a copy of the words.
            unsafe send(request)  // SAFETY: as above.
        } else if stream.end != nil {
            close()
        } else {
            // SAFETY: the connection lives until the job has run.
            unsafe stream.whenReady(
                LoopJob(context: context) { unsafe EchoConnection.from($0).advance() })
        }
    }

    private func send(_ request: Request) {
        // SAFETY: the bytes stay until `sent`.
        let operation = unsafe server.loop.submit(request, context: context) {
            context, _, result, _ in
            unsafe EchoConnection.from(context).sent(result)  // SAFETY: as above.
        }
        if operation == nil { close() }
    }

    private func sent(_ result: Int32) {
        guard result > 0 else { return close() }
        server.byteCount += UInt64(result)
        _ = stream.consume { _ in Int(result) }
        advance()
    }

    private func close() {
        stream.stop()
        server.loop.close(descriptor)
        // SAFETY: balances `start`; nothing is under way that would use the connection.
        unsafe Unmanaged.passUnretained(self).release()
    }
}
