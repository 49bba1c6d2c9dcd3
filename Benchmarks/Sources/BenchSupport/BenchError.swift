// SPDX-License-Identifier: MIT

/// Why a bench could not be run, or its work not be believed.
package struct BenchError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
