// SPDX-License-Identifier: MIT

/// A hash table from addresses to numbers that is emptied by counting a generation up.
struct AddressTable: ~Copyable {
    struct Entry {
        var address: UInt
        var number: Int32
        var generation: UInt32
    }

    private var entries = PlainBuffer<Entry>(
        repeating: Entry(address: 0, number: 0, generation: 0), count: 64)
    private var generation: UInt32 = 1
    private var count = 0

    /// Forgets everything.
    mutating func removeAll() {
        count = 0
        generation &+= 1
        if generation == 0 {  // Wrapped round: old entries would look new.
            generation = 1
            for index in entries.indices { entries[index].generation = 0 }
        }
    }

    /// The number of an address; negative if there is none, or it was removed.
    @inline(__always)
    func number(at address: UInt) -> Int {
        let index = slot(of: address)
        return entries[index].generation == generation ? Int(entries[index].number) : -1
    }

    /// Sets the number of an address; -1 removes it.
    mutating func set(_ number: Int, at address: UInt) {
        var index = slot(of: address)
        if entries[index].generation != generation {
            if (count + 1) * 2 > entries.count {
                grow()
                index = slot(of: address)
            }
            count += 1
        }
        entries[index] = Entry(address: address, number: Int32(number), generation: generation)
    }

    /// The slot of the address, or the free one where it would go. Ends: half of them are free.
    @inline(__always)
    private func slot(of address: UInt) -> Int {
        let mask = entries.count - 1
        var index = Int(truncatingIfNeeded: address &* 0x9E37_79B9_7F4A_7C15 &>> 32) & mask
        while entries[index].generation == generation && entries[index].address != address {
            index = (index + 1) & mask
        }
        return index
    }

    private mutating func grow() {
        var old = PlainBuffer(
            repeating: Entry(address: 0, number: 0, generation: 0), count: entries.count * 2)
        swap(&old, &entries)
        for index in old.indices where old[index].generation == generation {
            entries[slot(of: old[index].address)] = old[index]
        }
    }
}
