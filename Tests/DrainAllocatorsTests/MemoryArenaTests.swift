// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import Glibc
import StressSupport
import Testing

@Suite("Memory arena")
struct MemoryArenaTests {
    @Test("Pieces do not overlap, are aligned, and keep what was written", arguments: 1...5)
    func piecesLieApart(seed: UInt64) {
        // If this failed, one piece would overwrite another.
        let allocator = DrainAllocator(byteCountMax: 1 << 20)
        var arena = MemoryArena(in: allocator, chunkByteCount: 512)
        var random = SplitMix64(seed: seed, stream: 0)
        for _ in 0..<3 {
            var pieces = Pieces()
            var asked = 0
            for number in 0..<200 {
                let byteCount = Int(random.next() % 700)
                let alignment = 1 << (random.next() % 9)
                // SAFETY: used until `removeAll`.
                let piece = unsafe arena.allocate(byteCount: byteCount, alignment: alignment)
                asked += byteCount
                unsafe pieces.add(piece, byteCount, alignment, UInt8(number))  // SAFETY: as above.
                arena.checkInvariants()
            }
            allocator.checkInvariants()
            #expect(pieces.areWhole)
            let (used, reserved) = (arena.usedByteCount, arena.reservedByteCount)
            #expect(used == asked)
            #expect(reserved == allocator.outstanding.byteCount)
            #expect(reserved >= asked)
            arena.removeAll()
            arena.checkInvariants()
            #expect(allocator.outstanding.blockCount == 1)
            let (usedAfter, reservedAfter) = (arena.usedByteCount, arena.reservedByteCount)
            #expect(usedAfter == 0)
            #expect(reservedAfter == allocator.outstanding.byteCount)
        }
    }

    @Test("One chunk serves until it is full; all are back at the end")
    func usesChunks() {
        // If this failed, an arena would be an allocator of blocks, or leak them.
        let allocator = DrainAllocator(byteCountMax: 1 << 20)
        do {
            var arena = MemoryArena(in: allocator, chunkByteCount: 1024)
            #expect(allocator.outstanding.blockCount == 0)
            arena.checkInvariants()
            for _ in 0..<31 { _ = unsafe arena.allocate(byteCount: 32) }  // SAFETY: not used.
            #expect(allocator.outstanding.blockCount == 1)
            _ = unsafe arena.allocate(byteCount: 1)  // SAFETY: not used.
            #expect(allocator.outstanding.blockCount == 2)
            _ = unsafe arena.allocate(byteCount: 5000)  // SAFETY: not used.
            #expect(allocator.outstanding.blockCount == 3)
            #expect(allocator.outstanding.byteCount == 2 * 1024 + 5032)
            arena.checkInvariants()
        }
        #expect(allocator.outstanding.blockCount == 0)
        allocator.checkInvariants()
    }

    @Test("The first chunk is used again from its start")
    func usesTheFirstChunkAgain() {
        // If this failed, each round would take another chunk.
        let allocator = DrainAllocator(byteCountMax: 1 << 20)
        var arena = MemoryArena(in: allocator, chunkByteCount: 1024)
        for _ in 0..<3 {
            for _ in 0..<31 { _ = unsafe arena.allocate(byteCount: 32) }  // SAFETY: not used.
            #expect(allocator.outstanding.blockCount == 1)
            arena.checkInvariants()
            arena.removeAll()
            arena.checkInvariants()
        }
    }

    @Test("Values have their own alignment, and are as many as asked for")
    func typedPieces() {
        // If this failed, a value would lie where it may not.
        let allocator = DrainAllocator(byteCountMax: 1 << 16)
        var arena = MemoryArena(in: allocator)
        _ = unsafe arena.allocate(byteCount: 1, alignment: 1)  // SAFETY: not used.
        // SAFETY: used until the arena's end.
        let words = unsafe arena.allocate(repeating: UInt64(9), count: 50)
        #expect(unsafe words?.count == 50)
        #expect(unsafe words?.allSatisfy { $0 == 9 } == true)
        // SAFETY: a number.
        #expect(unsafe UInt(bitPattern: words?.baseAddress) % 8 == 0)
        // SAFETY: as above.
        let isRefused = unsafe arena.allocate(repeating: UInt64(0), count: .max) == nil
        #expect(isRefused)
        arena.checkInvariants()
    }

    @Test("Is refused what its allocator refuses, and goes on")
    func respectsTheLimit() {
        // If this failed, an arena would go around the limit in bytes.
        let allocator = DrainAllocator(byteCountMax: 2048)
        var arena = MemoryArena(in: allocator, chunkByteCount: 1024)
        // SAFETY: not used.
        let (first, large) = unsafe (
            arena.allocate(byteCount: 900) != nil, arena.allocate(byteCount: 1500) != nil
        )
        #expect(first)
        #expect(!large)
        arena.checkInvariants()
        allocator.checkInvariants()
        let small = unsafe arena.allocate(byteCount: 80) != nil  // SAFETY: not used.
        #expect(small)
        allocator.close()
        let beyond = unsafe arena.allocate(byteCount: 80) != nil  // SAFETY: not used.
        #expect(!beyond)
        arena.checkInvariants()
    }

    @Test("An allocator that ends before its arena traps")
    func endTraps() async {
        // If this failed, the arena would write into freed memory.
        await #expect(processExitsWith: .failure) {
            func make() -> MemoryArena {
                let allocator = DrainAllocator(byteCountMax: 4096)
                var arena = MemoryArena(in: allocator)
                _ = unsafe arena.allocate(byteCount: 1)  // SAFETY: not used.
                return arena
            }
            let arena = make()
            if arena.usedByteCount == 1 { exit(EXIT_SUCCESS) }
        }
    }
}

/// Pieces and the mark that each is filled with.
private struct Pieces {
    @safe
    private struct Piece {
        let bytes: UnsafeMutableRawBufferPointer
        let mark: UInt8
    }

    private var pieces: [Piece] = []

    /// Fills a piece, which is used until `areWhole` was asked.
    @unsafe
    mutating func add(
        _ piece: UnsafeMutableRawBufferPointer?, _ byteCount: Int, _ alignment: Int, _ mark: UInt8
    ) {
        guard let bytes = unsafe piece else {  // SAFETY: an address.
            Issue.record("refused")
            return
        }
        #expect(bytes.count == byteCount)
        #expect(UInt(bitPattern: bytes.baseAddress) % UInt(alignment) == 0)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: mark)  // SAFETY: fresh memory.
        pieces.append(unsafe Piece(bytes: bytes, mark: mark))  // SAFETY: see above.
    }

    var areWhole: Bool {
        pieces.allSatisfy { piece in
            unsafe piece.bytes.allSatisfy { $0 == piece.mark }  // SAFETY: it has not ended.
        }
    }
}
