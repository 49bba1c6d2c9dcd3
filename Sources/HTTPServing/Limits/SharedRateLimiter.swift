// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A `RateLimiter` for several threads: sixteen of them, each under a lock of its own, so that
/// loops which serve different keys seldom meet.
///
/// A check takes the lock of its key's part for the few nanoseconds of one check; a thread that is
/// preempted meanwhile stalls the checks of that part.
@safe
public final class SharedRateLimiter: @unchecked Sendable {
    // The locks' own edges carry the parts.

    private static let partCount = 16

    private let words: SharedBlock
    private var parts: [Part] = []

    private final class Part {
        var limiter: RateLimiter

        init(_ limit: RateLimit, keyCapacity: Int) {
            limiter = RateLimiter(limit, keyCapacity: keyCapacity)
        }
    }

    /// A limiter that has seen no key and holds `keyCapacity` of them, rounded up.
    public init(_ limit: RateLimit, keyCapacity: Int = RateLimiter.keyCapacityDefault) {
        words = SharedBlock(byteCount: Self.partCount * CacheLine.byteCount)
        for _ in 0..<Self.partCount {
            parts.append(Part(limit, keyCapacity: max(keyCapacity / Self.partCount, 1)))
        }
    }

    /// As `RateLimiter.check`, from any thread.
    public func check(
        _ key: Span<UInt8>, nowNanoseconds: UInt64, cost: UInt32 = 1
    ) -> RateDecision {
        let hash = RateLimiter.hash(key)
        // The low bits choose the set inside the part.
        let index = Int(hash >> 60)
        return lock(index).withLock {
            parts[index].limiter.check(hash: hash, nowNanoseconds: nowNanoseconds, cost: cost)
        }
    }

    /// How many keys were forgotten before their time because their part was full.
    public var forgottenCount: UInt64 {
        (0..<Self.partCount).reduce(0) { sum, index in
            sum + lock(index).withLock { parts[index].limiter.forgottenCount }
        }
    }

    private func lock(_ index: Int) -> InternalLock {
        // SAFETY: the word lies in the block, which lives as long as this object.
        unsafe InternalLock(
            words.pointer(at: index * CacheLine.byteCount, to: Atomic<UInt32>.self))
    }
}
