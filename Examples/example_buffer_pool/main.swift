// SPDX-License-Identifier: MIT

// Buffers in three sizes, as many of each as were set at the start. A request gets the smallest
// that holds it, or the next larger one when those are out; what goes wrong is refused, not
// allocated.
//
//     swift run -c release example_buffer_pool

import AtomicSupport
import ObjectPools
import StressSupport

let pool = Shared(
    BufferPool(classes: [
        BufferClass(byteCount: 256, capacity: 2), BufferClass(byteCount: 2048, capacity: 2),
        BufferClass(byteCount: 16_384, capacity: 2),
    ]))
let written = Atomic<Int>(0)
let refused = Atomic<Int>(0)

/// Writes a message of so many bytes into a buffer, and sums it up.
@Sendable func handle(byteCount: Int, mark: UInt8) -> Int? {
    guard var lease = pool.value.tryLease(byteCount: byteCount) else { return nil }
    return lease.withBytes { bytes in
        for offset in 0..<byteCount {
            bytes.storeBytes(of: mark, toByteOffset: offset, as: UInt8.self)
        }
        var sum = 0
        for offset in 0..<byteCount {
            // SAFETY: any byte is a UInt8, and all of these were written.
            sum += unsafe Int(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        }
        return sum
    }
}

ThreadTeam.run(count: 4) { thread in
    var random = SplitMix64(seed: 1, stream: thread)
    for _ in 0..<5_000 {
        // Most messages are short; some are as long as the largest buffer.
        let byteCount = Int(random.next() % 3 == 0 ? random.next() % 16_384 : random.next() % 200)
        let mark = UInt8(thread + 1)
        guard let sum = handle(byteCount: byteCount, mark: mark) else {
            refused.add(1, ordering: .relaxed)
            continue
        }
        precondition(sum == byteCount * Int(mark), "two users of one buffer")
        written.add(1, ordering: .relaxed)
    }
}

let total = written.load(ordering: .relaxed) + refused.load(ordering: .relaxed)
print("messages: \(total), in buffers of \(pool.value.byteCount) bytes")
for number in 0..<pool.value.classCount {
    let figures = pool.value.statistics(ofClass: number)
    print("\(figures.shape.byteCount) bytes: \(figures.leases.acquired) leases,", terminator: " ")
    print("\(figures.spilled) went to larger ones, \(figures.leasedCount) out")
}

// A request beyond the largest class is refused at once.
print("20000 bytes refused: \(handle(byteCount: 20_000, mark: 1) == nil)")
