// SPDX-License-Identifier: MIT

// A program that takes all its memory at the start: one buffer, an allocator over it that counts,
// and an arena for each request. What is asked for beyond the buffer is refused; at the end all of
// it is back, or the report says what is not.
//
//     swift run -c release example_fixed_memory
//     swift run -c release --traits CallSites example_fixed_memory

import AtomicSupport
import DrainAllocators
import StressSupport

/// The program's memory.
@safe
final class Memory: Sendable {
    static let byteCount = 1 << 18
    let buffer: FixedBuffer
    let allocator: DrainAllocator
    let refusals = Atomic<Int>(0)

    init() {
        // Kept to the program's end.
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.byteCount, alignment: 4096)
        buffer = unsafe FixedBuffer(bytes)  // SAFETY: they are never freed.
        // SAFETY: the buffer lives as long as the allocator.
        allocator = unsafe DrainAllocator(byteCountMax: Self.byteCount, source: buffer.source)
    }
}

let memory = Memory()

/// Takes pieces of an arena until the request is served; they end with it.
@Sendable func serve(_ request: Int) -> Bool {
    var arena = MemoryArena(in: memory.allocator, chunkByteCount: 2048)
    var sum = 0
    for part in 1...20 {
        // SAFETY: used before the arena ends.
        guard let words = unsafe arena.allocate(repeating: request, count: part * 4) else {
            return false
        }
        sum += unsafe words.reduce(0, &+)  // SAFETY: as above.
    }
    precondition(sum == request * 840, "somebody else's words")
    return true
}

let served = Atomic<Int>(0)
ThreadTeam.run(count: 4) { thread in
    for number in 0..<5_000 where serve(thread * 5_000 + number) {
        served.add(1, ordering: .relaxed)
    }
}
print("served \(served.load(ordering: .relaxed)) requests of 20000")

/// Waits until all is back. A block that somebody forgets is found then.
func shutDown() {
    let forgotten = memory.allocator.make(42)
    let soon = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000)
    let isDrained = memory.allocator.blockingDrained(until: soon) { block in
        print("still out: \(block.byteCount) bytes, taken at \(block.site)")
    }
    print("drained: \(isDrained), blocks out: \(memory.allocator.outstanding.blockCount)")
    if let forgotten { print("the forgotten value: \(forgotten.take())") }
}

shutDown()
print("free at the end: \(memory.buffer.freeByteCount == memory.buffer.byteCount)")
