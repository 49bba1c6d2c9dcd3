// SPDX-License-Identifier: MIT

internal import EventLoops

/// Where the loops of storms run.
enum StormPlace: Sendable {
    /// In a world of their own, in virtual time.
    case simulated
    /// On a backend of the kernel's. `onHeal` makes the network well; it is called by each seed.
    case kernel(BackendChoice, onHeal: @Sendable () -> Void)
}
