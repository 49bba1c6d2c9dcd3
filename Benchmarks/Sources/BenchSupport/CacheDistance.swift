// SPDX-License-Identifier: MIT

/// How long a cache line takes from one CPU to another and back. Hosts move virtual CPUs, so this
/// has two modes that last for seconds; what is contended is compared inside one mode only.
package enum CacheDistance: String, Codable, Sendable {
    case near, far, mixed

    /// The mode of one probe; a probe that was disturbed says `mixed`.
    package init(nanoseconds: Double) {
        switch nanoseconds {
        case 0..<170: self = .near
        case 220..<900: self = .far
        default: self = .mixed
        }
    }

    /// The label of a trial that was probed before and after.
    package func merged(with other: CacheDistance) -> CacheDistance {
        self == other ? self : .mixed
    }
}
