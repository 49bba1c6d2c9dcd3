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
}
