// SPDX-License-Identifier: MIT

package import AtomicSupport
package import DrainAllocators
package import ObjectPools

// The operations of pools, allocators, and of what lies below them.

@_silgen_name("seam_pool_acquire")
package func acquire(_ pool: borrowing ObjectPool<Int>) -> PoolHandle? { pool.tryAcquire() }

@_silgen_name("seam_pool_release")
package func release(_ pool: borrowing ObjectPool<Int>, _ handle: PoolHandle) {
    pool.release(handle)
}

@_silgen_name("seam_local_lease")
package func lease(_ magazine: borrowing LocalPoolMagazine<Int>) -> LocalPoolLease<Int>? {
    magazine.tryLease()
}

@_silgen_name("seam_local_end")
package func end(_ lease: consuming LocalPoolLease<Int>) {}

@_silgen_name("seam_drain_allocate")
package func allocate(_ allocator: borrowing DrainAllocator) -> UnsafeMutableRawBufferPointer? {
    unsafe allocator.allocate(byteCount: 64)  // SAFETY: never run.
}

@_silgen_name("seam_drain_deallocate")
package func deallocate(_ allocator: borrowing DrainAllocator, _ memory: UnsafeMutableRawPointer) {
    unsafe allocator.deallocate(memory)  // SAFETY: never run.
}

@_silgen_name("seam_free_list_pop")
package func popFree(_ list: TaggedFreeList) -> UInt32 {
    unsafe list.pop()  // SAFETY: never run.
}

@_silgen_name("seam_free_list_pop_chain")
package func popChain(_ list: TaggedFreeList) -> (first: UInt32, count: Int) {
    unsafe list.popChain(countMax: 8)  // SAFETY: never run.
}

@_silgen_name("seam_free_list_push")
package func pushFree(_ list: TaggedFreeList, _ link: UInt32) {
    unsafe list.push(first: link, last: link)  // SAFETY: never run.
}

@_silgen_name("seam_lock_lock")
package func lock(_ lock: InternalLock) { lock.lock() }

@_silgen_name("seam_lock_unlock")
package func unlock(_ lock: InternalLock) { lock.unlock() }

@_silgen_name("seam_thread_index")
package func threadIndex() -> Int? { ThreadIndex.current }
