// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A lock for what several threads tell.
struct OutputLock: ~Copyable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)

    func withLock(_ body: () -> Void) {
        // SAFETY: the zeroed word lives in `block`.
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self)).withLock(body)
    }
}
