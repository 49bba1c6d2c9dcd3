// SPDX-License-Identifier: MIT

/// The bytes of one direction of a connection: those under way, and those that have arrived and
/// were not read. First in, first out; what the reader does not take keeps the writer from sending.
final class SimulatedFlow {
    // Invariants: I1  bytes from `start` on = arrived, then under way
    //             I2  arrived + under way ≤ capacity at each send

    private var bytes: [UInt8] = []
    private var start = 0
    /// How many bytes the reader can take.
    private(set) var arrived = 0
    /// How many bytes were ever sent, and how many of them have arrived.
    private(set) var sentTotal: UInt64 = 0
    private(set) var arrivedTotal: UInt64 = 0
    /// How many unread bytes make the writer wait.
    var capacity: Int
    /// The writer will send nothing more, and the reader has heard of it.
    var isEndQueued = false
    var isEndArrived = false
    /// What is under way is lost.
    private(set) var isCut = false
    /// When the last thing sent arrives: what comes after it arrives later.
    var lastArrival: UInt64 = 0
    weak var reader: SimulatedSocket?
    weak var writer: SimulatedSocket?

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// What was sent and not yet read.
    var held: Int { bytes.count - start }
    var underWay: Int { held - arrived }
    var room: Int { isCut ? 0 : max(0, capacity - held) }

    /// Takes bytes from the writer; they are under way.
    func append(_ piece: MemoryPiece) {
        unsafe bytes.append(contentsOf: piece.bytes)  // SAFETY: lent for the call.
        sentTotal += UInt64(piece.count)
    }

    /// So many bytes have arrived.
    func arrive(_ count: Int) {
        guard !isCut else { return }
        precondition(count <= underWay, "more bytes arrive than were sent")
        arrived += count
        arrivedTotal += UInt64(count)
    }

    /// Loses what is under way; what has arrived can still be read.
    func cut() {
        if isCut { return }
        isCut = true
        bytes.removeLast(underWay)
    }

    /// The reader has closed: what has arrived is forgotten, what still comes finds nobody.
    func forgetArrived() {
        start += arrived
        arrived = 0
    }

    /// Forgets what nobody will read.
    func discard() {
        cut()
        bytes = []
        start = 0
        arrived = 0
    }

    /// Hands arrived bytes to the reader: how many.
    @unsafe
    func take(into memory: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(memory.count, arrived)
        guard count > 0 else { return 0 }
        // SAFETY: `count` fits in both.
        unsafe bytes.withUnsafeBytes { all in
            unsafe memory.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: all[start..<start + count]))
        }
        start += count
        arrived -= count
        if start > 65_536 && start * 2 > bytes.count {
            bytes.removeFirst(start)
            start = 0
        }
        return count
    }
}
