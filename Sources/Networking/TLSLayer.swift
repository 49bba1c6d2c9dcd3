// SPDX-License-Identifier: MIT

#if TLS

    internal import CLinuxShims
    package import EventLoops
    package import TLSEngines

    /// TLS between a connection's socket and its user.
    ///
    /// A reader finds the end when the peer has said close_notify; without it, or after a failure,
    /// reading and writing fail with `EPROTO`, and `engine.failure` says why. The alert that tells
    /// the peer leaves before the connection is closed if its user waits until all is sent.
    package final class TLSLayer: StreamLayer {
        /// What speaks TLS.
        package let engine: TLSEngine
        private var unflushedByteCount = 0
        private var isShaking = true
        /// The wire has ended too early, and what came before is not yet read.
        private var isTruncated = false
        /// Told once, when the handshake has come to its end or has failed.
        package var didShakeHands: ((TLSEngine) -> Void)?

        /// A layer that begins with the handshake, once it is inserted.
        package init(
            _ engine: TLSEngine, over input: ReceiveStream, and output: SendStream
        ) {
            self.engine = engine
            super.init(over: input, and: output)
        }

        package override func receive(_ wire: UnsafeRawBufferPointer) -> Int {
            // What was written leaves before the engine learns of an end that would drop it.
            if unflushedByteCount > 0, !engine.hasReceived { flush() }
            let count = unsafe engine.receive(wire)  // SAFETY: lent for the call.
            wireIsDue()
            look()
            return count
        }

        package override func wireEnded(_ wireEnd: ReceiveStream.End) {
            if case .failed = wireEnd {
                end = wireEnd
            } else if engine.hasReceived {
                // The engine drops it when it fails.
                isTruncated = true
                end = .failed(Int32(MILLRACE_EPROTO))
            } else {
                engine.wireEnded()
            }
            look()
            stateChanged()
        }

        /// Tells the streams what the engine has become.
        private func look() {
            if engine.failure != nil {
                end = .failed(Int32(MILLRACE_EPROTO))
            } else if engine.hasPeerClosed {
                end = .finished
            }
            if engine.failure != nil || engine.hasPeerClosed { unflushedByteCount = 0 }
            if isShaking, end != nil || engine.isOpen {
                isShaking = false
                didShakeHands?(engine)
                stateChanged()
            } else if end != nil {
                stateChanged()
            }
        }

        package override var readable: UnsafeRawBufferPointer {
            unsafe engine.received  // SAFETY: valid until consumed, as is said there.
        }

        package override func consume(_ count: Int) {
            engine.consume(count)
            guard isTruncated, !engine.hasReceived else { return }
            isTruncated = false
            engine.wireEnded()
            look()
        }

        package override func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            let count = unsafe engine.write(bytes)  // SAFETY: copied in the call.
            // What does not become a record at once waits for `flush`.
            unflushedByteCount = engine.hasOutgoing ? 0 : unflushedByteCount + count
            return count
        }

        package override func flush() {
            guard unflushedByteCount > 0 else { return }
            unflushedByteCount = 0
            engine.flush()
        }

        package override var hasWireBytes: Bool { engine.hasOutgoing }

        package override func fill(_ memory: UnsafeMutableRawBufferPointer) -> Int {
            let wire = unsafe engine.outgoing  // SAFETY: valid until `didSend`.
            let count = min(wire.count, memory.count)
            // SAFETY: both have so many bytes.
            unsafe memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: wire[..<count]))
            engine.didSend(count)
            return count
        }

        package override func finish() {
            unflushedByteCount = 0
            engine.close()
            look()
        }

        package override var room: Int {
            engine.isOpen && !engine.hasOutgoing ? Self.recordByteCountMax : 0
        }

        /// What one record carries (RFC 5246, section 6.2.1).
        private static let recordByteCountMax = 16_384

        package override var pendingByteCount: Int {
            unsafe engine.outgoing.count + unflushedByteCount  // SAFETY: a number.
        }

        package override var refusal: Int32? {
            switch engine.phase {
            case .handshake, .open: nil
            case .closing, .closed: Int32(MILLRACE_EPIPE)
            case .failed: Int32(MILLRACE_EPROTO)
            }
        }

        package override var isOpen: Bool { engine.isOpen }

        /// The connection is closed: memory goes back to the loop while this is its thread.
        package override func giveBack() { engine.discard() }
    }

#endif
