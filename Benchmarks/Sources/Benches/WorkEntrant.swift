// SPDX-License-Identifier: MIT

/// A work of one of the programs whose threads do one thing over and over.
struct WorkEntrant {
    /// The name in tables.
    let name: String
    /// The program of this build, or of the peers.
    let program: String
    /// What its command line calls the work.
    let work: String
    /// Whether it is a candidate for the reference.
    var isPeer = false
    /// Whether only `--peers` builds it.
    var isForeign = false
    /// Whose value its own is divided by, if that is not the reference's.
    var baseline: String?
    /// How many threads it is told to use, if not as many as the scenario has.
    var threads: Int?

    /// A work of Millrace.
    static func own(_ name: String, _ work: String? = nil, to baseline: String? = nil) -> Self {
        Self(
            name: name, program: "primitives_millrace", work: work ?? name, baseline: baseline)
    }

    /// What Millrace's are compared with, and is always there.
    static func reference(_ name: String, _ program: String, _ work: String) -> Self {
        Self(name: name, program: program, work: work, isPeer: true)
    }

    /// What only `--peers` builds.
    static func peer(
        _ name: String, _ program: String, _ work: String, isReference: Bool = true
    ) -> Self {
        Self(
            name: name, program: program, work: work, isPeer: isReference, isForeign: true)
    }
}
