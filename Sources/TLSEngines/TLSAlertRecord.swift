// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// An alert as a record, ready for the wire; usually none.
    @safe
    struct TLSAlertRecord: ~Copyable {
        /// Where the record lies: at a fixed address, because a send may be under way.
        private var memory: UnsafeMutablePointer<UInt8>?
        private var start = 0
        private var end = 0

        init() { unsafe memory = nil }  // SAFETY: no pointer.

        deinit { unsafe memory?.deallocate() }  // SAFETY: from `seal` or `write`, ours.

        var isEmpty: Bool { start == end }

        /// The bytes that are left to send; valid until they have been sent.
        var bytes: UnsafeRawBufferPointer {
            // SAFETY: within what was written.
            unsafe UnsafeRawBufferPointer(
                start: memory.map { unsafe $0 + start }, count: end - start)
        }

        mutating func drop(_ count: Int) {
            precondition(count <= end - start, "more than there was")
            start += count
        }

        /// Protected as the engine's records are.
        mutating func seal(
            _ alert: TLSAlert, _ engine: UnsafeMutablePointer<br_ssl_engine_context>
        ) {
            // SAFETY: memory of its own.
            let memory = unsafe make()
            // SAFETY: as many bytes as the call asks for.
            end = unsafe millrace_tls_seal_alert(engine, memory, alert.rawValue, &start)
            end += start
        }

        /// In the clear, in a record of that version (RFC 5246, section 7.2).
        mutating func write(_ alert: TLSAlert, version: UInt16) {
            // SAFETY: memory of its own.
            let memory = unsafe make()
            let record: InlineArray<7, UInt8> = [
                21, UInt8(version >> 8), UInt8(version & 0xff), 0, 2, 2, alert.rawValue,
            ]
            for index in record.indices { unsafe memory[index] = record[index] }  // SAFETY: room.
            start = 0
            end = record.count
        }

        private mutating func make() -> UnsafeMutablePointer<UInt8> {
            // SAFETY: an engine fails once; freed in `deinit`.
            let memory = unsafe memory ?? .allocate(capacity: Int(MILLRACE_TLS_ALERT_SIZE))
            unsafe self.memory = memory
            return unsafe memory
        }
    }

#endif
