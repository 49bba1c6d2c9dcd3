// SPDX-License-Identifier: MIT

import AtomicSupport
import Testing

@Suite("Block layout and shared blocks")
struct BlockLayoutTests {
    @Test("Padded parts own whole cache lines; plain parts pack")
    func paddedPartsOwnTheirLines() {
        // If this failed, two hot words would share a line and slow each other down.
        var layout = BlockLayout()
        let first = layout.appendPadded(UInt64.self)
        let second = layout.appendPadded(UInt64.self)
        let plain = layout.append(UInt32.self, count: 3)
        let word = layout.append(UInt64.self)
        #expect(first == 0)
        #expect(second == CacheLine.byteCount)
        #expect(plain == 2 * CacheLine.byteCount)
        #expect(word == 2 * CacheLine.byteCount + 16)
        #expect(layout.byteCount == 2 * CacheLine.byteCount + 24)
    }

    @Test("A block begins on a cache line and is zeroed")
    func blockIsAlignedAndZeroed() {
        // If this failed, offsets would not be line boundaries and atomics would start with
        // garbage.
        for byteCount in [1, 127, 128, 4096] {
            let block = SharedBlock(byteCount: byteCount)
            // SAFETY: only the address is looked at.
            let address = unsafe UInt(bitPattern: block.base)
            #expect(address % UInt(CacheLine.byteCount) == 0)
            // SAFETY: the block holds `byteCount` initialized bytes.
            let isZero = unsafe UnsafeRawBufferPointer(start: block.base, count: byteCount)
                .allSatisfy { $0 == 0 }
            #expect(isZero)
        }
    }

    @Test("A borrowed block is the caller's memory and is not freed")
    func borrowedBlockIsNotFreed() {
        // If this failed, `init(storage:)` would free or copy what the caller owns.
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 256, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        unsafe storage[0] = 42  // SAFETY: in bounds.
        do {
            // SAFETY: the storage outlives the block.
            let block = unsafe SharedBlock(borrowing: storage, byteCount: 200)
            let isSame = unsafe block.base == storage.baseAddress  // SAFETY: compares addresses.
            #expect(isSame)
        }
        let first = unsafe storage[0]  // SAFETY: in bounds; the memory is still ours.
        #expect(first == 42)
    }
}
