// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let parkingLotScenarios: [Scenario] = [
    Scenario(
        name: "parking-locks", room: "WaitPrimitives", threads: 5,
        summary: "three locks of a byte share two buckets, each guards a parcel; one is impatient",
        run: parkingLocks)
]

/// The lock of WebKit: one byte, and a place in a lot while it is contended.
private final class ByteLock: Sendable {
    /// 1 held, 2 somebody waits.
    private let word = Atomic<UInt8>(0)
    private let lot: Shared<ParkingLot>
    private let address: UInt

    init(_ lot: Shared<ParkingLot>, at address: UInt) {
        self.lot = lot
        self.address = address
    }

    private func tryLock() -> Bool {
        var old = word.load(ordering: .relaxed)
        while old & 1 == 0 {  // Retries only after another thread changed the word.
            let (isExchanged, current) = word.compareExchange(
                expected: old, desired: old | 1, successOrdering: .acquiring,
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    /// Says that somebody waits, if it is held.
    private func markWaiting() {
        _ = word.compareExchange(expected: 1, desired: 3, ordering: .relaxed)
    }

    /// Whether it is held and that is known.
    private var mustWait: Bool { word.load(ordering: .relaxed) == 3 }

    func lock(until deadline: MonotonicInstant) -> Bool {
        while !tryLock() {  // Ends when a holder unlocks, or with the deadline.
            markWaiting()
            let end = lot.value.park(at: address, until: deadline) { mustWait }
            if end == .timedOut { return false }
        }
        return true
    }

    func lock() async {
        while !tryLock() {  // As above.
            markWaiting()
            _ = try? await lot.value.park(at: address) { self.mustWait }
        }
    }

    func unlock() {
        let (isExchanged, _) = word.compareExchange(
            expected: 1, desired: 0, successOrdering: .releasing, failureOrdering: .relaxed)
        if isExchanged { return }
        lot.value.unparkOne(at: address) { word.store($0.isMore ? 2 : 0, ordering: .releasing) }
    }
}

/// What a lock guards.
@safe
private final class Stall: @unchecked Sendable {
    let lock: ByteLock
    private var parcel: Parcel

    init(_ lock: ByteLock, _ parcel: consuming Parcel) {
        self.lock = lock
        self.parcel = parcel
    }

    var number: UInt64 { parcel.number }

    func replaceAndUnlock(by thread: Int, _ census: ParcelCensus, in context: StressContext) {
        context.check(parcel.isWhole, "the parcel is not what the last holder put there")
        parcel = Parcel(producer: thread, number: parcel.number + 1, census: census)
        lock.unlock()
    }
}

private func parkingLocks(_ context: StressContext) -> UInt64 {
    let census = ParcelCensus()
    let turns = Shared(Atomic<UInt64>(0))
    let running = Shared(WaitGroup())
    var total: UInt64 = 0
    do {
        let lot = Shared(ParkingLot(bucketCount: 2))
        let stalls = (1...3 as ClosedRange<UInt>).map { number in
            Stall(
                ByteLock(lot, at: number * 8), Parcel(producer: 0, number: 0, census: census))
        }
        running.value.add(1)
        Task.detached {
            var generator = SplitMix64(seed: context.seed, stream: 4)
            while !context.isOver {
                let stall = stalls[Int.random(in: 0..<3, using: &generator)]
                await stall.lock.lock()
                stall.replaceAndUnlock(by: 4, census, in: context)
                turns.value.add(1, ordering: .relaxed)
            }
            running.value.done()
        }
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: context.seed, stream: thread)
            while !context.isOver {
                let stall = stalls[Int.random(in: 0..<3, using: &generator)]
                let patience = UInt64.random(in: 0..<30_000, using: &generator)
                let limit = thread == 1 ? .now.advanced(byNanoseconds: patience) : longEnough
                let isLocked = stall.lock.lock(until: limit)
                if thread != 1 { context.check(isLocked, "a thread sleeps beside a free lock") }
                if !isLocked { continue }
                stall.replaceAndUnlock(by: thread, census, in: context)
                turns.value.add(1, ordering: .relaxed)
            }
        }
        context.check(running.value.blockingWait(until: longEnough), "a task waited in vain")
        for stall in stalls { total += stall.number }
        for address in 1...3 as ClosedRange<UInt> {
            context.check(lot.value.unparkAll(at: address * 8) == 0, "somebody is left")
        }
    }
    context.check(total == turns.value.load(ordering: .relaxed), "a turn is lost")
    context.check(census.isEmptySoon, "a parcel is leaked or was destroyed twice")
    return total
}
