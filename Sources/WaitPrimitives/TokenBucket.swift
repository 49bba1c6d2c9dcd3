// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Limits how often something happens: so many in a period on average, and so many at once.
///
/// | Guarantee | `tryTake` / `nanosecondsUntilAvailable` / `availableCount`                       |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `tryTake`: lock-free; the others: wait-free                                      |
/// | Order     | linearizable: all state is one word; who comes first takes first. A big request  |
/// |           | can starve behind small ones: nobody waits in line here                          |
/// | Limit     | in every span of time t at most `burstCount` + t × rate tokens are taken         |
/// | Cost      | one load, and one compare-exchange if it takes; no allocation, no clock: time is |
/// |           | passed, no thread that fills the bucket                                          |
/// | Memory    | one block of 128 bytes                                                           |
/// | Edges     | none: a token says that it is time, it hands nothing over                        |
/// | Threads   | any number                                                                       |
///
/// Source: the generic cell rate algorithm of ITU-T I.371, 1993, its virtual scheduling form: the
/// word is the time at which the bucket will be full again. That is a token bucket without a count.
///
/// A time that lies before one passed earlier is no mistake: the bucket does not go back.
///
/// Not for a number of things at a time: use `CountingSemaphore`. Not for a peer that fails: use
/// `CircuitBreaker`. To wait for tokens, sleep for `nanosecondsUntilAvailable` and try again.
///
/// ```swift
/// let bucket = TokenBucket(
///     .init(tokenCount: 100, periodNanoseconds: 1_000_000_000, burstCount: 2))
/// let now = MonotonicInstant.now
/// print(bucket.tryTake(now: now), bucket.tryTake(now: now), bucket.tryTake(now: now))
/// // true true false
/// print(bucket.nanosecondsUntilAvailable(now: now))  // 10000000
/// ```
@frozen
@safe
public struct TokenBucket: ~Copyable, @unchecked Sendable {
    // Layout: word = when the bucket will be full, in units of 2⁻⁴ ns of the monotonic clock
    //
    // Invariants: I1  the word never goes back (a change: no state shows it)
    //             I2  a successful take at `now` leaves word ≤ now + depth
    //
    // Edges: none. Every access is relaxed: the word is all there is, and its own order of changes
    //        is enough to count tokens.
    //
    // Limits: 59 bits of nanoseconds are 18 years of the monotonic clock; a later time counts as
    // that one. The time of one token is rounded up to a unit: the rate is never more than asked
    // for, and less by at most 1/16 ns a token.

    /// How much is let through.
    @frozen
    public struct Policy: Sendable {
        /// So many tokens come in each period.
        public var tokenCount: Int
        /// The period.
        public var periodNanoseconds: UInt64
        /// So many tokens are there at most: what may be taken at once after a pause.
        public var burstCount: Int

        /// So many tokens in a period, and so many at once.
        @inlinable
        public init(tokenCount: Int, periodNanoseconds: UInt64, burstCount: Int) {
            self.tokenCount = tokenCount
            self.periodNanoseconds = periodNanoseconds
            self.burstCount = burstCount
        }
    }

    /// The policy.
    public let policy: Policy

    /// The time of one token and of a full bucket, in units.
    private let interval: UInt64
    private let depth: UInt64
    private let block: SharedBlock
    private let word: UnsafeMutablePointer<Atomic<UInt64>>

    private static var unitShift: UInt64 { 4 }
    // Chosen so that a time, a full bucket and a request add up to no more than 64 bits.
    private static var timeMax: UInt64 { 1 << 63 }
    private static var depthMax: UInt64 { 1 << 61 }

    /// A full bucket.
    public init(_ policy: Policy) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), policy: policy)
    }

    /// A full bucket in the caller's memory: at least `storageByteCount` bytes that begin on a
    /// cache line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, policy: Policy) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        self.init(block: block, policy: policy)
    }

    /// How many bytes `init(storage:policy:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, policy: Policy) {
        precondition(policy.tokenCount >= 1, "a bucket gets at least one token in a period")
        precondition(policy.periodNanoseconds >= 1, "a period is at least a nanosecond")
        precondition(policy.periodNanoseconds <= 1 << 57, "a period is at most four years")
        precondition(policy.burstCount >= 1, "a bucket holds at least one token")
        let units = policy.periodNanoseconds << Self.unitShift
        let count = UInt64(policy.tokenCount)
        let interval = max(1, units / count + (units % count == 0 ? 0 : 1))
        let (depth, isLost) = interval.multipliedReportingOverflow(by: UInt64(policy.burstCount))
        precondition(!isLost && depth <= Self.depthMax, "a bucket fills within four years")
        self.policy = policy
        self.interval = interval
        self.depth = depth
        // SAFETY: the block lives as long as the pointer.
        unsafe word = block.base.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
        self.block = block
    }

    /// Takes `count` tokens, at least none and at most `burstCount`, or answers false and takes
    /// none.
    public func tryTake(_ count: Int = 1, now: MonotonicInstant) -> Bool {
        let time = Self.units(now)
        var full = load()
        while true {  // Retries only after another thread took tokens.
            guard let next = fullTime(after: count, from: full, at: time) else { return false }
            if count == 0 { return true }
            // SAFETY: the block lives as long as `self`.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: full, desired: next, ordering: .relaxed)
            if isExchanged { return true }
            full = current
        }
    }

    /// How long after `now` so many tokens are there, if nobody takes any before; zero if they are
    /// there.
    public func nanosecondsUntilAvailable(_ count: Int = 1, now: MonotonicInstant) -> UInt64 {
        let time = Self.units(now)
        let start = max(load(), time) + cost(of: count)
        let end = time + depth
        if start <= end { return 0 }
        return (start - end + (1 << Self.unitShift) - 1) >> Self.unitShift
    }

    /// How many tokens are there at a time: at most `burstCount`.
    public func availableCount(now: MonotonicInstant) -> Int {
        let time = Self.units(now)
        let debt = max(load(), time) - time
        return debt >= depth ? 0 : Int((depth - debt) / interval)
    }

    /// When the bucket is full again if `count` are taken at a time; nil if they are not there.
    private func fullTime(after count: Int, from full: UInt64, at time: UInt64) -> UInt64? {
        let next = max(full, time) + cost(of: count)
        return next > time + depth ? nil : next  // I2
    }

    private func cost(of count: Int) -> UInt64 {
        precondition(count >= 0, "a negative number of tokens")
        precondition(count <= policy.burstCount, "so many tokens are never there at once")
        return UInt64(count) * interval
    }

    private func load() -> UInt64 {
        unsafe word.pointee.load(ordering: .relaxed)  // SAFETY: the block lives as long as `self`.
    }

    private static func units(_ now: MonotonicInstant) -> UInt64 {
        min(now.nanoseconds, timeMax >> unitShift) << unitShift
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken, when `latest` is the latest time that was passed.
        public func checkInvariants(latest: MonotonicInstant) {
            precondition(load() <= Self.units(latest) + depth, "I2: more was taken than there was")
        }
    #endif
}
