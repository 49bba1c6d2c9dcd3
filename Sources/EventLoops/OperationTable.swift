// SPDX-License-Identifier: MIT

/// Called on the loop's thread with each completion of an operation: the context given at
/// submission, and the three words of a `Completion`. A function pointer and a context, so that no
/// operation needs a closure.
public typealias CompletionHandler =
    @convention(c) (UnsafeMutableRawPointer, UInt64, Int32, UInt32) -> Void

/// The operations under way on one loop: who is told when they complete.
///
/// A fixed array with a free list through it. A slot's generation grows each time it is freed, so a
/// name that outlived its operation finds nothing. Only the loop's thread touches it. Memory is
/// touched as slots are used.
@safe
struct OperationTable: ~Copyable {
    // Invariants: I1  a slot is free or in use, never both   I2  count = slots in use
    //             I3  slots from `fresh` on were never used and are not initialized

    @unsafe
    private struct Slot {
        var handler: CompletionHandler?
        var context: UnsafeMutableRawPointer?
        var generation: UInt32
        var nextFree: UInt32
    }

    private static var none: UInt32 { .max }

    private let slots: UnsafeMutablePointer<Slot>
    let capacity: Int
    private(set) var count = 0
    private var fresh: UInt32 = 0
    private var firstFree = OperationTable.none

    init(capacity: Int) {
        precondition(capacity > 0, "a loop needs room for one operation")
        precondition(capacity < Int(OperationID.closingIndex), "too many operations")
        self.capacity = capacity
        // SAFETY: freed in `deinit`.
        unsafe slots = .allocate(capacity: capacity)
    }

    deinit {
        unsafe slots.deallocate()  // SAFETY: allocated in `init`; slots are trivial.
    }

    /// Takes a slot, or nil if all are in use.
    mutating func insert(
        _ handler: @escaping CompletionHandler, _ context: UnsafeMutableRawPointer
    ) -> OperationID? {
        let index: UInt32
        if firstFree != Self.none {
            index = firstFree
            // SAFETY: a free slot's index is in bounds.
            firstFree = unsafe slots[Int(index)].nextFree
        } else if Int(fresh) < capacity {
            index = fresh
            fresh += 1
            // SAFETY: in bounds and not initialized before (I3).
            unsafe (slots + Int(index)).initialize(
                to: Slot(handler: nil, context: nil, generation: 1, nextFree: Self.none))
        } else {
            return nil
        }
        // SAFETY: the slot is initialized and nobody else's.
        unsafe slots[Int(index)].handler = unsafe handler
        unsafe slots[Int(index)].context = unsafe context  // SAFETY: as above.
        count += 1
        let generation = unsafe slots[Int(index)].generation  // SAFETY: as above.
        return OperationID(index: index, generation: generation)
    }

    /// Whether the operation is under way.
    func contains(_ id: OperationID) -> Bool {
        guard id.index < fresh else { return false }
        // SAFETY: below `fresh`, so initialized.
        return unsafe slots[Int(id.index)].generation == id.generation
            && slots[Int(id.index)].handler != nil
    }

    /// Who is told of a completion; the slot is freed with the last one. Nil for a name that is not
    /// current.
    mutating func take(
        _ completion: Completion
    ) -> (handler: CompletionHandler, context: UnsafeMutableRawPointer)? {
        let id = completion.id
        guard id.index < fresh else { return nil }
        let slot = unsafe slots + Int(id.index)  // SAFETY: below `fresh`, so in bounds.
        // SAFETY: initialized (I3).
        guard unsafe slot.pointee.generation == id.generation,
            let handler = unsafe slot.pointee.handler,
            let context = unsafe slot.pointee.context  // SAFETY: as above.
        else { return nil }
        if !completion.hasMore { release(id.index) }
        return unsafe (handler, context)  // SAFETY: hands the pointers on; nothing is dereferenced.
    }

    private mutating func release(_ index: UInt32) {
        let slot = unsafe slots + Int(index)  // SAFETY: the caller found the slot in use.
        unsafe slot.pointee.handler = nil  // SAFETY: as above.
        unsafe slot.pointee.context = nil  // SAFETY: as above.
        unsafe slot.pointee.generation &+= 1  // SAFETY: as above.
        unsafe slot.pointee.nextFree = firstFree  // SAFETY: as above.
        firstFree = index
        count -= 1
        assert(count >= 0)
    }

    /// The names of all operations under way.
    func forEach(_ body: (OperationID) -> Void) {
        for index in 0..<fresh {
            let slot = unsafe slots[Int(index)]  // SAFETY: below `fresh`, so initialized.
            // SAFETY: only compares the pointer with nil.
            if unsafe slot.handler != nil {
                // SAFETY: a copy.
                body(OperationID(index: index, generation: unsafe slot.generation))
            }
        }
    }
}
