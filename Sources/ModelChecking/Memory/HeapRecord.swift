// SPDX-License-Identifier: MIT

/// The memory that an execution has allocated. What is given back is kept until the execution has
/// ended, so that no address means two things in it.
struct HeapRecord: ~Copyable {
    private struct Block {
        var range: Range<UInt>
        var owner: Int
        /// The owner's time when it allocated the block.
        var time: Int32
        var site: CodeSite
        var endSite: CodeSite?
        var ender = 0
    }

    private var blocks: [Block] = []

    /// Notes a block.
    mutating func add(_ range: Range<UInt>, by owner: Int, at time: Int32, _ site: CodeSite) {
        blocks.append(Block(range: range, owner: owner, time: time, site: site))
    }

    /// The block that begins at an address and was not yet given back.
    func range(at start: UInt) -> Range<UInt>? {
        blocks.last { $0.range.lowerBound == start }.flatMap { $0.endSite == nil ? $0.range : nil }
    }

    /// Whether a block of this execution begins at the address, given back or not.
    func hasBlock(at start: UInt) -> Bool {
        blocks.contains { $0.range.lowerBound == start }
    }

    /// Marks a block as given back.
    mutating func markEnd(of start: UInt, by thread: Int, _ site: CodeSite) {
        guard let index = blocks.lastIndex(where: { $0.range.lowerBound == start }) else { return }
        blocks[index].endSite = site
        blocks[index].ender = thread
    }

    /// What is wrong with the use of an address, if something is.
    func problem(using address: UInt, by thread: Int, at clock: Clock) -> String? {
        for block in blocks where block.range.contains(address) {
            if let site = block.endSite {
                return "uses memory that T\(block.ender) gave back at \(site)"
            }
            if block.time > clock[block.owner] {
                return "uses memory that T\(block.owner) allocated at \(block.site), and nothing"
                    + " made it see that"
            }
        }
        return nil
    }

    /// The addresses within blocks, as offsets, for traces.
    func name(of address: UInt) -> String? {
        guard let index = blocks.firstIndex(where: { $0.range.contains(address) }) else {
            return nil
        }
        return "block \(index)+\(address - blocks[index].range.lowerBound)"
    }

    /// Where the first block was allocated that nobody has given back.
    var firstLeak: CodeSite? { blocks.first { $0.endSite == nil }?.site }

    /// Ends the execution: really frees what was given back.
    mutating func end() {
        for block in blocks where block.endSite != nil {
            // SAFETY: `ModelHeap` allocated the block, and the program under test gave it back.
            unsafe UnsafeMutableRawPointer(bitPattern: block.range.lowerBound)?.deallocate()
        }
        blocks.removeAll(keepingCapacity: true)
    }

    /// Forgets the blocks of an execution whose threads may still hold them.
    mutating func abandon() {
        blocks.removeAll(keepingCapacity: true)
    }
}
