// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import Glibc
import StressSupport
import Testing

@Suite("Fixed buffer")
struct FixedBufferTests {
    @Test("Gives out all of its memory, each byte once, and is whole again", arguments: 1...9)
    func givesOutAll(seed: UInt64) {
        // If this failed, two users would share bytes, or memory be lost at each turn.
        let memory = TestMemory(byteCount: 10_000 + Int(seed) * 977)
        let buffer = unsafe FixedBuffer(memory.bytes)  // SAFETY: the memory outlives it.
        let whole = buffer.byteCount
        let largest = buffer.largestFreeByteCount
        buffer.checkInvariants()
        #expect(whole > memory.byteCount * 9 / 10 - 700)
        var random = SplitMix64(seed: seed, stream: 0)
        let user = unsafe SourceUser(buffer.source)  // SAFETY: ends before the buffer.
        for _ in 0..<400 {
            if random.next() % 3 < 2 {
                user.take(byteCount: Int(random.next() % 900), alignment: 16 << (random.next() % 4))
            } else {
                user.giveBack(at: random.next())
            }
            buffer.checkInvariants()
        }
        #expect(user.takenCount > 0)
        user.giveAllBack()
        buffer.checkInvariants()
        let (free, largestFree) = (buffer.freeByteCount, buffer.largestFreeByteCount)
        #expect(free == whole)
        #expect(largestFree == largest)
        // Every unit can be had.
        var count = 0
        while user.take(byteCount: 64, alignment: 16) { count += 1 }
        #expect(count * 64 == whole)
        let left = buffer.largestFreeByteCount
        #expect(left == 0)
        buffer.checkInvariants()
        user.giveAllBack()
        buffer.checkInvariants()
    }

    @Test("Refuses what is too large, and alignments beyond its own")
    func refuses() {
        // If this failed, a block would reach beyond the buffer.
        let memory = TestMemory(byteCount: 4096)
        let buffer = unsafe FixedBuffer(memory.bytes)  // SAFETY: the memory outlives it.
        let user = unsafe SourceUser(buffer.source)  // SAFETY: ends before the buffer.
        let (isTooLarge, isBeyond) = (
            !user.take(byteCount: 4096, alignment: 16), !user.take(byteCount: 64, alignment: 256)
        )
        #expect(isTooLarge)
        #expect(isBeyond)
        let isTaken = user.take(byteCount: 2048, alignment: 128)
        #expect(isTaken)
        buffer.checkInvariants()
        user.giveAllBack()
    }

    @Test("Aligns blocks as far as it was told")
    func aligns() {
        // If this failed, a page would not begin on a page.
        let memory = TestMemory(byteCount: 1 << 16)
        // SAFETY: the memory outlives it.
        let buffer = unsafe FixedBuffer(memory.bytes, alignmentMax: 4096)
        let user = unsafe SourceUser(buffer.source)  // SAFETY: ends before the buffer.
        for shift in 4...12 {
            let isTaken = user.take(byteCount: 100, alignment: 1 << shift)
            #expect(isTaken)
            buffer.checkInvariants()
        }
        user.giveAllBack()
    }

    @Test("Is the memory of a drain allocator")
    func servesAnAllocator() {
        // If this failed, a program could not take its memory at the start.
        let memory = TestMemory(byteCount: 1 << 16)
        let buffer = unsafe FixedBuffer(memory.bytes)  // SAFETY: the memory outlives it.
        do {
            // SAFETY: the buffer outlives the allocator.
            let allocator = unsafe DrainAllocator(byteCountMax: 1 << 16, source: buffer.source)
            let first = allocator.make(7)
            let free = buffer.freeByteCount
            #expect(free == buffer.byteCount - (headerByteCount == 32 ? 64 : 128))
            #expect(first?.withValue { $0 } == 7)
            // SAFETY: too large, so nothing is allocated.
            let isRefused = unsafe allocator.allocate(byteCount: 1 << 15) == nil
            #expect(isRefused)
            #expect(allocator.outstanding.blockCount == 1)
            allocator.checkInvariants()
            buffer.checkInvariants()
        }
        let free = buffer.freeByteCount
        #expect(free == buffer.byteCount)
    }

    @Test("Memory that is given back twice, or is out at the end, traps")
    func misuseTraps() async {
        // If this failed, one block would be given to two.
        await #expect(processExitsWith: .failure) {
            let memory = TestMemory(byteCount: 4096)
            let buffer = unsafe FixedBuffer(memory.bytes)  // SAFETY: the memory outlives it.
            let user = unsafe SourceUser(buffer.source)  // SAFETY: ends before the buffer.
            user.take(byteCount: 64, alignment: 16)
            user.giveBackTwice()
            exit(EXIT_SUCCESS)  // Not by what the buffer's end finds.
        }
        await #expect(processExitsWith: .failure) {
            let memory = TestMemory(byteCount: 4096)
            let user: SourceUser
            do {
                let buffer = unsafe FixedBuffer(memory.bytes)  // SAFETY: the memory outlives it.
                user = unsafe SourceUser(buffer.source)  // SAFETY: as above.
                user.take(byteCount: 64, alignment: 16)
            }
            if user.takenCount > 0 { exit(EXIT_SUCCESS) }
        }
    }

    @Test("Four threads take and give back; nobody's bytes change")
    func fourThreads() {
        // If this failed, the lock would not cover a split or a join.
        let memory = TestMemory(byteCount: 1 << 15)
        let buffer = unsafe FixedBuffer(memory.bytes)  // SAFETY: the memory outlives it.
        let source = unsafe SharedSource(buffer.source)  // SAFETY: as above.
        ThreadTeam.run(count: 4) { thread in
            var random = SplitMix64(seed: 5, stream: thread)
            let user = unsafe SourceUser(source.source)  // SAFETY: ends before the buffer.
            for _ in 0..<3_000 {
                if random.next() % 2 == 0 {
                    user.take(byteCount: Int(random.next() % 3000), alignment: 16)
                } else {
                    user.giveBack(at: random.next())
                }
            }
            user.giveAllBack()
        }
        buffer.checkInvariants()
        let free = buffer.freeByteCount
        #expect(free == buffer.byteCount)
    }
}

/// A source that threads share.
@safe
private struct SharedSource: @unchecked Sendable {
    let source: MemorySource

    @unsafe
    init(_ source: MemorySource) { unsafe self.source = source }  // SAFETY: passed on.
}

/// Takes memory from a source, fills it with a mark of its own, and looks for it at the end.
@safe
private final class SourceUser {
    @safe
    private struct Block {
        let memory: UnsafeMutableRawBufferPointer
        let alignment: Int
        let mark: UInt8
    }

    private let source: MemorySource
    private var blocks: [Block] = []

    /// How many blocks were taken so far.
    private(set) var takenCount = 0

    @unsafe
    init(_ source: MemorySource) {
        unsafe self.source = source  // SAFETY: passed on to the caller.
    }

    @discardableResult
    func take(byteCount: Int, alignment: Int) -> Bool {
        // SAFETY: given back once, by `end`.
        guard let base = unsafe source.allocate(source.context, byteCount, alignment) else {
            return false
        }
        takenCount += 1
        precondition(UInt(bitPattern: base) % UInt(alignment) == 0, "not aligned")
        let mark = UInt8(truncatingIfNeeded: takenCount)
        // SAFETY: the memory has this size.
        let memory = unsafe UnsafeMutableRawBufferPointer(start: base, count: byteCount)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: mark)  // SAFETY: as above.
        // SAFETY: kept until `end`.
        blocks.append(unsafe Block(memory: memory, alignment: alignment, mark: mark))
        return true
    }

    func giveBack(at random: UInt64) {
        if blocks.isEmpty { return }
        let index = Int(random % UInt64(blocks.count))
        end(blocks.remove(at: index))
    }

    func giveAllBack() {
        while let block = blocks.popLast() { end(block) }
    }

    func giveBackTwice() {
        guard let block = blocks.popLast() else { return }
        end(block)
        release(block)  // Wrong, on purpose.
    }

    private func end(_ block: Block) {
        // SAFETY: the block is still out.
        let isWhole = unsafe block.memory.allSatisfy { $0 == block.mark }
        precondition(isWhole, "somebody else wrote here")
        release(block)
    }

    private func release(_ block: Block) {
        // SAFETY: the block came from the source.
        guard let base = unsafe block.memory.baseAddress else { return }
        // SAFETY: as above.
        unsafe source.deallocate(
            source.context, base, block.memory.count, block.alignment)
    }
}

/// Memory on a page, freed at the end.
@safe
private struct TestMemory: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer
    let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 4096)  // SAFETY: freed below.
    }

    deinit { unsafe bytes.deallocate() }  // SAFETY: allocated in `init`.
}
