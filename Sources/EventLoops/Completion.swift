// SPDX-License-Identifier: MIT

/// What became of an operation. The layout is that of the kernel's `io_uring_cqe`, so that a
/// backend on io_uring copies it and a backend on anything else fills it in.
@frozen
public struct Completion: Sendable {
    /// The operation.
    public var id: OperationID
    /// A count, a descriptor, a set of events, zero, or a negated errno.
    public var result: Int32
    /// Bit 0: a buffer is carried, its number in bits 16–31. Bit 1: more completions follow. Bit 4:
    /// the backend goes on filling the buffer that is carried.
    public var flags: UInt32

    /// A completion without a buffer.
    @inlinable
    public init(id: OperationID, result: Int32, hasMore: Bool = false) {
        self.id = id
        self.result = result
        flags = hasMore ? Self.moreFlag : 0
    }

    /// A completion that carries a buffer; with `keepsBuffer`, one that is filled further.
    @inlinable
    public init(
        id: OperationID, result: Int32, buffer: UInt16, hasMore: Bool, keepsBuffer: Bool = false
    ) {
        self.id = id
        self.result = result
        flags =
            UInt32(buffer) &<< 16 | Self.bufferFlag | (hasMore ? Self.moreFlag : 0)
            | (keepsBuffer ? Self.bufferKeptFlag : 0)
    }

    /// The completion whose three words a `CompletionHandler` was called with.
    @inlinable
    public init(id: UInt64, result: Int32, flags: UInt32) {
        self.id = OperationID(rawValue: id)
        self.result = result
        self.flags = flags
    }

    @inlinable
    static var bufferFlag: UInt32 { 1 }

    @inlinable
    static var moreFlag: UInt32 { 2 }

    @inlinable
    static var bufferKeptFlag: UInt32 { 16 }

    /// Whether later completions, of this operation or another, will carry further bytes in the
    /// same buffer, behind those of this one.
    @inlinable
    public var keepsBuffer: Bool { flags & Self.bufferKeptFlag != 0 }

    /// Whether the operation goes on and will complete again.
    @inlinable
    public var hasMore: Bool { flags & Self.moreFlag != 0 }

    /// The number of the buffer that holds the received bytes.
    @inlinable
    public var buffer: UInt16? {
        flags & Self.bufferFlag != 0 ? UInt16(truncatingIfNeeded: flags &>> 16) : nil
    }

    /// The errno of a failed operation, positive.
    @inlinable
    public var errorCode: Int32? { result < 0 ? 0 &- result : nil }
}
