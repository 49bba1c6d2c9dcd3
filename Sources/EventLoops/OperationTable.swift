// SPDX-License-Identifier: MIT

internal import CLinuxShims

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
    //             I4  unasked[d] = operations on descriptor d that nobody has asked to end

    @unsafe
    private struct Slot {
        var handler: CompletionHandler?
        var context: UnsafeMutableRawPointer?
        var generation: UInt32
        /// In a free slot: the next free one. In one in use: the descriptor, or `none` once the
        /// operation was asked to end.
        var link: UInt32
    }

    private static var none: UInt32 { .max }
    /// Descriptors from here on are not counted: no process has so many, but a request may name
    /// any.
    private static var countedMax: Int32 { 1 << 20 }

    private let slots: UnsafeMutablePointer<Slot>
    let capacity: Int
    private(set) var count = 0
    private var fresh: UInt32 = 0
    private var firstFree = OperationTable.none
    private var unasked: [UInt32] = []

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
        _ handler: @escaping CompletionHandler, _ context: UnsafeMutableRawPointer,
        on descriptor: Int32
    ) -> OperationID? {
        let index: UInt32
        if firstFree != Self.none {
            index = firstFree
            // SAFETY: a free slot's index is in bounds.
            firstFree = unsafe slots[Int(index)].link
        } else if Int(fresh) < capacity {
            index = fresh
            fresh += 1
            // SAFETY: in bounds and not initialized before (I3).
            unsafe (slots + Int(index)).initialize(
                to: Slot(handler: nil, context: nil, generation: 1, link: Self.none))
        } else {
            return nil
        }
        // SAFETY: the slot is initialized and nobody else's.
        unsafe slots[Int(index)].handler = unsafe handler
        unsafe slots[Int(index)].context = unsafe context  // SAFETY: as above.
        // SAFETY: as above.
        unsafe slots[Int(index)].link = descriptor < 0 ? Self.none : UInt32(descriptor)
        noteUnasked(descriptor, 1)
        count += 1
        let generation = unsafe slots[Int(index)].generation  // SAFETY: as above.
        return OperationID(index: index, generation: generation)
    }

    /// Whether an operation is under way on the descriptor that nobody has asked to end.
    func hasUnasked(on descriptor: Int32) -> Bool {
        if descriptor >= Self.countedMax { return true }
        return descriptor >= 0 && Int(descriptor) < unasked.count && unasked[Int(descriptor)] > 0
    }

    /// Notes that an operation was asked to end; false if it is not under way.
    mutating func ask(_ id: OperationID) -> Bool {
        guard contains(id) else { return false }
        forgetDescriptor(of: id.index)
        return true
    }

    private mutating func forgetDescriptor(of index: UInt32) {
        let descriptor = unsafe slots[Int(index)].link  // SAFETY: the caller found it in use.
        guard descriptor != Self.none else { return }
        unsafe slots[Int(index)].link = Self.none  // SAFETY: as above.
        noteUnasked(Int32(descriptor), -1)
    }

    private mutating func noteUnasked(_ descriptor: Int32, _ change: Int) {
        guard descriptor >= 0 && descriptor < Self.countedMax else { return }
        while unasked.count <= Int(descriptor) { unasked.append(0) }  // Ends: descriptors are few.
        unasked[Int(descriptor)] = UInt32(Int(unasked[Int(descriptor)]) + change)
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

    /// Asks for the slot of an operation that `take` will be asked for soon.
    @inline(__always)
    func prefetchSlot(of id: OperationID) {
        // SAFETY: the address is only computed, and need not be one.
        unsafe millrace_prefetch(
            UnsafeRawPointer(slots) + Int(id.index) * MemoryLayout<Slot>.stride)
    }

    /// Asks for the memory of an operation's context: its first `lineCount` cache lines.
    @inline(__always)
    func prefetchContext(of id: OperationID, lineCount: Int) {
        guard id.index < fresh else { return }
        // SAFETY: below `fresh`, so initialized.
        guard let context = unsafe slots[Int(id.index)].context else { return }
        for line in 0..<lineCount {
            unsafe millrace_prefetch(context + line * 64)  // SAFETY: need not be an address.
        }
    }

    private mutating func release(_ index: UInt32) {
        forgetDescriptor(of: index)
        let slot = unsafe slots + Int(index)  // SAFETY: the caller found the slot in use.
        unsafe slot.pointee.handler = nil  // SAFETY: as above.
        unsafe slot.pointee.context = nil  // SAFETY: as above.
        unsafe slot.pointee.generation &+= 1  // SAFETY: as above.
        unsafe slot.pointee.link = firstFree  // SAFETY: as above.
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
