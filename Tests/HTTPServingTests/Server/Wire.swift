// SPDX-License-Identifier: MIT

import EventLoops
import Testing

/// How a server is reached: over which backend, and whether through TLS.
struct Wire: Sendable, CustomTestStringConvertible {
    let backend: BackendChoice
    let isSecure: Bool

    var testDescription: String { "\(backend.rawValue)\(isSecure ? ", TLS" : "")" }
}

/// Both backends, plain and, if the package has it, with TLS.
let wires: [Wire] = backends.flatMap { backend in
    #if TLS
        [Wire(backend: backend, isSecure: false), Wire(backend: backend, isSecure: true)]
    #else
        [Wire(backend: backend, isSecure: false)]
    #endif
}
