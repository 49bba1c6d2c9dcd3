// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    // The side of the program.

    extension TLSEngine {
        /// Where the connection stands.
        public var phase: TLSPhase {
            if let failure { return .failed(failure) }
            if hasEnded { return .closed }
            if isClosing || hasPeerClosed { return .closing }
            return hasOpened ? .open : .handshake
        }

        /// Whether data may flow.
        public var isOpen: Bool { phase == .open }

        /// Whether the peer has sent its close_notify: with what has been received, the data is
        /// complete.
        public var hasPeerClosed: Bool {
            unsafe hasEnded || engine.pointee.shutdown_recv != 0  // SAFETY: the engine lives.
        }

        /// Takes plain bytes for the peer; returns how many found room: at most 16,384, and none
        /// while a record waits to be sent or the connection is not open.
        ///
        /// A full record becomes outgoing by itself; `flush` closes one that is not full.
        public func write(_ bytes: Span<UInt8>) -> Int {
            unsafe bytes.withUnsafeBytes { unsafe write($0) }  // SAFETY: lent for the call.
        }

        /// The same.
        public func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            guard isOpen, bytes.count > 0 else { return 0 }
            attach()
            // SAFETY: lent for the call.
            let count = unsafe millrace_tls_write(engine, bytes.baseAddress, bytes.count)
            settle()
            return count
        }

        /// Makes a record of what was written and is not outgoing yet.
        public func flush() {
            // SAFETY: the engine and its buffers are this one's.
            guard failure == nil, !hasEnded, unsafe output != nil else { return }
            unsafe br_ssl_engine_flush(engine, 0)  // SAFETY: the output is there.
        }

        /// The data that has been received; empty if there is none. Valid until `consume`.
        public var received: UnsafeRawBufferPointer {
            // SAFETY: the engine and its buffers are this one's.
            guard failure == nil, unsafe input != nil else {
                return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            }
            var count = 0
            // SAFETY: the buffer is the engine's until the bytes are consumed.
            let bytes = unsafe br_ssl_engine_recvapp_buf(engine, &count)
            return unsafe UnsafeRawBufferPointer(start: bytes, count: count)
        }

        /// Whether data has been received that is not consumed.
        public var hasReceived: Bool { unsafe received.count > 0 }  // SAFETY: a number.

        /// The first bytes of `received` are done with.
        public func consume(_ count: Int) {
            precondition(count >= 0, "a negative number of bytes is consumed")
            // SAFETY: the engine and its buffers are this one's.
            precondition(unsafe count <= received.count, "more is consumed than there was")
            if count == 0 { return }
            unsafe br_ssl_engine_recvapp_ack(engine, count)  // SAFETY: not more than there was.
            settle()
        }

        /// Hands received data out; the closure says how much of it is done with.
        public func withReceived(_ body: (Span<UInt8>) -> Int) {
            // SAFETY: the engine and its buffers are this one's.
            let bytes = unsafe received
            if unsafe bytes.isEmpty { return }
            consume(unsafe body(Span(_unsafeBytes: bytes)))  // SAFETY: valid until consumed.
        }

        /// Copies received data; returns how many bytes.
        public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
            // SAFETY: the engine and its buffers are this one's.
            let bytes = unsafe received
            let count = min(bytes.count, buffer.count)
            // SAFETY: not more than either has.
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            consume(count)
            return count
        }

        /// Sends close_notify behind what was written. Nothing can be written any more; what the
        /// peer still sends is dropped.
        public func close() {
            if failure != nil || hasEnded || isClosing { return }
            isClosing = true
            if !isGateOpen {
                // The client has not said anything yet: there is nothing to close.
                hasEnded = true
            } else {
                attach()
                // SAFETY: both buffers are there.
                while let count = optionalReceivedCount {
                    unsafe br_ssl_engine_recvapp_ack(engine, count)
                }
                // SAFETY: the engine and its buffers are this one's.
                unsafe br_ssl_engine_close(engine)
                afterEngine()
            }
            settle()
        }

        private var optionalReceivedCount: Int? {
            // SAFETY: the engine and its buffers are this one's.
            let count = unsafe received.count
            return count == 0 ? nil : count
        }

        // MARK: What was agreed

        /// The application protocol; nil if none was agreed on.
        public var selectedProtocol: String? {
            // SAFETY: names are kept by the policy.
            guard hasOpened, let name = unsafe br_ssl_engine_get_selected_protocol(engine) else {
                return nil
            }
            // SAFETY: the engine and its buffers are this one's.
            return unsafe String(cString: name)
        }

        /// The name that the client asked for; nil if it gave none.
        public var serverName: String? {
            // SAFETY: NUL-terminated, in the engine.
            guard let name = unsafe br_ssl_engine_get_server_name(engine),
                unsafe name.pointee != 0
            else { return nil }
            // SAFETY: the engine and its buffers are this one's.
            return unsafe String(cString: name)
        }

        /// The suite's number; 0 before there is one.
        public var suite: UInt16 {
            hasOpened ? unsafe engine.pointee.session.cipher_suite : 0  // SAFETY: it lives.
        }
    }

#endif
