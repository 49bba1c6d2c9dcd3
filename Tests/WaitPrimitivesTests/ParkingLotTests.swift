// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Parking lot", .timeLimit(.minutes(20)))
struct ParkingLotTests {
    @Test("Waiters of an address are unparked in turn, those of others stay", arguments: [1, 64])
    func addressesAreApart(bucketCount: Int) {
        // If this failed, an unpark would go to a stranger, also one in the same bucket.
        let lot = ParkingLot(bucketCount: bucketCount)
        let log = WaitLog(keys: [8, 16, 8, 16, 8])
        let places = [8, 16, 8, 16, 8].map { lot.place(at: $0) { true } }
        for index in 0..<5 { #expect(log.enqueue(index, on: places[index]) == .queued) }
        lot.checkInvariants()
        var seen: [Bool] = []
        let isUnparked = lot.unparkOne(at: 8) { seen += [$0.isAny, $0.isMore] }
        #expect(isUnparked == true)
        #expect(seen == [true, true])
        #expect(log.woken == [0])
        #expect(log.withdraw(2, from: places[2]) == .removed)
        lot.checkInvariants()
        #expect(lot.unparkOne(at: 8) { seen += [$0.isAny, $0.isMore] } == true)
        #expect(log.woken == [0, 4])
        #expect(lot.unparkOne(at: 8) { seen += [$0.isAny, $0.isMore] } == false)
        #expect(seen == [true, true, true, false, false, false])
        #expect(lot.unparkAll(at: 16) == 2)
        #expect(log.woken == [0, 4, 1, 3])
        #expect(lot.unparkAll(at: 16) == 0)
        lot.checkInvariants()
        #expect(log.withdraw(1, from: places[1]) == .late)
    }

    @Test("Who is not to wait does not, and early withdrawals are kept")
    func validations() {
        // If this failed, somebody would sleep on a word that has changed.
        let lot = ParkingLot(bucketCount: 2)
        #expect(lot.park(at: 1, until: .farAway) { false } == .invalid)
        let log = WaitLog(keys: [1, 1])
        #expect(log.enqueue(0, on: lot.place(at: 1) { false }) == .granted)
        #expect(log.withdraw(1, from: lot.place(at: 1) { true }) == .early)
        #expect(log.enqueue(1, on: lot.place(at: 1) { true }) == .withdrawn)
        #expect(lot.unparkAll(at: 1) == 0)
        lot.checkInvariants()
    }

    @Test("A deadline passes, and nobody is left at the address")
    func deadlineExpires() {
        // If this failed, a wait with a limit would hang, or an unpark go to one that has gone.
        let lot = ParkingLot()
        for deadline in [MonotonicInstant.soon, MonotonicInstant(nanoseconds: 0)] {
            #expect(lot.park(at: .max, until: deadline) { true } == .timedOut)
            #expect(lot.unparkOne(at: .max) == false)
            lot.checkInvariants()
        }
    }

    @Test("The caller's memory holds a lot")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        let byteCount = ParkingLot.storageByteCount(bucketCount: 4)
        #expect(byteCount == 4 * CacheLine.byteCount)
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: byteCount) { storage in
            // SAFETY: the storage outlives the lot.
            let lot = unsafe ParkingLot(storage: storage, bucketCount: 4)
            let addresses = (0..<32).map { UInt($0) * 8 }
            let log = WaitLog(keys: addresses.map { UInt64($0) })
            for (index, address) in addresses.enumerated() {
                #expect(log.enqueue(index, on: lot.place(at: address) { true }) == .queued)
            }
            lot.checkInvariants()
            for address in addresses.reversed() {
                #expect(lot.unparkAll(at: address) == 1)
                lot.checkInvariants()
            }
            #expect(log.woken == (0..<32).reversed())
        }
    }

    @Test("A number of buckets that is no power of two traps", arguments: [0, 3, 1 << 21])
    func misuseTraps(bucketCount: Int) async {
        // If this failed, addresses would share no bucket with themselves.
        await #expect(processExitsWith: .failure) { [bucketCount] in
            _ = ParkingLot(bucketCount: bucketCount)
        }
    }

    @Test("A lock of one byte over a lot excludes threads and tasks, and loses no wake-up")
    func byteLock() async throws {
        // If this failed, somebody would sleep beside a free lock, or two be inside.
        let lock = Shared(ByteLock())
        let cell = PlainCell()
        let task = Task {
            for _ in 0..<300 {
                try await lock.lock()
                cell.value += 1
                lock.value.unlock()
            }
        }
        await ThreadTeam.run(count: 3) { _ in
            for _ in 0..<300 {
                lock.value.blockingLock()
                cell.value += 1
                lock.value.unlock()
            }
        }
        try await task.value
        lock.value.blockingLock()
        #expect(cell.value == 1_200)
        lock.value.unlock()
        lock.value.lot.checkInvariants()
    }

    @Test("A cancelled task leaves its place")
    func cancellation() async throws {
        // If this failed, an unpark would be spent on a task that has gone.
        let lot = Shared(ParkingLot(bucketCount: 1))
        let log = WaitLog(keys: [7])
        #expect(try await lot.value.park(at: 7) { false } == false)
        let task = Task { try await lot.value.park(at: 7) { true } }
        for _ in 0..<50 { await Task.yield() }
        task.cancel()
        let result = await task.result
        #expect(throws: CancellationError.self) { try result.get() }
        lot.value.checkInvariants()
        #expect(log.enqueue(0, on: lot.value.place(at: 7) { true }) == .queued)
        #expect(lot.value.unparkOne(at: 7) == true)
        #expect(log.woken == [0])
    }
}

/// The lock of WebKit: one byte, and a place in a lot while it is contended.
private struct ByteLock: ~Copyable, Sendable {
    let lot = ParkingLot(bucketCount: 2)
    /// 1 held, 2 somebody waits.
    private let word = Atomic<UInt8>(0)

    func tryLock() -> Bool {
        var old = word.load(ordering: .relaxed)
        while old & 1 == 0 {
            let (isExchanged, current) = word.compareExchange(
                expected: old, desired: old | 1, successOrdering: .acquiring,
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    /// Whether it is held and known that somebody waits.
    var mustWait: Bool { word.load(ordering: .relaxed) == 3 }

    func markWaiting() {
        _ = word.compareExchange(expected: 1, desired: 3, ordering: .relaxed)
    }

    func blockingLock() {
        while !tryLock() {  // Ends when a holder unlocks.
            markWaiting()
            _ = lot.park(at: 0x40, until: .farAway) { mustWait }
        }
    }

    func unlock() {
        let (isExchanged, _) = word.compareExchange(
            expected: 1, desired: 0, successOrdering: .releasing, failureOrdering: .relaxed)
        if isExchanged { return }
        lot.unparkOne(at: 0x40) { word.store($0.isMore ? 2 : 0, ordering: .releasing) }
    }
}

extension Shared<ByteLock> {
    fileprivate func lock() async throws {
        while !value.tryLock() {  // Ends when a holder unlocks.
            value.markWaiting()
            _ = try await value.lot.park(at: 0x40) { self.value.mustWait }
        }
    }
}
