// SPDX-License-Identifier: MIT

public import CLinuxShims

#if Model
    public import ModelChecking
#endif

/// A point on the monotonic clock, in nanoseconds. `never` is the point that does not come.
@frozen
public struct MonotonicInstant: Comparable, Hashable, Sendable {
    /// Nanoseconds of CLOCK_MONOTONIC.
    public var nanoseconds: UInt64

    /// The point at so many nanoseconds.
    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The present.
    @inlinable
    public static var now: MonotonicInstant {
        MonotonicInstant(nanoseconds: millrace_monotonic_nanoseconds())
    }

    /// A point later than every other.
    @inlinable
    public static var never: MonotonicInstant { MonotonicInstant(nanoseconds: .max) }

    /// The point `nanoseconds` after this one; sticks at `never`.
    @inlinable
    public func advanced(byNanoseconds nanoseconds: UInt64) -> MonotonicInstant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return MonotonicInstant(nanoseconds: overflow ? .max : sum)
    }

    /// Nanoseconds from `earlier` to here; zero if `earlier` is later.
    @inlinable
    public func nanoseconds(since earlier: MonotonicInstant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds &- earlier.nanoseconds : 0
    }

    /// Whether `lhs` comes before `rhs`.
    @inlinable
    public static func < (lhs: MonotonicInstant, rhs: MonotonicInstant) -> Bool {
        lhs.nanoseconds < rhs.nanoseconds
    }
}

/// Puts threads to sleep on an atomic word and wakes them. futex(2).
///
/// | Guarantee | `wait` / `wake`                                                                  |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `wait` blocks; `wake` is one system call and never waits                         |
/// | Order     | none: a wait compares and sleeps atomically, it gives no happens-before by itself|
/// | Wake-ups  | may be spurious: the caller looks at the word again                              |
@frozen
public enum Parking {
    /// Sleeps while the word equals `expected`, until a wake, a signal, or the deadline. Returns
    /// false if the deadline passed. Load the word with an acquiring ordering afterwards: the
    /// kernel's own edge is not seen by tools.
    @inlinable
    @unsafe
    public static func wait(
        on word: UnsafeMutablePointer<Atomic<UInt32>>, while expected: UInt32,
        until deadline: MonotonicInstant = .never
    ) -> Bool {
        #if Model
            if ModelThreads.isModel {
                // SAFETY: the caller keeps the word alive.
                return unsafe ModelParking.wait(
                    on: word, while: expected, hasDeadline: deadline != .never)
            }
        #endif
        // SAFETY: the caller keeps the word alive; the kernel only reads it.
        return unsafe millrace_futex_wait(UnsafeRawPointer(word), expected, deadline.nanoseconds)
    }

    /// Wakes at most `count` threads that sleep on the word.
    @inlinable
    @unsafe
    @discardableResult
    public static func wake(
        _ word: UnsafeMutablePointer<Atomic<UInt32>>, count: Int32 = 1
    ) -> Int {
        #if Model
            if ModelThreads.isModel {
                // SAFETY: the address is a name.
                return unsafe ModelParking.wake(word, count: Int(count))
            }
        #endif
        // SAFETY: the kernel uses the address as a name and does not touch the memory.
        return Int(unsafe millrace_futex_wake(UnsafeRawPointer(word), count))
    }
}
