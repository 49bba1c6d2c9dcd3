// SPDX-License-Identifier: MIT

internal import EventLoops

/// Accepts connections on a loop and ends it when a signal comes.
@safe
final class EchoServer {
    let loop: EventLoop
    private let listener: Int32
    private let signals: Int32
    private(set) var connectionCount: UInt64 = 0
    var byteCount: UInt64 = 0
    /// The most received bytes that a connection held when a send of it had ended: the most that
    /// readers who do not read cost.
    var heldByteCountMax = 0

    init(_ loop: EventLoop, listener: Int32, signals: Int32) {
        self.loop = loop
        self.listener = listener
        self.signals = signals
    }

    /// Gives the loop its first job.
    func start() {
        // SAFETY: `EchoCallback.run` keeps the server until the loop is over.
        unsafe loop.post(
            LoopJob(context: Unmanaged.passUnretained(self).toOpaque()) { context in
                unsafe EchoServer.from(context).begin()  // SAFETY: as above.
            })
    }

    private func begin() {
        // SAFETY: as in `start`; neither request names memory.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: as above.
        unsafe loop.submit(.poll(descriptor: signals, events: 1), context: context) {
            context, _, _, _ in
            unsafe EchoServer.from(context).loop.stop()  // SAFETY: as above.
        }
        // SAFETY: as above.
        unsafe loop.submit(.acceptStream(listener: listener), context: context) {
            context, _, result, _ in
            unsafe EchoServer.from(context).accepted(result)  // SAFETY: as above.
        }
    }

    private func accepted(_ result: Int32) {
        guard result >= 0 else { return loop.stop() }
        connectionCount += 1
        // Accepted sockets inherit TCP_NODELAY from the listener.
        EchoConnection(self, descriptor: result).start()
    }

    private static func from(_ context: UnsafeMutableRawPointer) -> EchoServer {
        // SAFETY: the context of this server's own operations.
        unsafe Unmanaged<EchoServer>.fromOpaque(context).takeUnretainedValue()
    }
}
