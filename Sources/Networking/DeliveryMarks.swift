// SPDX-License-Identifier: MIT

/// How many plain bytes are behind how many bytes of the wire: places to which a connection that
/// encrypts has written everything.
///
/// Cost: O(1), `reach` O(marks passed). Bounds: `countMax` marks; beyond them the last one moves,
/// so that an answer is late rather than wrong.
struct DeliveryMarks {
    // Invariant: both numbers grow from mark to mark; `first` is the oldest that was not reached.

    private struct Mark {
        var plain: UInt64
        var wire: UInt64
    }

    static let countMax = 256

    private var marks: [Mark] = []
    private var first = 0
    private var reached: UInt64 = 0
    private var written: UInt64 = 0
    private let plainStart: UInt64

    /// Behind so many bytes that were sent as they are.
    init(behind plainStart: UInt64 = 0) {
        self.plainStart = plainStart
        written = plainStart
        reached = plainStart
    }

    /// So many plain bytes more were written, and the kernel has so many bytes of the wire.
    mutating func note(_ plainCount: Int, wireTotal: UInt64) {
        written += UInt64(plainCount)
        let mark = Mark(plain: written, wire: wireTotal)
        if marks.count - first >= Self.countMax {
            marks[marks.count - 1] = mark
        } else {
            marks.append(mark)
        }
    }

    /// How many plain bytes are behind so many bytes of the wire.
    mutating func reach(_ wireCount: UInt64) -> UInt64 {
        if wireCount < plainStart { return wireCount }
        while first < marks.count, marks[first].wire <= wireCount {  // Ends with the marks.
            reached = marks[first].plain
            first += 1
        }
        if first == marks.count {
            marks.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= Self.countMax {
            marks.removeFirst(first)  // Moves at most as many as were passed.
            first = 0
        }
        return reached
    }
}
