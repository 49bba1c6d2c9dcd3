// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// Certificates as one end sends them: its own first, then each one's issuer.
    ///
    /// The bytes never change and lie where BearSSL finds them as long as the value lives.
    @safe
    final class CertificateChain: @unchecked Sendable {
        /// Certificates of one chain.
        static let countMax = 16

        /// Where they came from.
        let source: String
        /// The bytes of the first one.
        let leaf: [UInt8]
        let entries: UnsafeMutableBufferPointer<br_x509_certificate>

        /// The certificates of a text, in its order.
        init(pem text: [UInt8], source: String) throws(TLSSetupError) {
            let objects = try PEM.objects(in: text, source: source).filter { $0.isCertificate }
            guard let first = objects.first else { throw TLSSetupError(source, .noCertificate) }
            if objects.count > CertificateChain.countMax {
                throw TLSSetupError(source, .tooManyCertificates)
            }
            self.source = source
            leaf = first.bytes
            unsafe entries = .allocate(capacity: objects.count)  // SAFETY: freed in `deinit`.
            for (index, object) in objects.enumerated() {
                // SAFETY: the entries point to copies that are freed in `deinit`.
                let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: object.bytes.count)
                _ = unsafe copy.initialize(from: object.bytes)
                unsafe entries.initializeElement(
                    at: index,
                    to: br_x509_certificate(data: copy.baseAddress, data_len: copy.count))
            }
            for (index, object) in objects.enumerated() {
                let certificate = Certificate(object.bytes)
                if let fault = certificate.fault {
                    throw TLSSetupError(source, .badCertificate(number: index + 1, fault))
                }
            }
        }

        deinit {
            // SAFETY: from `init`, not used any more.
            for index in unsafe entries.indices { unsafe entries[index].data.deallocate() }
            unsafe entries.deallocate()
        }
    }

    /// What BearSSL reads in one certificate.
    @safe
    final class Certificate {
        private let context: UnsafeMutablePointer<br_x509_decoder_context>
        /// Why it cannot be read; nil if it can.
        let fault: CertificateFault?
        /// The subject's name, in DER.
        let subject: [UInt8]

        init(_ bytes: [UInt8]) {
            // SAFETY: freed in `deinit`.
            let context = UnsafeMutablePointer<br_x509_decoder_context>.allocate(capacity: 1)
            let names = SubjectBytes()
            // SAFETY: the bytes live for the call, and the name's bytes are handed over within it.
            unsafe br_x509_decoder_init(
                context,
                { owner, bytes, count in
                    // SAFETY: copies that `deinit` frees.
                    guard let owner = unsafe owner else { return }
                    unsafe Unmanaged<SubjectBytes>.fromOpaque(owner).takeUnretainedValue()
                        .bytes.append(
                            contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
                }, Unmanaged.passUnretained(names).toOpaque())
            // SAFETY: copies that `deinit` frees.
            unsafe bytes.withUnsafeBytes {
                unsafe br_x509_decoder_push(context, $0.baseAddress, $0.count)
            }
            // SAFETY: copies that `deinit` frees.
            let code = unsafe br_x509_decoder_last_error(context)
            unsafe self.context = context
            fault = code == 0 ? nil : CertificateFault(rawValue: UInt8(code)) ?? .invalidValue
            subject = names.bytes
        }

        deinit { unsafe context.deallocate() }  // SAFETY: from `init`, not used any more.

        /// Whether it is an authority's.
        var isAuthority: Bool { unsafe br_x509_decoder_isCA(context) != 0 }

        /// The public key, whose bytes live as long as this; nil if the certificate has a fault.
        var key: UnsafeMutablePointer<br_x509_pkey>? {
            unsafe br_x509_decoder_get_pkey(context)  // SAFETY: points into the context.
        }
    }

    /// Where the bytes of a name are gathered.
    private final class SubjectBytes {
        var bytes: [UInt8] = []
    }

#endif
