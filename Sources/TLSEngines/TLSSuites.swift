// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// The suites: an ephemeral key on a curve, and encryption that also protects from change.
    enum TLSSuites {
        private static let aes: [UInt16] = [0xc02b, 0xc02f, 0xc02c, 0xc030]
        private static let chacha: [UInt16] = [0xcca9, 0xcca8]

        /// The best first: AES-GCM is ten times as fast as ChaCha20 where the processor has
        /// instructions for it, and not constant in time at a bearable price where it has not.
        static var ordered: [UInt16] {
            // SAFETY: no pointer is used, only whether there is one.
            let hasInstructions = unsafe br_aes_x86ni_ctr_get_vtable() != nil
            return hasInstructions ? aes + chacha : chacha + aes
        }
    }

    /// NUL-terminated names of protocols, where BearSSL finds them.
    @safe
    final class ProtocolNames: @unchecked Sendable {
        let names: [[UInt8]]
        let pointers: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>

        init(_ protocols: [String]) throws(TLSSetupError) {
            let names = protocols.map { [UInt8]($0.utf8) }
            guard names.count <= TLSLimits.protocolCountMax else {
                throw TLSSetupError("protocols", .tooManyProtocols)
            }
            for name in names where name.isEmpty || name.count > 255 || name.contains(0) {
                throw TLSSetupError("protocols", .badProtocolName)
            }
            self.names = names
            unsafe pointers = .allocate(capacity: names.count)  // SAFETY: freed in `deinit`.
            for (index, name) in names.enumerated() {
                let copy = UnsafeMutablePointer<CChar>.allocate(capacity: name.count + 1)
                for (offset, byte) in (name + [0]).enumerated() {
                    // SAFETY: one place for each byte and the zero.
                    unsafe (copy + offset).initialize(to: CChar(bitPattern: byte))
                }
                unsafe pointers.initializeElement(at: index, to: UnsafePointer(copy))
            }
        }

        deinit {
            // SAFETY: from `init`, not used any more.
            for index in unsafe pointers.indices { unsafe pointers[index]?.deallocate() }
            unsafe pointers.deallocate()
        }
    }

#endif
