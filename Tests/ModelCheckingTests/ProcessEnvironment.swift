// SPDX-License-Identifier: MIT

import Glibc

/// Whether the tests were built with optimisation: else they are twenty times slower.
var isOptimized: Bool {
    #if DEBUG
        false
    #else
        true
    #endif
}

/// The environment of the test process.
enum ProcessEnvironment {
    /// The value of a variable, if it is set.
    static func value(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }  // SAFETY: nobody sets any.
        return unsafe String(cString: text)  // SAFETY: as above; the text ends with a zero.
    }
}
