// SPDX-License-Identifier: MIT

/// Limits the rate of requests for each of many keys, in a table of fixed size.
///
/// | Guarantee | `check`                                                                         |
/// |-----------|---------------------------------------------------------------------------------|
/// | Cost      | O(1): one hash and eight comparisons; no allocation                              |
/// | Memory    | 16 bytes a key, `keyCapacity` of them, allocated in `init`                       |
/// | Full      | where eight keys that must be remembered meet, the one nearest to a full bucket  |
/// |           | is forgotten: someone with many keys can free others, not lock them out          |
/// | Threads   | one at a time; `SharedRateLimiter` is for several                               |
///
/// The algorithm is GCRA (ITU-T I.371, annex A): a token bucket that keeps one time for each key,
/// the one at which its bucket is full again. Keys are told apart by a 64-bit hash with a seed of
/// this process (SipHash): two that are equal there share a bucket. Take an address as key, of IPv6
/// its first eight bytes, as one client has 2^64 of them.
@safe
public struct RateLimiter: ~Copyable, @unchecked Sendable {
    // Invariants: I1 an entry whose time is not after now is free.
    //             I2 a key lies only in the set of its hash.

    /// How many keys fit, unless another number is given: 256 KiB.
    public static let keyCapacityDefault = 16_384

    private static let wayCount = 8

    private struct Entry {
        var hash: UInt64
        /// When the bucket is full again.
        var fullAt: UInt64
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let setMask: UInt64
    private let limit: RateLimit

    /// How many keys were forgotten before their time because the table was full.
    public private(set) var forgottenCount: UInt64 = 0

    /// How many keys fit: `keyCapacity` rounded up to eight times a power of two.
    public var keyCapacity: Int { (Int(setMask) + 1) * Self.wayCount }

    /// A limiter that has seen no key.
    public init(_ limit: RateLimit, keyCapacity: Int = Self.keyCapacityDefault) {
        precondition(keyCapacity > 0 && keyCapacity <= 1 << 28, "the capacity is out of range")
        var setCount = 1
        while setCount * Self.wayCount < keyCapacity { setCount *= 2 }
        self.limit = limit
        setMask = UInt64(setCount - 1)
        let count = setCount * Self.wayCount
        // SAFETY: fresh memory, freed in `deinit`.
        unsafe entries = .allocate(capacity: count)
        unsafe entries.initialize(repeating: Entry(hash: 0, fullAt: 0), count: count)
    }

    deinit { unsafe entries.deallocate() }  // SAFETY: allocated in `init`; entries are trivial.

    /// Whether a request of a key may go on now, and counts it if so. `cost` is how many requests
    /// it counts as: at least one; more than the burst is never allowed.
    public mutating func check(
        _ key: Span<UInt8>, nowNanoseconds: UInt64, cost: UInt32 = 1
    ) -> RateDecision {
        check(hash: Self.hash(key), nowNanoseconds: nowNanoseconds, cost: cost)
    }

    mutating func check(
        hash: UInt64, nowNanoseconds: UInt64, cost: UInt32
    ) -> RateDecision {
        precondition(cost > 0, "a request counts as one at least")
        // A bucket takes at most as long to fill, so that sums stay within 64 bits.
        let now = min(nowNanoseconds, RateLimit.depthNanosecondsMax)
        let depth = limit.intervalNanoseconds * UInt64(limit.burst)
        let (place, isKnown) = find(hash, now)
        // SAFETY: a place of the table.
        let fullAt = isKnown ? unsafe max(entries[place].fullAt, now) : now
        let (price, isTooMuch) = limit.intervalNanoseconds.multipliedReportingOverflow(
            by: UInt64(cost))
        let due = fullAt - now
        guard !isTooMuch, price <= depth, due <= depth - price else {
            let wait = isTooMuch || price > depth ? UInt64.max : due - (depth - price)
            return .limited(retryAfterNanoseconds: wait)
        }
        // SAFETY: a place of the table.
        let isForgetting = unsafe !isKnown && entries[place].fullAt > now
        if isForgetting { forgottenCount += 1 }
        // SAFETY: as above.
        unsafe entries[place] = Entry(hash: hash, fullAt: fullAt + price)
        let rest = (depth - due - price) / limit.intervalNanoseconds
        return .allowed(remaining: UInt32(truncatingIfNeeded: rest))
    }

    /// The key's entry, or the one to use for it: a free one, or that which is free soonest.
    private func find(_ hash: UInt64, _ now: UInt64) -> (place: Int, isKnown: Bool) {
        let first = Int(hash & setMask) * Self.wayCount
        var best = first
        for place in first..<(first + Self.wayCount) {
            let entry = unsafe entries[place]  // SAFETY: a place of the table.
            if entry.hash == hash, entry.fullAt > now { return (place, true) }
            let isSooner = unsafe entry.fullAt < entries[best].fullAt  // SAFETY: as above.
            if isSooner { best = place }
        }
        return (best, false)
    }

    /// The hash of a key, with a seed of this process.
    static func hash(_ key: Span<UInt8>) -> UInt64 {
        var hasher = Hasher()
        // SAFETY: read during the call.
        unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
