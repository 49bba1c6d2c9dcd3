// SPDX-License-Identifier: MIT

// A pool of buffers: made once, lent out by handle, reset at each release. A stale handle is
// recognised.
//
//     swift run -c release example_object_pool

import AtomicSupport
import ObjectPools
import StressSupport

/// The pool, and how many buffers were made.
final class Buffers: Sendable {
    let madeCount: Shared<Counter>
    let pool: ObjectPool<[UInt8]>

    init(capacity: Int) {
        let counter = Shared(Counter())
        madeCount = counter
        pool = ObjectPool(
            capacity: capacity,
            make: {
                counter.value.count.add(1, ordering: .relaxed)
                return [UInt8](repeating: 0, count: 4096)
            },
            reset: { $0[0] = 0 })
    }
}

struct Counter: ~Copyable, Sendable {
    let count = Atomic<Int>(0)
}

let buffers = Buffers(capacity: 8)
let leases = Atomic<Int>(0)

ThreadTeam.run(count: 4) { index in
    for _ in 0..<25_000 {
        guard let handle = buffers.pool.tryAcquire() else { continue }
        buffers.pool.withObject(handle) { buffer in
            precondition(buffer[0] == 0, "somebody else's bytes")
            buffer[0] = UInt8(index + 1)
        }
        buffers.pool.release(handle)
        leases.add(1, ordering: .relaxed)
    }
}

print("\(leases.load(ordering: .relaxed)) leases,", terminator: " ")
print("\(buffers.madeCount.value.count.load(ordering: .relaxed)) buffers made for them")
if let handle = buffers.pool.tryAcquire() {
    buffers.pool.release(handle)
    print("a released handle is leased: \(buffers.pool.isLeased(handle))")
}
print("available at the end: \(buffers.pool.availableCount) of \(buffers.pool.capacity)")
