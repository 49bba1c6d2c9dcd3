// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators

/// Memory that is out, and all of it back.
func useDrainAllocators() {
    let allocator = DrainAllocator(byteCountMax: 1024)
    // SAFETY: given back below, once.
    guard let memory = unsafe allocator.allocate(byteCount: 100)?.baseAddress else {
        return check(false, "DrainAllocators: nothing was allocated")
    }
    check(allocator.outstanding.blockCount == 1, "DrainAllocators: the block is not counted")
    let now = MonotonicInstant.now
    check(!allocator.blockingDrained(until: now), "DrainAllocators: drained with a block out")
    // SAFETY: no room for it, so nothing is allocated.
    let refused = unsafe allocator.allocate(byteCount: 2048) == nil
    check(refused, "DrainAllocators: the limit does not hold")
    unsafe allocator.deallocate(memory)  // SAFETY: allocated above.
    check(allocator.blockingDrained(until: now), "DrainAllocators: not drained with all back")
    useFixedMemory()
}

/// An arena in a buffer that was taken at the start.
private func useFixedMemory() {
    let block = SharedBlock(byteCount: 8192)
    // SAFETY: the block outlives the buffer.
    let buffer = unsafe FixedBuffer(
        UnsafeMutableRawBufferPointer(start: block.base, count: block.byteCount))
    do {
        // SAFETY: the buffer outlives the allocator.
        let allocator = unsafe DrainAllocator(byteCountMax: 8192, source: buffer.source)
        do {
            var arena = MemoryArena(in: allocator, chunkByteCount: 1000)
            // SAFETY: used before the arena ends.
            let words = unsafe arena.allocate(repeating: 7, count: 100)
            let last = unsafe words?[99]  // SAFETY: in bounds.
            check(last == 7, "DrainAllocators: an arena has no room")
            check(allocator.outstanding.blockCount == 1, "DrainAllocators: not one chunk")
        }
        check(allocator.outstanding.blockCount == 0, "DrainAllocators: a chunk is gone")
    }
    check(buffer.freeByteCount == buffer.byteCount, "DrainAllocators: the buffer is not whole")
}
