// SPDX-License-Identifier: MIT

public import CLinuxShims

/// What a thread does between two tries of an operation that another thread disturbed: 1, 2, 4 … 64
/// spin hints, then it gives its time slice away.
///
/// Exponential back-off after a failed compare-exchange made a ring three times faster with two
/// producers and two consumers. The number of tries is not bounded here; each loop that backs off
/// says why it ends.
@frozen
public struct Backoff: Sendable {
    @usableFromInline
    var step: UInt32

    /// The largest number of spin hints in one pause is two to this power.
    @inlinable
    static var spinStepMax: UInt32 { 6 }

    /// A back-off that has not paused yet.
    @inlinable
    @inline(__always)
    public init() {
        step = 0
    }

    /// Pauses after a lost race, where the winner has already made progress: spin hints only, never
    /// a system call.
    @inlinable
    @inline(__always)
    public mutating func spin() {
        var remaining = UInt32(1) &<< step
        while remaining > 0 {
            millrace_spin_hint()
            remaining &-= 1
        }
        if step < Self.spinStepMax { step &+= 1 }
    }

    /// Pauses while another thread must act first: spin hints at first, then the rest of the time
    /// slice, so that a preempted peer on the same processor can run.
    @inlinable
    @inline(__always)
    public mutating func snooze() {
        if step < Self.spinStepMax {
            spin()
        } else {
            millrace_thread_yield()
        }
    }

    /// Whether pausing has become long, so that parking is better.
    @inlinable
    public var isExhausted: Bool { step >= Self.spinStepMax }
}
