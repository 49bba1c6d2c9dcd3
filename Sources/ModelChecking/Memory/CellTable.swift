// SPDX-License-Identifier: MIT

/// How a plain place in memory is touched.
@frozen
@usableFromInline
enum CellAccess: UInt8, Sendable {
    /// A value is put into an empty place.
    case initialize
    /// The value is taken out, which leaves the place empty.
    case move
    /// The value is read.
    case read
    /// The value of a full place is replaced.
    case write
}

/// The plain places of one execution: who touched each last, and whether it holds a value.
///
/// Plain accesses are no steps of their own. Whether two of them are ordered depends on what
/// happened before each, which is the same in all executions that differ only in the order of
/// independent steps.
///
/// Source: C. Flanagan, S. Freund, "FastTrack: Efficient and Precise Dynamic Race Detection",
/// PLDI 2009, for epochs; a clock of all readers instead of an adaptive one.
struct CellTable: ~Copyable {
    struct Cell {
        var address: UInt
        /// Whether it holds a value.
        var isFull: Bool
        /// Whether a value that is left behind has an owner who misses it.
        var isTrivial: Bool
        var writer: Int32 = 0
        var writeTime: Int32 = 0
        var writeSite: CodeSite
        var reads = Clock()
        var readSite: CodeSite
    }

    private var cells = PlainBuffer<Cell>()
    private var addresses = AddressTable()

    /// Begins an execution without cells.
    mutating func reset() {
        cells.removeAll()
        addresses.removeAll()
    }

    /// Notes an access and says what is wrong with it, if something is.
    mutating func touch(
        _ access: CellAccess, _ address: UInt, isTrivial: Bool, by thread: Int, at clock: Clock,
        _ site: CodeSite
    ) -> CellFault? {
        let index = self.index(of: address, access, isTrivial, site)
        let fault =
            raceFault(index, access, thread, clock) ?? lifetimeFault(index, access, thread)
        switch access {
        case .read:
            cells[index].reads[thread] = clock[thread]
            cells[index].readSite = site
        case .initialize, .move, .write:
            cells[index].isFull = access != .move
            cells[index].writer = Int32(thread)
            cells[index].writeTime = clock[thread]
            cells[index].writeSite = site
        }
        return fault
    }

    private mutating func index(
        of address: UInt, _ access: CellAccess, _ isTrivial: Bool, _ site: CodeSite
    ) -> Int {
        let known = addresses.number(at: address)
        if known >= 0 { return known }
        let index = cells.count
        // A place that the model meets for the first time is as its first user expects it.
        cells.append(
            Cell(
                address: address, isFull: access != .initialize, isTrivial: isTrivial,
                writeSite: site, readSite: site))
        addresses.set(index, at: address)
        return index
    }

    @inline(__always)
    private func raceFault(
        _ index: Int, _ access: CellAccess, _ thread: Int, _ clock: Clock
    ) -> CellFault? {
        let writer = Int(cells[index].writer)
        if cells[index].writeTime > clock[writer] {
            return CellFault(
                kind: .race, other: writer, otherSite: cells[index].writeSite, otherWrites: true)
        }
        let reads = cells[index].reads
        if access == .read || clock.covers(reads) { return nil }
        let other = (0..<threadCountMax).first { reads[$0] > clock[$0] } ?? 0
        return CellFault(
            kind: .race, other: other, otherSite: cells[index].readSite, otherWrites: false)
    }

    @inline(__always)
    private func lifetimeFault(_ index: Int, _ access: CellAccess, _ thread: Int) -> CellFault? {
        let isFull = cells[index].isFull
        if isFull != (access == .initialize) { return nil }
        if access == .initialize && cells[index].isTrivial { return nil }
        return CellFault(
            kind: isFull ? .overwrite : .empty, other: Int(cells[index].writer),
            otherSite: cells[index].writeSite, otherWrites: true)
    }

    /// Forgets a cell, so that another one can lie there.
    mutating func forget(_ address: UInt) {
        if addresses.number(at: address) >= 0 { addresses.set(-1, at: address) }
    }

    /// Ends the cells within some memory: says which access may still come, or which value is left.
    mutating func endCells(
        in range: Range<UInt>, by thread: Int, at clock: Clock, checksLeaks: Bool
    ) -> CellFault? {
        var fault: CellFault?
        for index in cells.indices where range.contains(cells[index].address) {
            let address = cells[index].address
            if addresses.number(at: address) != index { continue }
            addresses.set(-1, at: address)
            if fault != nil { continue }
            fault = raceFault(index, .move, thread, clock)
            if fault == nil, checksLeaks, cells[index].isFull, !cells[index].isTrivial {
                fault = CellFault(
                    kind: .leak, other: Int(cells[index].writer),
                    otherSite: cells[index].writeSite, otherWrites: true)
            }
        }
        return fault
    }
}

/// What is wrong with an access to a plain place.
struct CellFault {
    enum Kind {
        /// Two accesses that nothing orders.
        case race
        /// A value was put where one lives.
        case overwrite
        /// A value was wanted where none lives.
        case empty
        /// The memory ended while a value lived in it.
        case leak
    }

    var kind: Kind
    /// The thread of the earlier access, and where it was.
    var other: Int
    var otherSite: CodeSite
    var otherWrites: Bool
}
