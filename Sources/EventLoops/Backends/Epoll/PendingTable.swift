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

    private var slots: UnsafeMutablePointer<PendingOperation>
    private var capacity: Int

    init() {
        capacity = 64
        // SAFETY: freed in `deinit`.
        unsafe slots = .allocate(capacity: capacity)
        // SAFETY: `capacity` slots were just allocated.
        unsafe slots.initialize(repeating: Self.empty, count: capacity)
    }

    deinit {
        unsafe slots.deallocate()  // SAFETY: allocated by `init` or `grow`; slots are trivial.
    }

    private static var empty: PendingOperation {
        // SAFETY: no memory is named.
        unsafe PendingOperation(
            id: OperationID(rawValue: 0), request: nil, left: 0, next: none)
    }

    subscript(index: UInt32) -> PendingOperation {
        get {
            precondition(Int(index) < capacity, "no such waiting operation")
            return unsafe slots[Int(index)]  // SAFETY: checked above.
        }
        set {
            precondition(Int(index) < capacity, "no such waiting operation")
            unsafe slots[Int(index)] = unsafe newValue  // SAFETY: checked above.
        }
    }

    /// Whether the operation waits here.
    func contains(_ id: OperationID) -> Bool {
        guard Int(id.index) < capacity else { return false }
        // SAFETY: checked above.
        return unsafe slots[Int(id.index)].request != nil && slots[Int(id.index)].id == id
    }

    /// Puts an operation behind the others of its queue.
    mutating func append(_ operation: PendingOperation, to queue: inout PendingQueue) {
        let index = unsafe operation.id.index  // SAFETY: reads a word of the value.
        while Int(index) >= capacity { grow() }  // Doubles; ends at the loop's limit of operations.
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

    private mutating func grow() {
        let grown = UnsafeMutablePointer<PendingOperation>.allocate(capacity: capacity * 2)
        // SAFETY: both allocations hold what is moved and initialized.
        unsafe grown.moveInitialize(from: slots, count: capacity)
        // SAFETY: as above.
        unsafe (grown + capacity).initialize(repeating: Self.empty, count: capacity)
        unsafe slots.deallocate()  // SAFETY: moved out of.
        unsafe slots = unsafe grown  // SAFETY: the new allocation takes its place.
        capacity *= 2
    }
}
