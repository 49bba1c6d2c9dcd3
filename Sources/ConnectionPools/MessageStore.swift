// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import DrainAllocators
internal import ObjectPools

/// The messages that a client holds, by handle: queued, in flight, or on their way back from a dead
/// connection.
///
/// Threads: any may make one; afterwards a message belongs to whoever has its handle.
@safe
struct MessageStore: ~Copyable, @unchecked Sendable {
    // Invariants: I1  a slot's memory is changed by whoever leases the slot
    //             I2  a free slot keeps memory of at most `keptByteCountMax` bytes, and only if no
    //                 more than `allKeptByteCountMax` bytes were out when it was released

    //             I3  if a free slot keeps memory, `hasKeptMemory` is set, or about to be
    //
    // Edges: E1  the lock's       carries nothing: it makes who finds no slot wait for `reclaim`
    //        `hasKeptMemory` is relaxed: it is set behind the release of the slot, so that who has
    //        cleared it and missed the slot leaves it set for the next.

    private let slots: ObjectPool<MessageSlot>
    /// Where long messages lie; `drained` tells when all of it is back.
    private let allocator: DrainAllocator
    /// Where write buffers come from: not the messages' allocator, whose limit senders reach.
    let buffers: DrainAllocator
    private let allKeptByteCountMax: Int
    private let hasKeptMemory = Atomic<Bool>(false)
    private let block = SharedBlock(byteCount: CacheLine.byteCount)

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var reclaiming: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    /// A free slot keeps no more memory than this: a longer message costs more than its memory.
    private static var keptByteCountMax: Int { 1 << 16 }

    init(capacity: Int, byteCountMax: Int, bufferByteCountMax: Int) {
        slots = ObjectPool(capacity: capacity, make: { MessageSlot() })  // SAFETY: an empty slot.
        allocator = DrainAllocator(byteCountMax: byteCountMax)
        buffers = DrainAllocator(byteCountMax: bufferByteCountMax)
        allKeptByteCountMax = byteCountMax / 16
    }

    // MARK: Messages

    /// Copies a message in; nil if there is no room for it now.
    func make(
        _ bytes: UnsafeRawBufferPointer, ticket: UInt64, hasKey: Bool, keySeed: UInt64,
        isAwaited: Bool
    ) -> UInt64? {
        guard let handle = slots.tryAcquire() ?? acquireSlowly() else { return nil }
        let slot = unsafe slots.pointer(to: handle)  // SAFETY: just leased.
        // SAFETY: the slot is ours, here and below.
        guard let target = unsafe place(for: bytes.count, in: slot) else {
            slots.release(handle)
            return nil
        }
        if let source = bytes.baseAddress {
            // SAFETY: the target has room for `count` bytes.
            unsafe target.copyMemory(from: source, byteCount: bytes.count)
        }
        unsafe slot.pointee.ticket = ticket  // SAFETY: as above.
        unsafe slot.pointee.byteCount = UInt32(bytes.count)
        unsafe slot.pointee.wasWritten = false
        unsafe slot.pointee.isAwaited = isAwaited  // SAFETY: as above.
        if hasKey {
            let word = unsafe FirstWord.range(in: bytes)  // SAFETY: lent by the caller.
            unsafe slot.pointee.keyStart = UInt32(word.lowerBound)
            unsafe slot.pointee.keyByteCount = UInt32(word.count)  // SAFETY: as above.
            unsafe slot.pointee.keyHash = KeyHash.hash(
                UnsafeRawBufferPointer(rebasing: bytes[word]), seed: keySeed)
        }
        return handle.rawValue
    }

    /// The message behind a handle that the caller holds.
    @inline(__always)
    func slot(_ raw: UInt64) -> UnsafeMutablePointer<MessageSlot> {
        unsafe slots.pointer(to: PoolHandle(rawValue: raw))  // SAFETY: the caller holds the handle.
    }

    /// How long the message is.
    @inline(__always)
    func byteCount(_ raw: UInt64) -> Int {
        unsafe Int(slot(raw).pointee.byteCount)  // SAFETY: the caller holds the handle.
    }

    /// The message's bytes.
    @inline(__always)
    func bytes(_ raw: UInt64) -> UnsafeRawBufferPointer {
        let slot = unsafe slot(raw)  // SAFETY: the caller holds the handle.
        let count = unsafe Int(slot.pointee.byteCount)  // SAFETY: as above.
        // SAFETY: the bytes lie in the slot, or where it says.
        let start =
            unsafe slot.pointee.isLong ? slot.pointee.longBytes : UnsafeMutableRawPointer(slot)
        return unsafe UnsafeRawBufferPointer(start: start, count: count)  // SAFETY: as above.
    }

    /// The message's first word.
    func key(_ raw: UInt64) -> UnsafeRawBufferPointer {
        let slot = unsafe slot(raw)  // SAFETY: the caller holds the handle.
        let start = unsafe Int(slot.pointee.keyStart)  // SAFETY: as above.
        let count = unsafe Int(slot.pointee.keyByteCount)
        // SAFETY: the word lies inside the message.
        return unsafe UnsafeRawBufferPointer(rebasing: bytes(raw)[start..<start + count])
    }

    /// Whether the message has memory of its own.
    func isLong(_ raw: UInt64) -> Bool {
        unsafe slot(raw).pointee.isLong  // SAFETY: the caller holds the handle.
    }

    /// Whether some kernel took a byte of the message, on a connection that died.
    @inline(__always)
    func wasWritten(_ raw: UInt64) -> Bool {
        unsafe slot(raw).pointee.wasWritten  // SAFETY: the caller holds the handle.
    }

    /// Gives a message's slot back, and its memory, unless that is kept for the next message.
    @inline(__always)
    func release(_ raw: UInt64) {
        assert(spoil(raw))
        // SAFETY: the caller holds the handle, and gives it up.
        let slot = unsafe slot(raw)
        let hasMemory = unsafe slot.pointee.longBytes != nil  // SAFETY: as above.
        let isKept = unsafe hasMemory && keepsMemory(slot)  // SAFETY: as above.
        slots.release(PoolHandle(rawValue: raw))
        if isKept && !hasKeptMemory.load(ordering: .relaxed) {
            hasKeptMemory.store(true, ordering: .relaxed)
        }
    }

    /// Overwrites what is given back, in builds with assertions: whoever reads it still, the kernel
    /// too, sees that it is gone. True, for `assert`.
    private func spoil(_ raw: UInt64) -> Bool {
        // SAFETY: the caller holds the handle, and gives it up.
        let bytes = unsafe UnsafeMutableRawBufferPointer(mutating: bytes(raw))
        for index in bytes.indices { unsafe bytes[index] = 0xDB }  // SAFETY: the caller's still.
        return true
    }

    // MARK: Memory

    /// Where a message of this size goes: into the slot, into the memory that the slot has kept, or
    /// into new memory.
    @inline(__always)
    private func place(
        for byteCount: Int, in slot: UnsafeMutablePointer<MessageSlot>
    ) -> UnsafeMutableRawPointer? {
        // SAFETY: here and below, the caller leases the slot.
        if byteCount <= MessageSlot.inlineByteCount { return UnsafeMutableRawPointer(slot) }
        if unsafe byteCount <= Int(slot.pointee.capacity) {
            return unsafe slot.pointee.longBytes
        }
        return unsafe newPlace(for: byteCount, in: slot)  // SAFETY: as above.
    }

    @inline(never)
    private func newPlace(
        for byteCount: Int, in slot: UnsafeMutablePointer<MessageSlot>
    ) -> UnsafeMutableRawPointer? {
        unsafe free(slot)  // SAFETY: here and below, the caller leases the slot.
        var capacity = byteCount
        if byteCount <= Self.keptByteCountMax {
            // Powers of two, so that messages of several sizes soon need no new memory.
            capacity = 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount)
        }
        var memory = unsafe allocator.allocate(byteCount: capacity)  // SAFETY: as above.
        if unsafe memory == nil {  // SAFETY: as above.
            capacity = byteCount
            if hasKeptMemory.load(ordering: .relaxed) { reclaim() }
            unsafe memory = allocator.allocate(byteCount: capacity)  // SAFETY: as above.
        }
        guard let base = unsafe memory?.baseAddress else { return nil }  // SAFETY: as above.
        unsafe slot.pointee.longBytes = unsafe base  // SAFETY: freed in `free`.
        unsafe slot.pointee.capacity = UInt32(capacity)  // SAFETY: as above.
        return unsafe base  // SAFETY: as above.
    }

    /// Decides whether a slot that is about to be free keeps its memory, or frees it.
    private func keepsMemory(_ slot: UnsafeMutablePointer<MessageSlot>) -> Bool {
        // SAFETY: the caller leases the slot.
        let isSmall = unsafe slot.pointee.capacity <= Self.keptByteCountMax
        if isSmall && allocator.outstanding.byteCount <= allKeptByteCountMax { return true }
        unsafe free(slot)  // SAFETY: as above.
        return false
    }

    private func free(_ slot: UnsafeMutablePointer<MessageSlot>) {
        // SAFETY: the caller leases the slot, whose memory is nobody else's.
        guard let memory = unsafe slot.pointee.longBytes else { return }
        unsafe allocator.deallocate(memory)  // SAFETY: as above.
        unsafe slot.pointee.longBytes = nil  // SAFETY: as above.
        unsafe slot.pointee.capacity = 0  // SAFETY: as above.
    }

    /// A slot that `reclaim` has just held, if any.
    @inline(never)
    private func acquireSlowly() -> PoolHandle? {
        reclaiming.withLock { slots.tryAcquire() }
    }

    /// Frees what free slots have kept; answers whether all slots were free. O(capacity).
    @discardableResult
    private func reclaim() -> Bool {
        reclaiming.withLock {
            hasKeptMemory.store(false, ordering: .relaxed)
            var handles: [PoolHandle] = []
            while let handle = slots.tryAcquire() {  // Ends with the slots.
                unsafe free(slots.pointer(to: handle))  // SAFETY: just leased.
                handles.append(handle)
            }
            for handle in handles { slots.release(handle) }
            return handles.count == slots.capacity
        }
    }

    /// Gives all memory back and waits until it is: for the end, when no more messages are made. A
    /// sender that was just refused may still hold a slot for a moment.
    func drain() async {
        while !reclaim() {  // Ends when the last sender has left.
            await Task.yield()
        }
        try? await allocator.drained()
        try? await buffers.drained()
    }
}
