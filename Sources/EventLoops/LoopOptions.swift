// SPDX-License-Identifier: MIT

/// The limits of one loop. Everything that a loop can run out of is named here.
public struct LoopOptions: Sendable {
    /// Entries of the submission queue (io_uring). A full queue is submitted at once.
    public var submissionQueueCapacity = 256
    /// Entries of the completion queue (io_uring), and the size of one batch of completions.
    public var completionQueueCapacity = 2048
    /// How many operations may be under way. One more is refused: `submit` answers nil.
    public var operationsMax = 65_536
    /// How many timers may be set at one time.
    public var timersMax = 65_536
    /// How many posted jobs the inbox holds before the overflow list takes over.
    public var inboxCapacity = 1024
    /// How many receive buffers the loop has; a power of two.
    public var receiveBufferCount = 128
    /// The size of a receive buffer in bytes.
    public var receiveBufferByteCount = 16_384
    /// How many received buffers one connection may hold before its stream is paused.
    public var receiveCredit = 8
    /// How long a stopping loop goes on running jobs that keep making more of themselves.
    public var stopGraceNanoseconds: UInt64 = 5_000_000_000

    /// The default limits.
    public init() {}
}
