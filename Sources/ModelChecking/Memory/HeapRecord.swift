// SPDX-License-Identifier: MIT

/// The memory that an execution has allocated. What is given back is kept until the execution has
/// ended, so that no address means two things in it.
struct HeapRecord: ~Copyable {
    struct Block {
        var range: Range<UInt>
        var owner: Int
        /// The owner's time when it allocated the block.
        var time: Int32
        var site: CodeSite
        var endSite: CodeSite?
        /// Who gave it back, -1 before somebody did.
        var ender = -1
    }

    private var blocks = PlainBuffer<Block>()

    /// Notes a block.
    mutating func add(_ range: Range<UInt>, by owner: Int, at time: Int32, _ site: CodeSite) {
        blocks.append(Block(range: range, owner: owner, time: time, site: site))
    }

    /// The block that begins at an address and was not yet given back.
    func range(at start: UInt) -> Range<UInt>? {
        guard let index = lastBlock(at: start) else { return nil }
        return blocks[index].endSite == nil ? blocks[index].range : nil
    }

    /// Whether a block of this execution begins at the address, given back or not.
    func hasBlock(at start: UInt) -> Bool {
        lastBlock(at: start) != nil
    }

    private func lastBlock(at start: UInt) -> Int? {
        blocks.indices.last { blocks[$0].range.lowerBound == start }
    }

    /// Marks a block as given back.
    mutating func markEnd(of start: UInt, by thread: Int, _ site: CodeSite) {
        guard let index = lastBlock(at: start) else { return }
        blocks[index].endSite = site
        blocks[index].ender = thread
    }

    /// Whether something is wrong with the use of an address.
    @inline(__always)
    func mayBeWrong(_ address: UInt, by thread: Int, at clock: Clock) -> Bool {
        for index in blocks.indices where blocks[index].range.contains(address) {
            if blocks[index].ender >= 0 || blocks[index].time > clock[blocks[index].owner] {
                return true
            }
        }
        return false
    }

    /// What that is.
    func problem(using address: UInt, by thread: Int, at clock: Clock) -> String? {
        for index in blocks.indices where blocks[index].range.contains(address) {
            let block = blocks[index]
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
        guard let index = blocks.indices.first(where: { blocks[$0].range.contains(address) }) else {
            return nil
        }
        return "block \(index)+\(address - blocks[index].range.lowerBound)"
    }

    /// Where the first block was allocated that nobody has given back.
    var firstLeak: CodeSite? {
        for index in blocks.indices where blocks[index].endSite == nil { return blocks[index].site }
        return nil
    }

    /// Ends the execution: really frees what was given back.
    mutating func end() {
        for index in blocks.indices where blocks[index].endSite != nil {
            // SAFETY: `ModelHeap` allocated the block, and the program under test gave it back.
            let start = blocks[index].range.lowerBound
            unsafe UnsafeMutableRawPointer(bitPattern: start)?.deallocate()
        }
        blocks.removeAll()
    }

    /// Forgets the blocks of an execution whose threads may still hold them.
    mutating func abandon() {
        blocks.removeAll()
    }
}
