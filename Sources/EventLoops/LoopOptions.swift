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
    public var receiveBufferCount = 64
    /// The size of a receive buffer in bytes. Where the kernel fills buffers piece by piece (Linux
    /// 6.12), many small messages share one; elsewhere each takes one.
    public var receiveBufferByteCount = 65_536
    /// How many pieces one connection may hold in receive buffers before its stream is paused.
    public var receiveCredit = 16
    /// How many received bytes one connection may hold before its stream is paused, and how many it
    /// may receive before others have their turn. Where the kernel counts ahead (Linux 6.17, and
    /// epoll), at most a buffer more.
    public var receiveCreditByteCount = 262_144
    /// The size of a block that a `SendStream` copies into; each has at most two while it has
    /// something to send.
    public var sendBlockByteCount = 16_384
    /// How many blocks are kept for the next stream when nobody uses them.
    public var idleSendBlocksMax = 64
    /// From how many bytes on a send is made without copying them into the kernel (io_uring, Linux
    /// 6.1). Such a send completes only when the peer has acknowledged its bytes. Over loopback the
    /// kernel copies all the same; on a network card it pays from some tens of kilobytes. Off by
    /// default.
    public var zeroCopyByteCountMin = Int.max
    /// How long a loop that is busy waits for as many completions as came last time, so that fewer
    /// system calls serve more of them (io_uring). It adds up to so much latency. Off by default.
    public var batchWaitNanoseconds: UInt64 = 0
    /// How long a stopping loop goes on running jobs that keep making more of themselves.
    public var stopGraceNanoseconds: UInt64 = 5_000_000_000

    /// The default limits.
    public init() {}
}
