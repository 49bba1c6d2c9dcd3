// SPDX-License-Identifier: MIT

/// Finds the places of outstanding messages by key; equal keys come out in the order they went in.
///
/// A hash only says where to look: two keys are equal when the caller's comparison says so, so a
/// collision costs a comparison and never a wrong answer. Deletion moves later cells back instead
/// of leaving marks (D. Knuth, TAOCP 3, 6.4, algorithm R), so the table does not wear out.
///
/// Cost: O(1) expected at a load of at most one half; no allocation after `init`.
@frozen
@usableFromInline
@safe
struct KeyIndex: ~Copyable, @unchecked Sendable {
    // Layout: cells[i]     one key: its hash, the first and the last place that hold it
    //         nextEqual[p] the place with the same key that came after place p
    //
    // Invariants:  I1  every cell is reached from its home without passing an empty one
    //              I2  no two cells hold equal keys
    //              I3  at least half of the cells are empty, so every search ends

    @frozen
    @usableFromInline
    struct Cell {
        @usableFromInline var hash: UInt64
        @usableFromInline var first: UInt32
        @usableFromInline var last: UInt32

        @inlinable
        init(hash: UInt64, first: UInt32, last: UInt32) {
            self.hash = hash
            self.first = first
            self.last = last
        }

        @inlinable
        static var empty: Cell { Cell(hash: 0, first: .max, last: .max) }

        @inlinable
        var isEmpty: Bool { first == .max }
    }

    @usableFromInline let cells: UnsafeMutablePointer<Cell>
    @usableFromInline let nextEqual: UnsafeMutablePointer<UInt32>
    @usableFromInline let mask: Int
    @usableFromInline let shift: UInt64
    @usableFromInline var cellsUsed = 0

    /// An index for places below `capacity`.
    @usableFromInline
    init(capacity: Int) {
        var cellCount = 2
        while cellCount < 2 * capacity { cellCount *= 2 }
        mask = cellCount - 1
        shift = UInt64(64 - cellCount.trailingZeroBitCount)
        // SAFETY: freed in `deinit`.
        unsafe cells = .allocate(capacity: cellCount)
        unsafe nextEqual = .allocate(capacity: max(capacity, 1))
        // SAFETY: both were just allocated with these counts.
        unsafe cells.initialize(repeating: .empty, count: cellCount)
        unsafe nextEqual.initialize(repeating: .max, count: max(capacity, 1))
    }

    // Inlinable because the optimizer otherwise fails on setters in inlinable code (Swift 6.3.1).
    @inlinable
    deinit {
        // SAFETY: allocated in `init`; the elements are trivial.
        unsafe cells.deallocate()
        unsafe nextEqual.deallocate()
    }

    /// Where the search for a hash begins: the top bits of a multiple, so that a weak hash (a
    /// counter, say) spreads as well.
    @inlinable
    @inline(__always)
    func home(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) &>> shift)
    }

    /// The cell of a key, or the empty one where it belongs.
    @inlinable
    @inline(__always)
    func cell(hash: UInt64, isEqual: (UInt32) -> Bool) -> Int {
        var index = home(hash)
        while true {  // Ends at an empty cell (I3).
            // SAFETY: the index is masked to the table.
            let cell = unsafe cells[index]
            if cell.isEmpty || (cell.hash == hash && isEqual(cell.first)) { return index }
            index = (index &+ 1) & mask
        }
    }

    /// The first place in a cell; nil if the cell is empty.
    @inlinable
    @inline(__always)
    func first(inCell index: Int) -> UInt32? {
        // SAFETY: the index came from `cell`.
        let cell = unsafe cells[index]
        return cell.isEmpty ? nil : cell.first
    }

    /// Adds a place behind those with the same key.
    @inlinable
    @inline(__always)
    mutating func insert(_ place: UInt32, hash: UInt64, isEqual: (UInt32) -> Bool) {
        let index = cell(hash: hash, isEqual: isEqual)
        // SAFETY: cell indices are masked, and places are below the capacity.
        unsafe nextEqual[Int(place)] = .max
        if unsafe cells[index].isEmpty {  // SAFETY: as above.
            cellsUsed &+= 1
            assert(cellsUsed * 2 <= mask + 1)
            // SAFETY: as above.
            unsafe cells[index] = Cell(hash: hash, first: place, last: place)
        } else {
            // SAFETY: as above.
            unsafe nextEqual[Int(cells[index].last)] = place
            unsafe cells[index].last = place
        }
    }

    /// Removes the first place of a cell that is not empty.
    @inlinable
    @inline(__always)
    mutating func removeFirst(inCell index: Int) {
        // SAFETY: the index came from `cell`, and places are below the capacity.
        let next = unsafe nextEqual[Int(cells[index].first)]
        if next != .max {
            unsafe cells[index].first = next  // SAFETY: as above.
        } else {
            cellsUsed &-= 1
            closeGap(at: index)
        }
    }

    /// Empties a cell and moves back those behind it that belong there or before.
    @inlinable
    mutating func closeGap(at index: Int) {
        var gap = index
        var scan = index
        while true {  // Ends at an empty cell (I3).
            scan = (scan &+ 1) & mask
            // SAFETY: indices are masked to the table.
            let cell = unsafe cells[scan]
            if cell.isEmpty { break }
            let distanceFromHome = (scan &- home(cell.hash)) & mask
            let distanceFromGap = (scan &- gap) & mask
            if distanceFromHome >= distanceFromGap {
                unsafe cells[gap] = cell  // SAFETY: as above.
                gap = scan
            }
        }
        unsafe cells[gap] = .empty  // SAFETY: as above.
    }

    /// Forgets every key.
    @usableFromInline
    mutating func removeAll() {
        guard cellsUsed > 0 else { return }
        // SAFETY: the table has mask + 1 initialized cells.
        unsafe cells.update(repeating: .empty, count: mask + 1)
        cellsUsed = 0
    }

    /// Checks I1 and I3; I2 needs the keys, and the tests compare with an oracle.
    func checkInvariants() {
        var used = 0
        for index in 0...mask {
            // SAFETY: in bounds.
            let cell = unsafe cells[index]
            if cell.isEmpty { continue }
            used += 1
            var probe = home(cell.hash)
            while probe != index {
                let isGap = unsafe cells[probe].isEmpty  // SAFETY: masked.
                precondition(!isGap, "I1")
                probe = (probe &+ 1) & mask
            }
        }
        precondition(used == cellsUsed, "the count of used cells")
        precondition(used * 2 <= mask + 1, "I3")
    }
}
