// SPDX-License-Identifier: MIT

internal import ConcurrentQueues

/// A queue of numbers that a trial can use.
protocol TrialQueue: ~Copyable, Sendable {
    /// False if there is no room.
    func offer(_ number: UInt64) -> Bool
    /// Nil if there is none.
    func take() -> UInt64?
}

extension BoundedMPMCQueue: TrialQueue where Element == UInt64 {
    @inline(__always)
    func offer(_ number: UInt64) -> Bool { tryPush(number) == nil }
    @inline(__always)
    func take() -> UInt64? { tryPop() }
}

extension LockFreeMPMCQueue: TrialQueue where Element == UInt64 {
    @inline(__always)
    func offer(_ number: UInt64) -> Bool { tryPush(number) == nil }
    @inline(__always)
    func take() -> UInt64? { tryPop() }
}

extension UnboundedMPMCQueue: TrialQueue where Element == UInt64 {
    @inline(__always)
    func offer(_ number: UInt64) -> Bool { tryPush(number) == nil }
    @inline(__always)
    func take() -> UInt64? { tryPop() }
}

extension BoundedSPSCQueue: TrialQueue where Element == UInt64 {
    @inline(__always)
    func offer(_ number: UInt64) -> Bool { tryPush(number) == nil }
    @inline(__always)
    func take() -> UInt64? { tryPop() }
}

extension UnboundedSPSCQueue: TrialQueue where Element == UInt64 {
    @inline(__always)
    func offer(_ number: UInt64) -> Bool { tryPush(number) == nil }
    @inline(__always)
    func take() -> UInt64? { tryPop() }
}
