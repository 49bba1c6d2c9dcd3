// SPDX-License-Identifier: MIT

/// The operations of one kind on one descriptor, first come first served: a list through
/// `PendingTable`.
struct PendingQueue {
    var first = PendingTable.none
    var last = PendingTable.none

    var isEmpty: Bool { first == PendingTable.none }
}

/// All waiting operations of a backend, each in the slot that its name says.
@safe
struct PendingTable: ~Copyable {
    static var none: UInt32 { .max }

    private var slots: PagedTable<PendingOperation>

    init() {
        // SAFETY: no memory is named.
        unsafe slots = PagedTable(
            blank: PendingOperation(id: OperationID(rawValue: 0), request: nil, next: Self.none))
    }

    private static var empty: PendingOperation {
        // SAFETY: no memory is named.
        unsafe PendingOperation(id: OperationID(rawValue: 0), request: nil, next: none)
    }

    subscript(index: UInt32) -> PendingOperation {
        get { unsafe slots[Int(index)] }  // SAFETY: copies the record.
        set { unsafe slots[Int(index)] = unsafe newValue }  // SAFETY: stores the record.
    }

    /// Whether the operation waits here.
    func contains(_ id: OperationID) -> Bool {
        guard unsafe Int(id.index) < slots.count else { return false }  // SAFETY: a plain number.
        let operation = unsafe slots[Int(id.index)]  // SAFETY: reads the record.
        return unsafe operation.request != nil && operation.id == id  // SAFETY: as above.
    }

    /// Puts an operation behind the others of its queue.
    mutating func append(_ operation: PendingOperation, to queue: inout PendingQueue) {
        let index = unsafe operation.id.index  // SAFETY: reads a word of the value.
        // SAFETY: makes blank records; at most as many as the loop's limit of operations.
        unsafe slots.reach(Int(index))
        assert(unsafe self[index].request == nil)  // SAFETY: reads a word of the value.
        unsafe self[index] = unsafe operation  // SAFETY: stores the value; nothing is dereferenced.
        unsafe self[index].next = Self.none  // SAFETY: as above.
        if queue.isEmpty {
            queue.first = index
        } else {
            unsafe self[queue.last].next = index  // SAFETY: as above.
        }
        queue.last = index
    }

    /// Takes an operation out of its queue, wherever it stands in it.
    mutating func remove(_ index: UInt32, from queue: inout PendingQueue) {
        let next = unsafe self[index].next  // SAFETY: reads a word of the value.
        if queue.first == index {
            queue.first = next
            if next == Self.none { queue.last = Self.none }
        } else {
            var before = queue.first
            // SAFETY: ends: the operation is in the queue.
            while unsafe self[before].next != index {
                before = unsafe self[before].next  // SAFETY: as above.
            }
            unsafe self[before].next = next  // SAFETY: as above.
            if queue.last == index { queue.last = before }
        }
        unsafe self[index] = unsafe Self.empty  // SAFETY: stores a value without memory.
    }

    /// A stream has brought bytes: how many it may still bring.
    mutating func count(_ byteCount: Int, at index: UInt32) -> Int {
        // SAFETY: reads the words of the record.
        guard case .receiveStream(let descriptor, let left) = unsafe self[index].request else {
            preconditionFailure("no stream waits there")
        }
        // SAFETY: the request names no memory.
        unsafe self[index].request = unsafe .receiveStream(
            descriptor: descriptor, byteCountMax: left - byteCount)
        return left - byteCount
    }
}
