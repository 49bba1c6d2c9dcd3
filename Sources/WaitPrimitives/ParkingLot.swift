// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Queues of waiters by address: a primitive of one word, or one byte, needs no queue of its own.
///
/// | Guarantee | `park` / `unparkOne` / `unparkAll`                                               |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: the short lock of a bucket, which other addresses may share, and the   |
/// |           | wait. `validation` and the unparker's body run with that lock                    |
/// | Order     | FIFO for each address                                                            |
/// | Wake-ups  | none is lost, none is spurious: who parks is in line before the bucket is        |
/// |           | unlocked, and its validation comes before or behind an unpark as a whole         |
/// | Cost      | O(1) and the waiters of other addresses in the same bucket. A waiting task costs |
/// |           | one heap block, a waiting thread none                                            |
/// | Memory    | 128 bytes a bucket, fixed; it must outlive every call                            |
/// | Edges     | what was done before an unpark is seen by whom it lets go on, and by each later  |
/// |           | validation for that address                                                      |
/// | Threads   | any number in both roles                                                         |
///
/// Source: `WTF::ParkingLot` of WebKit (F. Pizlo, "Locking in WebKit", 2016), after the kernel's
/// futex table. Ours does not grow: the number of buckets says how much strangers meet.
///
/// An address is a name: nothing is read there. To wait for a change of a word: park with the
/// validation that the word still has the old value. To change it: change, then unpark.
///
/// Not for a primitive that has room for a list: its own waits meet nobody else. Not for a word of
/// 32 bits that only threads wait on: use `Parking`, the kernel's table.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue. If it was unparked first,
/// that counts.
///
/// ```swift
/// let lot = ParkingLot(bucketCount: 4)
/// let word = Atomic<UInt8>(0)
/// let end = lot.park(at: 0x1000, until: .now) { word.load(ordering: .relaxed) == 1 }
/// print(end == .invalid, lot.unparkAll(at: 0x1000))  // true 0
/// ```
@frozen
@safe
public struct ParkingLot: ~Copyable, @unchecked Sendable {
    // Layout: buckets: one waiter list each, on a cache line of its own
    //
    // Invariants: I1  a node waits in the bucket of its key, which is the address
    //
    // Edges: none of its own. The bucket's lock orders validations and unparks of an address
    //        (InternalLock, E1), and a wake carries the unparker's past to the waiter.

    /// How a wait has ended.
    @frozen
    public enum ParkEnd: Sendable {
        /// The validation said no; it did not wait.
        case invalid
        /// It was unparked.
        case unparked
        /// The deadline passed.
        case timedOut
    }

    /// What an unpark found, told to its body while the bucket is locked.
    @frozen
    public struct Unparked: Sendable {
        /// Whether somebody waited, who goes on after the body.
        public let isAny: Bool
        /// Whether others still wait at that address.
        public let isMore: Bool
    }

    private let block: SharedBlock
    /// How many buckets there are: a power of two.
    public let bucketCount: Int

    /// A lot with so many buckets, a power of two.
    public init(bucketCount: Int = 64) {
        self.init(
            block: SharedBlock(byteCount: Self.storageByteCount(bucketCount: bucketCount)),
            bucketCount: bucketCount)
    }

    /// A lot in the caller's memory: at least `storageByteCount(bucketCount:)` bytes that begin on
    /// a cache line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, bucketCount: Int) {
        let byteCount = Self.storageByteCount(bucketCount: bucketCount)
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        block.clear()
        self.init(block: block, bucketCount: bucketCount)
    }

    /// How many bytes `init(storage:bucketCount:)` needs.
    public static func storageByteCount(bucketCount: Int) -> Int {
        precondition(bucketCount >= 1, "a lot has at least one bucket")
        precondition(bucketCount & (bucketCount - 1) == 0, "the buckets are a power of two")
        precondition(bucketCount <= 1 << 20, "a lot has at most a million buckets")
        return bucketCount * CacheLine.byteCount
    }

    private init(block: consuming SharedBlock, bucketCount: Int) {
        self.block = block
        self.bucketCount = bucketCount
    }

    /// Waits at an address if `validation` says so; the calling thread sleeps until it is unparked.
    /// The validation runs with the bucket's lock: it looks at words, and does nothing else.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    public func park(
        at address: UInt, until deadline: MonotonicInstant, validation: () -> Bool
    ) -> ParkEnd {
        withoutActuallyEscaping(validation) { validation in
            let place = ParkingPlace(list: bucket(of: address), validation: validation)
            return ParkEnd(place.parkThreadToEnd(key: UInt64(address), until: deadline))
        }
    }

    /// Lets the first waiter of an address go on. The body, if there is one, runs with the bucket's
    /// lock, before the waiter: it may change the word that validations look at, and does nothing
    /// else.
    @discardableResult
    public func unparkOne(at address: UInt, _ body: (Unparked) -> Void = { _ in }) -> Bool {
        let list = bucket(of: address)
        var chain = WakeChain()
        list.lock()
        let isAny = list.grantFirst(withKey: UInt64(address), &chain)
        body(Unparked(isAny: isAny, isMore: isAny && list.contains(key: UInt64(address))))
        list.unlock()
        chain.wakeAll()
        return isAny
    }

    /// Lets all go on who wait at an address; answers how many there were.
    @discardableResult
    public func unparkAll(at address: UInt) -> Int {
        let list = bucket(of: address)
        var chain = WakeChain()
        var count = 0
        list.lock()
        // Ends: each round shortens the list.
        while list.grantFirst(withKey: UInt64(address), &chain) { count += 1 }
        list.unlock()
        chain.wakeAll()
        return count
    }

    /// The queue of an address, for raw waiters (`WaitSource`): the node's key is the address.
    /// The validation runs in `enqueue`, with the bucket's lock; where it says no, the answer is
    /// `granted`.
    public func place(
        at address: UInt, validation: @escaping @Sendable () -> Bool
    ) -> ParkingPlace {
        ParkingPlace(list: bucket(of: address), validation: validation)
    }

    /// Multiplicative hashing: neighbours lie in different buckets.
    private func bucket(of address: UInt) -> WaiterList {
        let hash = UInt64(address) &* 0x9E37_79B9_7F4A_7C15
        let shift = 64 - bucketCount.trailingZeroBitCount  // 64, if there is but one: no bits.
        let index = Int(hash >> UInt64(shift))
        // SAFETY: the index is less than the number of buckets; the block was zeroed.
        return unsafe WaiterList(at: block.base + index * CacheLine.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        /// O(buckets).
        public func checkInvariants() {
            for index in 0..<bucketCount {
                // SAFETY: the index is less than the number of buckets, here and below.
                let place = unsafe block.base + index * CacheLine.byteCount
                let list = unsafe WaiterList(at: place)  // SAFETY: as above.
                list.lock()
                list.checkInvariants { key in
                    // SAFETY: only compared.
                    let isOwn = unsafe bucket(of: UInt(key)).isList(at: place)
                    precondition(isOwn, "I1: one waits in the bucket of another address")
                }
                list.unlock()
            }
        }
    #endif
}

extension ParkingLot.ParkEnd {
    init(_ end: WaitEnd) {
        switch end {
        case .admitted: self = .invalid
        case .granted: self = .unparked
        case .givenUp: self = .timedOut
        }
    }
}

/// The queue of one address, with what is looked at before a wait.
@safe
public struct ParkingPlace: WaitSource, @unchecked Sendable {
    // Threads: the validation is called in `enqueue` only, by who waits.

    let list: WaiterList
    let validation: () -> Bool

    /// Waits if the validation says so; else answers `granted`.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        if !validation() {
            unsafe list.admit(node)  // SAFETY: as above.
            return .granted
        }
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    /// Gives a wait up; if that is too `late`, it was unparked or did not wait.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        return unsafe list.remove(node)  // SAFETY: the caller's node.
    }
}
