// SPDX-License-Identifier: MIT

import AtomicSupport

/// A lock over a block, a back-off, and a wait that ends at its deadline.
func useAtomicSupport() {
    var layout = BlockLayout()
    let lockOffset = layout.appendPadded(UInt32.self)
    let wordOffset = layout.appendPadded(UInt32.self)
    let block = SharedBlock(byteCount: layout.byteCount)
    // SAFETY: both offsets lie in the zeroed block, which lives to the end of the function.
    let lock = unsafe InternalLock(block.pointer(at: lockOffset, to: Atomic<UInt32>.self))
    // SAFETY: as above.
    let word = unsafe block.pointer(at: wordOffset, to: Atomic<UInt32>.self)

    // SAFETY: the word lives in the block.
    lock.withLock { unsafe word.pointee.store(7, ordering: .relaxed) }
    // SAFETY: the word lives in the block.
    let value = unsafe word.pointee.load(ordering: .relaxed)
    check(value == 7, "AtomicSupport: the lock lost a store")

    var backoff = Backoff()
    backoff.snooze()
    let deadline = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000)
    // SAFETY: the word lives in the block. Ends when the deadline has passed.
    while unsafe Parking.wait(on: word, while: 7, until: deadline) {}
    check(MonotonicInstant.now >= deadline, "AtomicSupport: a wait ended early")
    check(ThreadIndex.current != nil, "AtomicSupport: the first thread got no index")
}
