// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let lockScenarios: [Scenario] = [
    Scenario(
        name: "fair-lock", room: "WaitPrimitives", threads: 5,
        summary: "a parcel is replaced under a lock by threads, impatient ones, and a task",
        run: fairLock)
]

/// What the lock guards: everybody puts the next parcel in the place of the last.
private struct Guarded: ~Copyable {
    var parcel: Parcel
    var count: UInt64 = 0

    mutating func replace(by producer: Int, _ census: ParcelCensus, in context: StressContext) {
        context.check(parcel.isWhole, "the parcel is not what the last holder put there")
        context.check(parcel.number == count, "a turn is lost, or two were inside at a time")
        count += 1
        parcel = Parcel(producer: producer, number: count, census: census)
    }
}

private func fairLock(_ context: StressContext) -> UInt64 {
    let census = ParcelCensus()
    let turns = Shared(WaitGroup())
    let passes = Shared(Atomic<UInt64>(0))
    var total: UInt64 = 0
    do {
        let first = Guarded(parcel: Parcel(producer: 0, number: 0, census: census))
        let lock = Shared(FairLock(first))
        turns.value.add(1)
        Task.detached {
            while !context.isOver {
                try? await lock.value.withLock { $0.replace(by: 4, census, in: context) }
                passes.value.add(1, ordering: .relaxed)
            }
            turns.value.done()
        }
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: context.seed, stream: thread)
            while !context.isOver {
                if takeTurn(thread, lock.value, census, context, &generator) {
                    passes.value.add(1, ordering: .relaxed)
                }
            }
        }
        context.check(turns.value.blockingWait(until: longEnough), "a task waited in vain")
        total = lock.value.withLockIfFree { $0.count } ?? 0
        context.check(!lock.value.isLocked, "the lock is held at the end")
    }
    context.check(total == passes.value.load(ordering: .relaxed), "a turn is lost")
    context.check(census.isEmptySoon, "a parcel is leaked or was destroyed twice")
    return total
}

/// One tries, one gives up at random deadlines, two wait.
private func takeTurn(
    _ thread: Int, _ lock: borrowing FairLock<Guarded>, _ census: ParcelCensus,
    _ context: StressContext, _ generator: inout SplitMix64
) -> Bool {
    switch thread {
    case 0:
        return lock.withLockIfFree { $0.replace(by: thread, census, in: context) } != nil
    case 1:
        let patience = UInt64.random(in: 0..<30_000, using: &generator)
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: patience)
        return lock.withLock(until: deadline) { $0.replace(by: thread, census, in: context) } != nil
    default:
        lock.withLock { $0.replace(by: thread, census, in: context) }
        return true
    }
}
