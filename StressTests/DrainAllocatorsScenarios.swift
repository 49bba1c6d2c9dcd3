// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import DrainAllocators
internal import StressSupport
internal import WaitPrimitives

let drainAllocatorsScenarios: [Scenario] = [
    Scenario(
        name: "drain-edges", room: "DrainAllocators", threads: 4,
        summary: "what was written before each deallocate is seen after the drain, phase by phase",
        run: drainEdges),
    Scenario(
        name: "drain-close", room: "DrainAllocators", threads: 4,
        summary: "threads allocate and free while one closes and drains; nothing slips between",
        run: drainClose),
    Scenario(
        name: "drain-fixed", room: "DrainAllocators", threads: 4,
        summary: "4 fill and free blocks of one buffer, some of another's: whole, none lost",
        run: drainFixed),
]

private func drainEdges(_ context: StressContext) -> UInt64 {
    let allocator = Shared(DrainAllocator(byteCountMax: 1 << 16))
    let ready = Shared(CountingSemaphore(permitCount: 0))
    let next = (0..<3).map { _ in Shared(AutoResetEvent()) }
    let cells = (0..<3).map { _ in PlainCell() }
    let stop = PlainCell()
    ThreadTeam.run(count: 4) { thread in
        var round: UInt64 = 0
        while true {  // Ends when thread 3, which drains, finds the time up.
            round += 1
            if thread < 3 {
                let block = allocator.value.make(round)
                context.check(block != nil, "an allocation far below the limit was refused")
                ready.value.signal()
                cells[thread].value = round
                _ = consume block
            } else {
                for _ in 0..<3 where !ready.value.blockingWait(until: longEnough) { return }
                let isDrained = allocator.value.blockingDrained(until: longEnough)
                context.check(isDrained, "a drain waited in vain")
                let isSeen = cells.allSatisfy { $0.value == round }
                context.check(isSeen, "a deallocation was seen without what came before")
                if context.isOver { stop.value = 1 }
                for event in next { event.value.set() }
            }
            if thread < 3 && !next[thread].value.blockingWait(until: longEnough) { return }
            if stop.value == 1 { return }
        }
    }
    let outstanding = allocator.value.outstanding
    context.check(outstanding == .init(blockCount: 0, byteCount: 0), "the report is wrong")
    return cells[0].value
}

private func drainClose(_ context: StressContext) -> UInt64 {
    var rounds: UInt64 = 0
    while !context.isOver {
        rounds += 1
        let allocator = Shared(DrainAllocator(byteCountMax: 512))
        let seed = context.seed &+ rounds
        let isEnded = PlainCell()
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: seed, stream: thread)
            if thread == 0 {
                let pause = UInt32.random(in: 0..<200, using: &generator)
                for _ in 0..<pause { shortPause() }
                allocator.value.close()
                let isDrained = allocator.value.blockingDrained(until: longEnough)
                context.check(isDrained, "a drain waited in vain")
                let byteCount = allocator.value.outstanding.byteCount
                context.check(byteCount == 0, "bytes are out after the drain")
                isEnded.value = 1
                return
            }
            for index in 0..<50 as Range<UInt64> {
                // Bytes that were allocated may touch what the drain's end takes over.
                let block = allocator.value.make(index)
                guard let value = block?.withValue({ $0 }) else { continue }
                context.check(value == index, "the block holds something else")
                context.check(isEnded.value == 0, "an allocation came after the drain")
            }
        }
    }
    return rounds
}

/// Blocks of all sizes out of one buffer, which are freed by who took them or by another thread.
private func drainFixed(_ context: StressContext) -> UInt64 {
    let byteCount = 1 << 16
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 128)
    defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
    let buffer = unsafe FixedBuffer(memory)  // SAFETY: the memory outlives it.
    let total = Shared(Atomic<UInt64>(0))
    do {
        // SAFETY: the buffer outlives the allocator.
        let allocator = Shared(
            unsafe DrainAllocator(byteCountMax: byteCount, source: buffer.source))
        let places = (0..<4).map { _ in Shared(Atomic<UInt>(0)) }
        ThreadTeam.run(count: 4) { thread in
            var random = SplitMix64(seed: context.seed, stream: thread)
            var operations: UInt64 = 0
            while !context.isOver {
                let count = Int(random.next() % 200) + 2
                let left = fill(allocator.value, count: count)
                let found = places[Int(random.next() % 4)].value.exchange(
                    left, ordering: .acquiringAndReleasing)
                empty(allocator.value, found, context)
                operations += 1
            }
            total.value.wrappingAdd(operations, ordering: .relaxed)
        }
        for place in places {
            empty(allocator.value, place.value.load(ordering: .relaxed), context)
        }
        context.check(allocator.value.outstanding.blockCount == 0, "blocks are lost")
    }
    context.check(buffer.freeByteCount == buffer.byteCount, "bytes of the buffer are lost")
    return total.value.load(ordering: .relaxed)
}

/// A block of words: how many, and their places added to that; its address, or 0 if refused.
private func fill(_ allocator: borrowing DrainAllocator, count: Int) -> UInt {
    // SAFETY: given back by `empty`.
    guard let block = unsafe allocator.allocate(byteCount: count * 8)?.baseAddress else { return 0 }
    let words = unsafe block.bindMemory(to: Int.self, capacity: count)  // SAFETY: fresh memory.
    for index in 0..<count { unsafe words[index] = count + index }  // SAFETY: in bounds.
    return UInt(bitPattern: block)
}

private func empty(
    _ allocator: borrowing DrainAllocator, _ address: UInt, _ context: StressContext
) {
    // SAFETY: a block that `fill` made.
    guard let block = unsafe UnsafeMutablePointer<Int>(bitPattern: address) else { return }
    let count = unsafe block[0]  // SAFETY: every block has two words at least.
    for index in 0..<min(count, 202) {
        let isWhole = unsafe block[index] == count + index  // SAFETY: in bounds.
        context.check(isWhole, "a block is not as it was filled")
    }
    unsafe allocator.deallocate(block)  // SAFETY: given back once.
}
