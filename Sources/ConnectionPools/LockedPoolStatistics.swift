// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// The machine's counts, published by the home loop and read by anybody.
final class LockedPoolStatistics: @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var statistics = PoolStatistics()

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    var value: PoolStatistics {
        get { lock.withLock { statistics } }
        set { lock.withLock { statistics = newValue } }
    }
}
