// SPDX-License-Identifier: MIT

/// The memory that a loop's `SendStream`s lease while they have bytes to send: blocks of one size,
/// kept for the next stream up to `idleMax`. Only the loop's thread touches it.
@safe
struct SendBlocks: ~Copyable {
    /// The size of a block.
    let byteCount: Int
    private let idleMax: Int
    private var idle: [Block] = []

    @safe
    private struct Block {
        let memory: UnsafeMutableRawPointer
    }

    /// How many blocks are leased.
    private(set) var leasedCount = 0

    init(byteCount: Int, idleMax: Int) {
        precondition(byteCount > 0, "a send block holds at least one byte")
        precondition(byteCount <= Int(Int32.max), "a send block holds at most 2 GB")
        self.byteCount = byteCount
        self.idleMax = max(0, idleMax)
    }

    deinit {
        for block in idle { unsafe block.memory.deallocate() }  // SAFETY: allocated by `lease`.
    }

    /// A block of uninitialized memory.
    mutating func lease() -> UnsafeMutableRawPointer {
        leasedCount += 1
        // SAFETY: hands the block on.
        return unsafe idle.popLast()?.memory ?? .allocate(byteCount: byteCount, alignment: 64)
    }

    /// Takes a block back.
    mutating func giveBack(_ block: UnsafeMutableRawPointer) {
        leasedCount -= 1
        assert(leasedCount >= 0, "a send block was given back twice")
        if idle.count < idleMax {
            idle.append(unsafe Block(memory: block))  // SAFETY: leased before, and nobody's now.
        } else {
            unsafe block.deallocate()  // SAFETY: allocated by `lease`.
        }
    }
}
