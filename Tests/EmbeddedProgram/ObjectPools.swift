// SPDX-License-Identifier: MIT

import ObjectPools

/// A pool that lends its two objects and refuses a third.
func useObjectPools() {
    let pool = ObjectPool<Int>(capacity: 2, make: { 0 })
    let first = pool.tryAcquire()
    let second = pool.tryAcquire()
    check(first != nil, "ObjectPools: a fresh pool is empty")
    check(first != second, "ObjectPools: one object was lent twice")
    check(pool.tryAcquire() == nil, "ObjectPools: a third object of two")
    if let first {
        pool.withObject(first) { $0 += 1 }
        pool.release(first)
    }
    check(pool.tryAcquire() != nil, "ObjectPools: a released object is gone")
    useLeases()
    useLocalMagazine()
    useBuffers()
}

/// A pool that grows, whose leases end with their owners.
private func useLeases() {
    let pool = ObjectPool<Int>(growingFrom: 1, by: 2, to: 3, make: { 0 })
    do {
        // As owners, not as optionals: Swift 6.3 does not specialise the end of those here.
        guard let first = pool.tryLease(), let second = pool.tryLease() else {
            return check(false, "ObjectPools: a pool does not grow")
        }
        check(first.handle != second.handle, "ObjectPools: one object was lent twice")
        check(pool.availableCount == 1, "ObjectPools: a lease is not counted")
    }
    check(pool.availableCount == 3, "ObjectPools: a lease has not ended")
    check(pool.slotCount == 3, "ObjectPools: a chunk is missing")
}

/// A magazine that keeps two of three objects, until it is flushed.
private func useLocalMagazine() {
    let pool = ObjectPool<Int>(capacity: 3, make: { 0 }, reset: { $0 = 0 })
    let magazine = pool.makeLocalMagazine(depth: 4)
    for number in 1...4 {
        guard var lease = magazine.tryLease() else {
            return check(false, "ObjectPools: a local magazine is empty")
        }
        check(lease.withObject { $0 } == 0, "ObjectPools: a lent object was not reset")
        lease.withObject { $0 = number }
    }
    check(pool.availableCount == 1, "ObjectPools: a local magazine took too few or too many")
    check(magazine.unlentCount == 2, "ObjectPools: a lent object did not come back")
    magazine.flush()
    check(pool.availableCount == 3, "ObjectPools: a flush left something")
}

/// A buffer that comes back.
private func useBuffers() {
    let pool = BufferPool(classes: [BufferClass(byteCount: 64, capacity: 1)], magazineCount: 1)
    do {
        guard var lease = pool.tryLease(byteCount: 10) else {
            return check(false, "ObjectPools: a fresh pool has no buffer")
        }
        lease.withBytes { $0.storeBytes(of: 7, as: UInt8.self) }
        check(pool.tryLease(byteCount: 1) == nil, "ObjectPools: a second buffer of one")
    }
    check(pool.statistics(ofClass: 0).leasedCount == 0, "ObjectPools: a buffer is gone")
}
