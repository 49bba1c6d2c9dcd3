// SPDX-License-Identifier: MIT

/// One row of a scenario: something that can be tried again and again.
package struct Entrant {
    package let name: String
    /// Whether it is a candidate for the reference: of all peers, the one with the lowest median.
    package var isPeer = false
    /// Whose value its own is divided by instead of the reference's: the name of another entrant.
    package var baseline: String?
    /// Whether the others go on without it when a trial of it takes too long.
    package var mayBeLeftOut = false
    /// One trial. It checks its work, and throws if that is wrong.
    package let run: () throws -> Measurement

    package init(_ name: String, run: @escaping () throws -> Measurement) {
        self.name = name
        self.run = run
    }
}
