// SPDX-License-Identifier: MIT

public import CLinuxShims

#if Model
    public import ModelChecking
#endif

/// What a thread does between two tries of an operation that another thread disturbed: 4, 8 … 64
/// spin hints, then it gives its time slice away.
///
/// Exponential back-off after a failed compare-exchange made a ring three times faster with two
/// producers and two consumers. With a first pause of one hint, which is as short as an operation,
/// two threads that push and pop in turns can fall in step: each finds every line just taken by the
/// other, and hardly ever fails, so nobody stands back. Four hints let the other go through a few
/// turns, and made that five times faster. The number of tries is not bounded here; each loop that
/// backs off says why it ends.
@frozen
public struct Backoff: Sendable {
    @usableFromInline
    var step: UInt32

    #if Model
        /// In a model nothing is gained by spinning: a long pause comes at once.
        @inlinable
        static var spinStepMax: UInt32 { ModelThreads.isModel ? 0 : 6 }
    #else
        /// The largest number of spin hints in one pause is two to this power.
        @inlinable
        static var spinStepMax: UInt32 { 6 }
    #endif

    /// A back-off that has not paused yet.
    @inlinable
    @inline(__always)
    public init() {
        step = min(2, Self.spinStepMax)
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
            #if Model
                if ModelThreads.isModel { return ModelThreads.yield() }
            #endif
            millrace_thread_yield()
        }
    }

    /// Whether pausing has become long, so that parking is better.
    @inlinable
    public var isExhausted: Bool { step >= Self.spinStepMax }
}
