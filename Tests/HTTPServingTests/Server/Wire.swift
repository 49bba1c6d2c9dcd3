// SPDX-License-Identifier: MIT

import EventLoops
import Glibc
import Testing

/// How a server is reached: over which backend, and whether through TLS.
struct Wire: Sendable, CustomTestStringConvertible {
    let backend: BackendChoice
    let isSecure: Bool

    var testDescription: String { "\(backend.rawValue)\(isSecure ? ", TLS" : "")" }
}

/// Both backends, plain and, if the package has it, with TLS. Under ThreadSanitizer plain alone:
/// handshakes are a hundred times slower there, and TLS adds no thread; its own suites run.
let wires: [Wire] = backends.flatMap { backend in
    let plain = Wire(backend: backend, isSecure: false)
    #if TLS
        // SAFETY: only compares with nil; nobody changes the environment.
        let isSanitized = unsafe getenv("MILLRACE_TSAN") != nil
        return isSanitized ? [plain] : [plain, Wire(backend: backend, isSecure: true)]
    #else
        return [plain]
    #endif
}
