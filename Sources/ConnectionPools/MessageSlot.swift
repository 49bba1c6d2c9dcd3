// SPDX-License-Identifier: MIT

/// Where one message lies from `send` until its outcome: short ones in the slot itself, long ones
/// in memory of the client's allocator.
@safe
struct MessageSlot {
    /// First, so that its address is the slot's.
    var inlineBytes: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    var longBytes: UnsafeMutableRawPointer?
    var ticket: UInt64
    var keyHash: UInt64
    var byteCount: UInt32
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
        keyStart = 0
        keyByteCount = 0
        wasWritten = false
        isAwaited = false
    }

    /// Messages of at most so many bytes need no memory of their own.
    static var inlineByteCount: Int { 64 }
}
