// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport

/// The sums of all threads of a scenario, added when each ends.
struct Totals: ~Copyable, Sendable {
    // Relaxed: read after the threads were joined.
    private let pushed = Atomic<UInt64>(0)
    private let pushedSum = Atomic<UInt64>(0)
    private let taken = Atomic<UInt64>(0)
    private let takenSum = Atomic<UInt64>(0)

    func notePushed(count: UInt64, sum: UInt64) {
        pushed.wrappingAdd(count, ordering: .relaxed)
        pushedSum.wrappingAdd(sum, ordering: .relaxed)
    }

    func noteTaken(_ receipts: Receipts) { noteTaken(count: receipts.count, sum: receipts.sum) }

    func noteTaken(count: UInt64, sum: UInt64) {
        taken.wrappingAdd(count, ordering: .relaxed)
        takenSum.wrappingAdd(sum, ordering: .relaxed)
    }

    /// Checks that as much was taken as was put; answers both together.
    func compare(in context: StressContext) -> UInt64 {
        let (pushed, taken) = (pushed.load(ordering: .relaxed), taken.load(ordering: .relaxed))
        context.check(pushed == taken, "\(pushed) pushed, \(taken) taken")
        let sums = (pushedSum.load(ordering: .relaxed), takenSum.load(ordering: .relaxed))
        context.check(sums.0 == sums.1, "the sums differ")
        return pushed &+ taken
    }
}
