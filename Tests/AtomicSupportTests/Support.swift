// SPDX-License-Identifier: MIT

import AtomicSupport

/// A plain value under an `InternalLock`.
final class Locked<Value>: @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    func withValue<Result>(_ body: (inout Value) -> Result) -> Result {
        // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
        let lock = unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
        return lock.withLock { body(&value) }
    }
}
