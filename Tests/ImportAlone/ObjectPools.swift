// SPDX-License-Identifier: MIT

import ObjectPools

let pool = ObjectPool<[UInt8]>(capacity: 2, make: { [UInt8](repeating: 0, count: 64) })
guard let handle = pool.tryAcquire() else { fatalError("a fresh pool is empty") }
let byteCount = pool.withObject(handle) { $0.count }
pool.release(handle)
print("ObjectPools: lent \(byteCount) bytes, \(pool.availableCount) objects available")
