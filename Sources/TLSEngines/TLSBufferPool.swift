// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// Buffers of the connections of one acceptor or connector: only those that hold something have
    /// any.
    ///
    /// A buffer of 16 kB is touched as far as it is used; one that comes back is warm.
    @safe
    final class TLSBufferPool {
        // SAFETY: a buffer has one owner at a time.
        private var inputs: [UnsafeMutableRawPointer] = unsafe []
        private var outputs: [UnsafeMutableRawPointer] = unsafe []
        /// Buffers that connections hold.
        private(set) var lentCount = 0

        init() {
            // SAFETY: a buffer has one owner at a time.
            unsafe inputs.reserveCapacity(TLSLimits.spareBufferCountMax)
            unsafe outputs.reserveCapacity(TLSLimits.spareBufferCountMax)
        }

        deinit {
            // SAFETY: nobody uses them.
            while let buffer = unsafe inputs.popLast() { unsafe buffer.deallocate() }
            while let buffer = unsafe outputs.popLast() { unsafe buffer.deallocate() }
        }

        func takeInput() -> UnsafeMutableRawPointer {
            lentCount += 1
            // SAFETY: a buffer has one owner at a time.
            return unsafe inputs.popLast()
                ?? .allocate(byteCount: Int(MILLRACE_TLS_INPUT_SIZE), alignment: 16)
        }

        func takeOutput() -> UnsafeMutableRawPointer {
            lentCount += 1
            // SAFETY: a buffer has one owner at a time.
            return unsafe outputs.popLast()
                ?? .allocate(byteCount: Int(MILLRACE_TLS_OUTPUT_SIZE), alignment: 16)
        }

        func giveInput(_ buffer: UnsafeMutableRawPointer) {
            lentCount -= 1
            // SAFETY: from `takeInput`, given back once.
            if unsafe inputs.count < TLSLimits.spareBufferCountMax {
                unsafe inputs.append(buffer)
            } else {
                // SAFETY: a buffer has one owner at a time.
                unsafe buffer.deallocate()
            }
        }

        func giveOutput(_ buffer: UnsafeMutableRawPointer) {
            lentCount -= 1
            // SAFETY: from `takeOutput`, given back once.
            if unsafe outputs.count < TLSLimits.spareBufferCountMax {
                unsafe outputs.append(buffer)
            } else {
                // SAFETY: a buffer has one owner at a time.
                unsafe buffer.deallocate()
            }
        }
    }

#endif
