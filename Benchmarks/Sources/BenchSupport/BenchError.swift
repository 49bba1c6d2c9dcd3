// SPDX-License-Identifier: MIT

/// Why a bench could not be run, or its work not be believed.
package struct BenchError: Error, CustomStringConvertible {
    package let description: String
    /// Whether it is only that something took too long.
    package let isTimeout: Bool

    package init(_ description: String, isTimeout: Bool = false) {
        self.description = description
        self.isTimeout = isTimeout
    }
}
