// SPDX-License-Identifier: MIT

#if TLS

    /// Memory that held secrets.
    enum TLSMemory {
        /// Writes zeroes over bytes.
        ///
        /// Never inlined, so that the compiler does not see that nobody reads them any more.
        @inline(never)
        static func erase(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
            // SAFETY: the caller owns that many bytes.
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        }
    }

#endif
