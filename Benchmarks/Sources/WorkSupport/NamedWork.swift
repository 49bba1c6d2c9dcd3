// SPDX-License-Identifier: MIT

/// A work of a program, as its command line calls it.
package struct NamedWork: Sendable {
    package let name: String
    /// Prepares it for so many places, timers, or what else its size means, and so many threads.
    package let make: @Sendable (_ size: Int, _ threads: Int) -> Work

    package init(_ name: String, make: @escaping @Sendable (_ size: Int, _ threads: Int) -> Work) {
        self.name = name
        self.make = make
    }
}
