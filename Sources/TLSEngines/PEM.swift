// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL
    internal import CLinuxShims

    /// Text with objects between BEGIN and END lines (RFC 7468).
    public enum PEM {
        /// Bytes of one file. The system's list of authorities has about 200,000.
        public static let byteCountMax = 4 << 20
        /// Objects of one file.
        public static let objectCountMax = 10_000

        /// One object: what stands behind BEGIN, and its bytes.
        struct Object {
            var label: [UInt8]
            var bytes: [UInt8]

            func isLabelled(_ text: StaticString) -> Bool {
                // SAFETY: a literal lives as long as the program.
                let bytes = unsafe UnsafeBufferPointer(
                    start: text.utf8Start, count: text.utf8CodeUnitCount)
                return unsafe label.elementsEqual(bytes)
            }

            var isCertificate: Bool {
                isLabelled("CERTIFICATE") || isLabelled("X509 CERTIFICATE")
                    || isLabelled("TRUSTED CERTIFICATE")
            }
        }

        /// A file's bytes.
        static func load(_ path: String) throws(TLSSetupError) -> [UInt8] {
            // Most files are small: a second look at one that is not costs less than room for all.
            for capacity in [64 << 10, byteCountMax] {
                var result: Int64 = 0
                // SAFETY: the context lives as long as this; the rest for the call.
                let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                    // SAFETY: the call writes within the buffer and says how much.
                    result = unsafe millrace_file_load(path, buffer.baseAddress, capacity)
                    count = max(0, Int(result))
                }
                if result >= 0 { return bytes }
                if result != -27 { throw TLSSetupError(path, .unreadable(Int32(-result))) }
            }
            throw TLSSetupError(path, .tooLarge)
        }

        /// The objects of a text, in order. BearSSL reads base64 in constant time, which matters
        /// for keys.
        static func objects(
            in text: [UInt8], source: String
        ) throws(TLSSetupError) -> [Object] {
            let reader = PEMReader()
            // SAFETY: the context lives as long as this; the rest for the call.
            let isWhole = unsafe text.withUnsafeBytes { unsafe reader.read($0) }
            guard isWhole, reader.objects.count <= objectCountMax else {
                throw TLSSetupError(source, .badPEM)
            }
            return reader.objects
        }
    }

    /// BearSSL's reader of PEM, and what it has read.
    @safe
    private final class PEMReader {
        var objects: [PEM.Object] = []
        private let context: UnsafeMutablePointer<br_pem_decoder_context>

        init() {
            unsafe context = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
            unsafe br_pem_decoder_init(context)
        }

        deinit {
            // SAFETY: the buffer may hold a part of a key.
            unsafe TLSMemory.erase(context, MemoryLayout<br_pem_decoder_context>.size)
            unsafe context.deallocate()
        }

        /// Whether the text could be read to its end.
        func read(_ text: UnsafeRawBufferPointer) -> Bool {
            var isInside = false
            var index = 0
            while index < text.count {  // Ends: a turn takes bytes or meets an event.
                // SAFETY: the rest of the text, which lives for the call.
                index += unsafe br_pem_decoder_push(
                    context, text.baseAddress.map { unsafe $0 + index }, text.count - index)
                switch unsafe br_pem_decoder_event(context) {
                case BR_PEM_BEGIN_OBJ:
                    begin()
                    isInside = true
                case BR_PEM_END_OBJ: isInside = false
                case BR_PEM_ERROR: return false
                default: break
                }
                if objects.count > PEM.objectCountMax { return false }
            }
            // A last line without its end is a line too.
            if isInside {
                var end: UInt8 = 0x0a
                // SAFETY: the context lives as long as this; the rest for the call.
                _ = unsafe br_pem_decoder_push(context, &end, 1)
                isInside = unsafe br_pem_decoder_event(context) != BR_PEM_END_OBJ
            }
            return !isInside
        }

        private func begin() {
            var label: [UInt8] = []
            // SAFETY: the name is NUL-terminated and lies in the context.
            if let name = unsafe br_pem_decoder_name(context) {
                var index = 0
                while unsafe name[index] != 0 {
                    // SAFETY: the context lives as long as this; the rest for the call.
                    label.append(UInt8(bitPattern: unsafe name[index]))
                    index += 1
                }
            }
            objects.append(PEM.Object(label: label, bytes: []))
            // SAFETY: the reader outlives the call in which BearSSL hands the bytes over.
            unsafe br_pem_decoder_setdest(
                context,
                { owner, bytes, count in
                    // SAFETY: the context lives as long as this; the rest for the call.
                    guard let owner = unsafe owner else { return }
                    let reader = unsafe Unmanaged<PEMReader>.fromOpaque(owner)
                        .takeUnretainedValue()
                    // SAFETY: the context lives as long as this; the rest for the call.
                    unsafe reader.objects[reader.objects.count - 1].bytes.append(
                        contentsOf: unsafe UnsafeRawBufferPointer(start: bytes, count: count))
                }, Unmanaged.passUnretained(self).toOpaque())
        }
    }

#endif
