// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let readWriteLockScenarios: [Scenario] = [
    Scenario(
        name: "read-write-lock", room: "WaitPrimitives", threads: 5,
        summary: "a parcel is read together and replaced alone, with deadlines, tries and a task",
        run: readWriteLock)
]

/// What the lock guards. Each reader leaves a mark in a plain cell of its own, which the next
/// writer clears: the edge from readers to writers.
private struct Shelf: ~Copyable, Sendable {
    var parcel: Parcel
    var count: UInt64 = 0
    let marks: [PlainCell]

    func read(as thread: Int, in context: StressContext) {
        context.check(parcel.isWhole, "the parcel is not what the last writer put there")
        context.check(parcel.number == count, "a writer is inside with a reader")
        marks[thread].value += 1
    }

    mutating func replace(by thread: Int, _ census: ParcelCensus, in context: StressContext) {
        context.check(parcel.isWhole, "the parcel is not what the last writer put there")
        context.check(parcel.number == count, "a turn is lost, or two were inside at a time")
        for mark in marks { mark.value = 0 }
        count += 1
        parcel = Parcel(producer: thread, number: count, census: census)
    }
}

private func readWriteLock(_ context: StressContext) -> UInt64 {
    let census = ParcelCensus()
    let turns = Shared(WaitGroup())
    let writes = Shared(Atomic<UInt64>(0))
    let reads = Shared(Atomic<UInt64>(0))
    var total: UInt64 = 0
    do {
        let first = Shelf(
            parcel: Parcel(producer: 0, number: 0, census: census),
            marks: (0..<5).map { _ in PlainCell() })
        let lock = Shared(FairReadWriteLock(first))
        turns.value.add(1)
        Task.detached {
            while !context.isOver {
                try? await lock.value.withReadLock { $0.read(as: 4, in: context) }
                try? await lock.value.withWriteLock { $0.replace(by: 4, census, in: context) }
                writes.value.add(1, ordering: .relaxed)
            }
            turns.value.done()
        }
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: context.seed, stream: thread)
            while !context.isOver {
                let isWriting = UInt32.random(in: 0..<4, using: &generator) == 0
                let patience = UInt64.random(in: 0..<30_000, using: &generator)
                if isWriting {
                    if write(thread, lock.value, census, context, patience: patience) {
                        writes.value.add(1, ordering: .relaxed)
                    }
                } else if read(thread, lock.value, context, patience: patience) {
                    reads.value.add(1, ordering: .relaxed)
                }
            }
        }
        context.check(turns.value.blockingWait(until: longEnough), "a task waited in vain")
        total = lock.value.withReadLockIfFree { $0.count } ?? 0
        let isFree = lock.value.withWriteLockIfFree { _ in true } ?? false
        context.check(isFree, "the lock is held at the end")
    }
    context.check(total == writes.value.load(ordering: .relaxed), "a turn is lost")
    context.check(census.isEmptySoon, "a parcel is leaked or was destroyed twice")
    return total + reads.value.load(ordering: .relaxed)
}

/// One tries, one gives up at random deadlines, two wait.
private func read(
    _ thread: Int, _ lock: borrowing FairReadWriteLock<Shelf>, _ context: StressContext,
    patience: UInt64
) -> Bool {
    switch thread {
    case 0:
        return lock.withReadLockIfFree { $0.read(as: thread, in: context) } != nil
    case 1:
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: patience)
        return lock.withReadLock(until: deadline) { $0.read(as: thread, in: context) } != nil
    default:
        lock.withReadLock { $0.read(as: thread, in: context) }
        return true
    }
}

/// As `read`.
private func write(
    _ thread: Int, _ lock: borrowing FairReadWriteLock<Shelf>, _ census: ParcelCensus,
    _ context: StressContext, patience: UInt64
) -> Bool {
    switch thread {
    case 0:
        return lock.withWriteLockIfFree { $0.replace(by: thread, census, in: context) } != nil
    case 1:
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: patience)
        return lock.withWriteLock(until: deadline) {
            $0.replace(by: thread, census, in: context)
        } != nil
    default:
        lock.withWriteLock { $0.replace(by: thread, census, in: context) }
        return true
    }
}
