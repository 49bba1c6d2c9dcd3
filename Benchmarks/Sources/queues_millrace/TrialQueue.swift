// SPDX-License-Identifier: MIT

internal import ConcurrentQueues

/// A queue of elements that a trial can use.
protocol TrialQueue: ~Copyable, Sendable {
    associatedtype Element: TrialElement
    /// The element if there is no room.
    func tryPush(_ element: consuming sending Element) -> sending Element?
    /// Nil if there is none.
    func tryPop() -> sending Element?
}

extension BoundedMPMCQueue: TrialQueue where Element: TrialElement {}
extension LockFreeMPMCQueue: TrialQueue where Element: TrialElement {}
extension UnboundedMPMCQueue: TrialQueue where Element: TrialElement {}
extension BoundedSPSCQueue: TrialQueue where Element: TrialElement {}
extension UnboundedSPSCQueue: TrialQueue where Element: TrialElement {}
