// SPDX-License-Identifier: MIT

/// Where one message lies from `send` until its outcome: short ones in the slot itself, long ones
/// in memory of the client's allocator, which the slot may keep for its next message.
@safe
struct MessageSlot {
    /// First, so that its address is the slot's.
    var inlineBytes: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    /// Memory of the slot's own, of `capacity` bytes.
    var longBytes: UnsafeMutableRawPointer?
    var ticket: UInt64
    var keyHash: UInt64
    var byteCount: UInt32
    var capacity: UInt32
    var keyStart: UInt32
    var keyByteCount: UInt32
    /// Some connection's kernel has taken a byte of it.
    var wasWritten: Bool
    /// Somebody asks for the outcome by the ticket.
    var isAwaited: Bool

    init() {
        inlineBytes = (0, 0, 0, 0, 0, 0, 0, 0)
        unsafe longBytes = nil  // SAFETY: no memory.
        ticket = 0
        keyHash = 0
        byteCount = 0
        capacity = 0
        keyStart = 0
        keyByteCount = 0
        wasWritten = false
        isAwaited = false
    }

    /// Whether the message lies in memory of its own.
    var isLong: Bool { byteCount > UInt32(Self.inlineByteCount) }

    /// Messages of at most so many bytes need no memory of their own.
    static var inlineByteCount: Int { 64 }
}
