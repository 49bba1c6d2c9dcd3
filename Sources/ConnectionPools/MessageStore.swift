// SPDX-License-Identifier: MIT

internal import DrainAllocators
internal import ObjectPools

/// The messages that a client holds, by handle: queued, in flight, or on their way back from a dead
/// connection.
///
/// Threads: any may make one; afterwards a message belongs to whoever has its handle.
@safe
struct MessageStore: ~Copyable, @unchecked Sendable {
    private let slots: ObjectPool<MessageSlot>
    /// Where long messages come from; `drained` tells when all of it is back.
    let allocator: DrainAllocator
    /// Where write buffers come from: not the messages' allocator, whose limit senders reach.
    let buffers: DrainAllocator

    init(capacity: Int, byteCountMax: Int, bufferByteCountMax: Int) {
        slots = ObjectPool(capacity: capacity, make: { MessageSlot() })  // SAFETY: an empty slot.
        allocator = DrainAllocator(byteCountMax: byteCountMax)
        buffers = DrainAllocator(byteCountMax: bufferByteCountMax)
    }

    /// Copies a message in; nil if there is no room for it now.
    func make(
        _ bytes: UnsafeRawBufferPointer, ticket: UInt64, hasKey: Bool, keySeed: UInt64,
        isAwaited: Bool
    ) -> UInt64? {
        guard let handle = slots.tryAcquire() else { return nil }
        let slot = unsafe slots.pointer(to: handle)  // SAFETY: just leased.
        let target: UnsafeMutableRawPointer
        if bytes.count <= MessageSlot.inlineByteCount {
            unsafe slot.pointee.longBytes = nil  // SAFETY: the slot is ours.
            unsafe target = UnsafeMutableRawPointer(slot)
        } else {
            guard let memory = unsafe allocator.allocate(byteCount: bytes.count)?.baseAddress else {
                slots.release(handle)
                return nil
            }
            unsafe slot.pointee.longBytes = unsafe memory  // SAFETY: freed in `release`.
            unsafe target = memory
        }
        if let source = bytes.baseAddress {
            // SAFETY: the target has room for `count` bytes.
            unsafe target.copyMemory(from: source, byteCount: bytes.count)
        }
        unsafe slot.pointee.ticket = ticket  // SAFETY: here and below, the slot is ours.
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

    /// The message's bytes.
    @inline(__always)
    func bytes(_ raw: UInt64) -> UnsafeRawBufferPointer {
        let slot = unsafe slot(raw)  // SAFETY: the caller holds the handle.
        // SAFETY: the bytes lie in the slot, or where it says.
        let start = unsafe slot.pointee.longBytes ?? UnsafeMutableRawPointer(slot)
        let count = unsafe Int(slot.pointee.byteCount)
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
        unsafe slot(raw).pointee.longBytes != nil  // SAFETY: the caller holds the handle.
    }

    /// Whether some kernel took a byte of the message, on a connection that died.
    @inline(__always)
    func wasWritten(_ raw: UInt64) -> Bool {
        unsafe slot(raw).pointee.wasWritten  // SAFETY: the caller holds the handle.
    }

    /// Gives a message's memory back.
    @inline(__always)
    func release(_ raw: UInt64) {
        // SAFETY: the caller holds the handle, and gives it up.
        if let memory = unsafe slot(raw).pointee.longBytes { unsafe allocator.deallocate(memory) }
        slots.release(PoolHandle(rawValue: raw))
    }

    /// How many messages there are: exact when nobody else is inside.
    var count: Int { slots.capacity - slots.availableCount }
}
