// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// What a fixed buffer knows of itself, at its start.
///
/// It is used under the lock whose word lies before it: see `with`.
@safe
struct FixedBufferHeader: ~Copyable {
    // A unit is 64 bytes; a block of order k has 2^k units, and its number is that of its first
    // unit, a multiple of 2^k.
    //
    // Invariants: I1  each unit is in one block; the state of a block's first unit tells its order
    //                 and whether it is free, that of its others is 0
    //             I2  a free block is in the list of its order
    //             I3  two buddies of one order are never both free
    //             I4  the units of free blocks are counted, and the orders that have one marked
    //
    // Edges: those of InternalLock.

    private let units: UnsafeMutableRawPointer
    private let states: UnsafeMutablePointer<UInt8>
    private let unitCount: Int
    private let alignmentMax: Int
    private var freeUnitCount: Int
    /// The orders that have a free block, a bit each.
    private var freeOrders: UInt64
    /// The first free block of each order, or -1.
    private var heads: InlineArray<40, Int>

    /// The links of a free block, in its own memory.
    private struct Links {
        var next: Int
        var previous: Int
    }

    private static var unitByteCount: Int { 64 }
    private static var orderCount: Int { 40 }
    private static var freeBit: UInt8 { 0x80 }

    /// How many bytes the lock's line and the header take.
    private static var headerByteCount: Int { 512 }

    /// Runs `body` with the header of the buffer that begins at `base`, alone.
    @unsafe
    static func with<Result>(
        _ base: UnsafeMutableRawPointer, _ body: (inout Self) -> Result
    ) -> Result {
        // SAFETY: `initialize` put a lock's word and a header there, which the caller keeps.
        let lock = unsafe InternalLock(base.assumingMemoryBound(to: Atomic<UInt32>.self))
        let header = unsafe (base + CacheLine.byteCount).assumingMemoryBound(to: Self.self)
        lock.lock()
        defer { lock.unlock() }
        return unsafe body(&header.pointee)  // SAFETY: under the lock.
    }

    /// Sets up a buffer of which all units are free.
    @unsafe
    static func initialize(_ storage: UnsafeMutableRawBufferPointer, alignmentMax: Int) {
        assert(CacheLine.byteCount + MemoryLayout<Self>.size <= headerByteCount)
        guard let start = storage.baseAddress else { preconditionFailure("the buffer is empty") }
        let end = UInt(bitPattern: start) + UInt(storage.count)
        // As many units as there are bytes for, behind their states.
        var count = max(storage.count - headerByteCount, 0) / (unitByteCount + 1)
        var first: UInt = 0
        while count > 0 {  // Ends: at most `alignmentMax` / 64 + 2 rounds.
            let least = UInt(bitPattern: start) + UInt(headerByteCount + count)
            first = (least + UInt(alignmentMax) - 1) & ~(UInt(alignmentMax) - 1)
            if first + UInt(count * unitByteCount) <= end { break }
            count -= 1
        }
        precondition(count > 0, "the buffer has no room for a block")
        // SAFETY: the word, the header and what is behind it lie in the caller's buffer.
        unsafe start.bindMemory(to: Atomic<UInt32>.self, capacity: 1).initialize(to: Atomic(0))
        let header = unsafe (start + CacheLine.byteCount).bindMemory(to: Self.self, capacity: 1)
        // SAFETY: as above.
        unsafe header.initialize(
            to: Self(
                units: start + Int(first - UInt(bitPattern: start)),
                states: (start + headerByteCount).bindMemory(to: UInt8.self, capacity: count),
                unitCount: count, alignmentMax: alignmentMax))
        unsafe header.pointee.freeAll()  // SAFETY: as above.
    }

    @unsafe
    private init(
        units: UnsafeMutableRawPointer, states: UnsafeMutablePointer<UInt8>, unitCount: Int,
        alignmentMax: Int
    ) {
        unsafe self.units = units  // SAFETY: in the buffer.
        unsafe self.states = states  // SAFETY: as above.
        self.unitCount = unitCount
        self.alignmentMax = alignmentMax
        freeUnitCount = unitCount
        freeOrders = 0
        heads = InlineArray(repeating: -1)
    }

    /// Covers the buffer with the largest blocks that fit.
    private mutating func freeAll() {
        unsafe states.initialize(repeating: 0, count: unitCount)  // SAFETY: in the buffer.
        var block = 0
        while block < unitCount {  // Ends: each block has at least one unit.
            let fitting = Int.bitWidth - 1 - (unitCount - block).leadingZeroBitCount
            let order = min(block.trailingZeroBitCount, fitting, Self.orderCount - 1)
            push(block, order)
            block += 1 << order
        }
    }

    // MARK: - Operations

    @unsafe
    mutating func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        if alignment > alignmentMax { return nil }
        guard let order = Self.order(byteCount: byteCount, alignment: alignment) else { return nil }
        let usable = freeOrders & (UInt64.max << UInt64(order))
        if usable == 0 { return nil }
        var found = usable.trailingZeroBitCount
        let block = heads[found]
        remove(block, found)
        while found > order {  // Splits: the upper half is free again.
            found -= 1
            push(block + 1 << found, found)
        }
        unsafe states[block] = UInt8(order + 1)  // SAFETY: a number of a unit.
        freeUnitCount -= 1 << order
        return unsafe units + block * Self.unitByteCount  // SAFETY: in the buffer.
    }

    @unsafe
    mutating func deallocate(_ memory: UnsafeMutableRawPointer, byteCount: Int, alignment: Int) {
        guard let size = Self.order(byteCount: byteCount, alignment: alignment) else {
            preconditionFailure("memory of a size that is never given out")
        }
        var block = unsafe (memory - units) / Self.unitByteCount  // SAFETY: addresses.
        var order = size
        precondition(block >= 0, "memory that is not of this buffer")
        precondition(block < unitCount, "memory that is not of this buffer")
        // SAFETY: a number of a unit.
        precondition(unsafe states[block] == UInt8(order + 1), "memory was given back twice")
        unsafe states[block] = 0  // SAFETY: as above.
        freeUnitCount += 1 << order
        while order < Self.orderCount - 1 {  // Joins: with its buddy, if that is free and whole.
            let buddy = block ^ (1 << order)
            // SAFETY: a number of a unit.
            guard buddy < unitCount, unsafe states[buddy] == UInt8(order + 1) | Self.freeBit
            else { break }
            remove(buddy, order)
            block = min(block, buddy)
            order += 1
        }
        push(block, order)
    }

    /// The order of the smallest block that holds so many bytes, aligned; nil if none does.
    private static func order(byteCount: Int, alignment: Int) -> Int? {
        let units = (max(byteCount, alignment, 1) - 1) / unitByteCount + 1
        let order = Int.bitWidth - (units - 1).leadingZeroBitCount
        return order < orderCount ? order : nil
    }

    // MARK: - Lists

    @unsafe
    private func links(_ block: Int) -> UnsafeMutablePointer<Links> {
        // SAFETY: a free block has room for its links.
        unsafe (units + block * Self.unitByteCount).assumingMemoryBound(to: Links.self)
    }

    private mutating func push(_ block: Int, _ order: Int) {
        let head = heads[order]
        // SAFETY: the block is free.
        unsafe links(block).initialize(to: Links(next: head, previous: -1))
        if head >= 0 { unsafe links(head).pointee.previous = block }  // SAFETY: as above.
        heads[order] = block
        freeOrders |= 1 << UInt64(order)
        unsafe states[block] = UInt8(order + 1) | Self.freeBit  // SAFETY: a number of a unit.
    }

    private mutating func remove(_ block: Int, _ order: Int) {
        let links = unsafe links(block).pointee  // SAFETY: the block is free.
        if links.next >= 0 {
            unsafe self.links(links.next).pointee.previous = links.previous  // SAFETY: as above.
        }
        if links.previous >= 0 {
            unsafe self.links(links.previous).pointee.next = links.next  // SAFETY: as above.
        } else {
            heads[order] = links.next
            if links.next < 0 { freeOrders &= ~(1 << UInt64(order)) }
        }
        unsafe states[block] = 0  // SAFETY: a number of a unit.
    }

    #if Checks || DEBUG
        func checkInvariants() {
            var freeBlocks = Set<Int>()
            var freeCount = 0
            var block = 0
            while block < unitCount {  // Ends: each block has at least one unit.
                let state = unsafe states[block]  // SAFETY: a number of a unit, here and below.
                let order = Int(state & ~Self.freeBit) - 1
                precondition(order >= 0 && order < Self.orderCount, "I1: a unit is in no block")
                precondition(block & ((1 << order) - 1) == 0, "I1: a block begins at a wrong unit")
                precondition(1 << order <= unitCount - block, "I1: a block leads out of the buffer")
                for unit in block + 1..<block + 1 << order {
                    // SAFETY: as above.
                    precondition(unsafe states[unit] == 0, "I1: a unit is in two blocks")
                }
                if state & Self.freeBit != 0 {
                    freeBlocks.insert(block)
                    freeCount += 1 << order
                    let buddy = block ^ (1 << order)
                    // SAFETY: as above.
                    let isBuddyFree = unsafe buddy < unitCount && states[buddy] == state
                    precondition(!isBuddyFree, "I3: two buddies are free")
                }
                block += 1 << order
            }
            precondition(freeCount == freeUnitCount, "I4: the free units are miscounted")
            for order in 0..<Self.orderCount { checkInvariants(ofOrder: order, &freeBlocks) }
            precondition(freeBlocks.isEmpty, "I2: a free block is in no list")
        }

        /// Takes the blocks of an order's list out of those that are free.
        private func checkInvariants(ofOrder order: Int, _ freeBlocks: inout Set<Int>) {
            let isMarked = freeOrders & 1 << UInt64(order) != 0
            precondition(isMarked == (heads[order] >= 0), "I4: an order is marked wrongly")
            var (block, before) = (heads[order], -1)
            while block >= 0 {  // Ends: each round takes a block out of the set.
                let isFree = freeBlocks.remove(block) != nil
                precondition(isFree, "I2: a list has what is not free, or has it twice")
                // SAFETY: the block is free.
                let (state, links) = unsafe (states[block], links(block).pointee)
                precondition(state & ~Self.freeBit == UInt8(order + 1), "I2: of another order")
                precondition(links.previous == before, "I2: a list is torn")
                (block, before) = (links.next, block)
            }
        }
    #endif

    // MARK: - Facts

    var byteCount: Int { unitCount * Self.unitByteCount }

    var freeByteCount: Int { freeUnitCount * Self.unitByteCount }

    var largestFreeByteCount: Int {
        if freeOrders == 0 { return 0 }
        return Self.unitByteCount << (63 - freeOrders.leadingZeroBitCount)
    }
}
