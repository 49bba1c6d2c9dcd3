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
}
