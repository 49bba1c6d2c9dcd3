// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A client's counters. All accesses are relaxed: they are numbers for people, and order nothing.
final class ClientCounters: Sendable {
    let delivered = Atomic<UInt64>(0)
    let failed = Atomic<UInt64>(0)
    let resent = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    let unexpectedAnswers = Atomic<UInt64>(0)

    static func add(_ count: Int, to counter: borrowing Atomic<UInt64>) {
        counter.wrappingAdd(UInt64(count), ordering: .relaxed)
    }
}
