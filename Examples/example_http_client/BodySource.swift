// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import ExampleSupport
    internal import Glibc
    internal import HTTPClients

    /// Where a request's body comes from.
    enum BodySource: Sendable {
        case text(String)
        case file(String)
        case standardInput

        private static var pieceByteCount: Int { 65_536 }

        /// Reads the written form: a text, `@FILE`, `-`.
        init(_ text: String) {
            if text == "-" {
                self = .standardInput
            } else if text.hasPrefix("@") {
                self = .file(String(text.dropFirst()))
            } else {
                self = .text(text)
            }
        }

        /// The body. A file is opened when it is sent, and again if it is sent again.
        func body() throws(ArgumentError) -> ClientBody {
            switch self {
            case .text(let text): return .text(text)
            case .standardInput: return .stream { try await Self.copy(0, "standard input", to: $0) }
            case .file(let path):
                var info = stat()
                // SAFETY: NUL-terminated for the call; the callee fills the structure in.
                guard unsafe stat(path, &info) == 0 else {
                    throw ArgumentError("cannot read \(path): \(Self.reason(errno))")
                }
                let isFile = info.st_mode & S_IFMT == S_IFREG
                return .stream(
                    byteCount: isFile ? UInt64(info.st_size) : nil, isRepeatable: isFile
                ) { try await Self.send(path, to: $0) }
            }
        }

        private static func send(_ path: String, to writer: ClientBodyWriter) async throws {
            // SAFETY: NUL-terminated for the call.
            let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { throw ArgumentError("cannot read \(path): \(reason(errno))") }
            defer { close(file) }
            try await copy(file, path, to: writer)
        }

        private static func copy(
            _ file: Int32, _ name: String, to writer: ClientBodyWriter
        ) async throws {
            while true {  // Ends with the file, or throws.
                let piece = await BlockingPool.shared.run { read(file) }
                switch piece {
                case .success(let bytes) where bytes.isEmpty: return
                case .success(let bytes): try await writer.write(bytes)
                case .failure(let error): throw ArgumentError("cannot read \(name): \(error)")
                }
            }
        }

        private static func read(_ file: Int32) -> Result<[UInt8], ArgumentError> {
            var code: Int32 = 0
            // SAFETY: the callee fills in at most the capacity, and says how much.
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: pieceByteCount) {
                memory, count in
                var result = -1
                repeat {  // Ends when no signal comes.
                    // SAFETY: as above.
                    result = unsafe Glibc.read(file, memory.baseAddress, pieceByteCount)
                    code = result < 0 ? errno : 0
                } while code == EINTR
                count = max(0, result)
            }
            return code == 0 ? .success(bytes) : .failure(ArgumentError(reason(code)))
        }

        private static func reason(_ code: Int32) -> String {
            unsafe String(cString: strerror(code))  // SAFETY: copied at once.
        }
    }
#endif
