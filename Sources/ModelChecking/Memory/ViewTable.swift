// SPDX-License-Identifier: MIT

/// Which stores a thread must at least see, location by location: rows of positions in the
/// modification orders. A row belongs to a thread, to a store that released, or to the order of the
/// sequentially consistent accesses.
///
/// All rows lie in one block, so that an execution makes no allocation of its own.
struct ViewTable: ~Copyable {
    private var positions = PlainBuffer<Int64>(capacity: 1024)
    private var stride = 16
    /// How many rows there are.
    private(set) var rowCount = 0
    /// How many columns are in use: locations beyond are at zero in every row.
    private(set) var columnCount = 0

    /// Drops all columns, and all rows but so many, which are to be cleared before they are used:
    /// most programs do not use them all.
    mutating func reset(fixedRowCount: Int) {
        rowCount = fixedRowCount
        columnCount = 0
        let count = rowCount * stride
        if positions.count < count {
            positions.append(0, count: count - positions.count)
        } else {
            positions.removeLast(positions.count - count)
        }
    }

    /// Puts a row back to the beginning of every location.
    mutating func clear(_ row: Int) {
        positions.fill(row * stride..<row * stride + stride, with: 0)
    }

    /// Adds a location.
    mutating func addColumn() {
        columnCount += 1
        if columnCount > stride { widen() }
    }

    /// Adds a row, a copy of another one, and returns its number.
    mutating func addRow(copying source: Int) -> Int {
        let row = rowCount
        rowCount += 1
        positions.append(copying: source * stride..<source * stride + stride)
        return row
    }

    /// The position of a location in a row.
    subscript(row: Int, column: Int) -> Int64 {
        positions[row * stride + column]
    }

    /// Moves a location forward to a position, unless the row is further already.
    mutating func raise(_ row: Int, _ column: Int, to position: Int64) {
        let index = row * stride + column
        if positions[index] < position { positions[index] = position }
    }

    /// Moves every location forward to where another row is.
    mutating func join(_ row: Int, with other: Int) {
        let (target, source) = (row * stride, other * stride)
        for column in 0..<columnCount {
            let position = positions[source + column]
            if positions[target + column] < position { positions[target + column] = position }
        }
    }

    /// Makes a row equal to another one.
    mutating func copy(_ row: Int, from other: Int) {
        let (target, source) = (row * stride, other * stride)
        for column in 0..<columnCount {
            positions[target + column] = positions[source + column]
        }
    }

    private mutating func widen() {
        let old = stride
        stride *= 2
        var wide = PlainBuffer<Int64>(repeating: 0, count: rowCount * stride)
        for row in 0..<rowCount {
            for column in 0..<old { wide[row * stride + column] = positions[row * old + column] }
        }
        positions = wide
    }
}
