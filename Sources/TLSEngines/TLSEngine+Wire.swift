// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    // The side of the wire.

    extension TLSEngine {
        /// Takes bytes that came from the peer; returns how many. Fewer than there are: received
        /// data must be consumed, or what is outgoing must be sent, before more is taken.
        ///
        /// After a failure and after the peer's close everything is taken and dropped.
        public func receive(_ bytes: Span<UInt8>) -> Int {
            unsafe bytes.withUnsafeBytes { unsafe receive($0) }  // SAFETY: lent for the call.
        }

        /// The same.
        public func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
            // SAFETY: the engine and its buffers are this one's.
            if unsafe failure != nil || hasEnded || engine.pointee.shutdown_recv != 0 {
                return bytes.count
            }
            attach()
            var taken = 0
            if !isGateOpen {
                // SAFETY: the engine and its buffers are this one's.
                guard let count = unsafe passGate(bytes) else { return bytes.count }
                taken = count
            }
            if taken < bytes.count, isGateOpen {
                taken += unsafe take(bytes, from: taken)  // SAFETY: lent for the call.
            }
            afterEngine()
            settle()
            return failure == nil ? taken : bytes.count
        }

        /// Hands BearSSL bytes of the wire; returns how many it took. It stops where the handshake
        /// ends: an end that comes with that must not hide that there was one.
        private func take(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
            var taken = 0
            while true {  // Ends: the second turn is behind the opening, and the last.
                let wasOpen = hasOpened
                // SAFETY: the rest of bytes that are lent for the call.
                taken += unsafe millrace_tls_take(
                    engine, bytes.baseAddress.map { unsafe $0 + start + taken },
                    bytes.count - start - taken, !wasOpen)
                afterEngine()
                if wasOpen || !hasOpened { return taken }
            }
        }

        /// Bytes for the peer; empty if there are none. They stay where they are until `didSend`,
        /// whatever else is called.
        public var outgoing: UnsafeRawBufferPointer {
            if failure == nil, !hasEnded {
                var count = 0
                // SAFETY: the buffer is the engine's until the bytes are sent.
                let bytes = unsafe br_ssl_engine_sendrec_buf(engine, &count)
                return unsafe UnsafeRawBufferPointer(start: bytes, count: count)
            }
            var count = 0
            // SAFETY: the engine and its buffers are this one's.
            if unsafe output != nil {
                // SAFETY: a failed engine leaves its output as it was.
                let bytes = unsafe millrace_tls_unsent(engine, &count)
                if count > 0 { return unsafe UnsafeRawBufferPointer(start: bytes, count: count) }
            }
            // SAFETY: the engine and its buffers are this one's.
            return unsafe alert.bytes
        }

        /// Whether there are bytes for the peer.
        public var hasOutgoing: Bool { unsafe outgoing.count > 0 }  // SAFETY: a number.

        /// The first bytes of `outgoing` have been sent.
        public func didSend(_ count: Int) {
            precondition(count >= 0, "a negative number of bytes was sent")
            // SAFETY: the engine and its buffers are this one's.
            precondition(unsafe count <= outgoing.count, "more was sent than there was")
            if count == 0 { return }
            if failure == nil, !hasEnded {
                attach()
                unsafe br_ssl_engine_sendrec_ack(engine, count)  // SAFETY: not more than there was.
                afterEngine()
            } else {
                dropUnsent(count)
            }
            settle()
        }

        /// Hands bytes for the peer out; the closure says how many it has sent.
        public func withOutgoing(_ body: (Span<UInt8>) -> Int) {
            // SAFETY: the engine and its buffers are this one's.
            let bytes = unsafe outgoing
            if unsafe bytes.isEmpty { return }
            didSend(unsafe body(Span(_unsafeBytes: bytes)))  // SAFETY: valid until they are sent.
        }

        /// The stream from the peer has ended. Without the peer's close_notify the connection has
        /// failed: `truncated`.
        public func wireEnded() {
            if failure != nil || hasPeerClosed { return }
            fail(.truncated)
            settle()
        }

        /// Ends without a word, and gives all buffers back: nothing is sent or received any more.
        /// For a connection that is closed; without it they go back with the engine, wherever its
        /// last reference is dropped.
        public func discard() {
            if failure == nil { hasEnded = true }
            closeCheck()
            // SAFETY: as in `outgoing`; each turn drops what is unsent, then the alert.
            while unsafe outgoing.count > 0 { dropUnsent(unsafe outgoing.count) }
            settle()
        }

        private func dropUnsent(_ count: Int) {
            var unsent = 0
            // SAFETY: as in `outgoing`.
            if unsafe output != nil { _ = unsafe millrace_tls_unsent(engine, &unsent) }
            if unsent > 0 {
                unsafe engine.pointee.oxa += count
                // SAFETY: the engine and its buffers are this one's.
                unsafe engine.pointee.oxb = engine.pointee.oxa
            } else {
                alert.drop(count)
            }
        }

        // MARK: Buffers

        func attach() {
            // SAFETY: an engine without a buffer has nothing in it, so another one does.
            if unsafe input == nil {
                unsafe input = buffers.takeInput()
                unsafe millrace_tls_set_input(engine, input)
            }
            // SAFETY: the engine and its buffers are this one's.
            if unsafe output == nil {
                unsafe output = buffers.takeOutput()
                unsafe millrace_tls_set_output(engine, output)
            }
        }

        /// Gives buffers back that hold nothing.
        func settle() {
            let isOver = failure != nil || hasEnded
            // SAFETY: the engine and its buffers are this one's.
            if let buffer = unsafe input, unsafe isOver || millrace_tls_is_input_idle(engine) {
                unsafe input = nil  // SAFETY: nothing of this engine lies in it.
                unsafe buffers.giveInput(buffer)
            }
            if let buffer = unsafe output, isOutputIdle(isOver) {
                unsafe output = nil  // SAFETY: as above.
                unsafe buffers.giveOutput(buffer)
            }
        }

        private func isOutputIdle(_ isOver: Bool) -> Bool {
            if isOver {
                var count = 0
                _ = unsafe millrace_tls_unsent(engine, &count)  // SAFETY: `output` is there.
                return count == 0
            }
            if !isGateOpen, gate.messageByteCount > 0 { return false }
            // SAFETY: the engine and its buffers are this one's.
            return unsafe millrace_tls_is_output_idle(engine)
        }
    }

#endif
