// SPDX-License-Identifier: MIT

public import Networking

/// What a pooled client does, and its limits.
public struct ClientConfiguration: Sendable {
    /// The limits of connections, attempts, queue and time.
    public var pool = PoolConfiguration()
    /// What counts as delivered. In `confirmed` mode the peer answers each message with a line
    /// whose first word is the message's first word.
    public var delivery = DeliveryMode.written
    #if TLS
        /// The TLS of all connections; nil for plain ones.
        public var tls: ClientTLS?
    #endif
    /// Options of each connection's socket.
    public var stream = StreamOptions()
    /// The longest message in bytes; at least one.
    public var messageByteCountMax = 1 << 24
    /// How much memory messages longer than 64 bytes may take, in bytes; a sender waits when there
    /// is none. A longer message is refused. Write buffers are not counted here. Up to a sixteenth
    /// of it stays with the client when it is used no more. In 64 ... `memoryLimit`: with less,
    /// messages would be refused that need no memory.
    public var memoryByteCountMax = 1 << 28
    /// From so many bytes on that wait for a connection in messages longer than 64 bytes, senders
    /// wait. At least one, which is one such message at a time. The default keeps them in a
    /// processor's cache.
    public var queueByteCountMax = 1 << 20
    /// How many bytes are gathered for one write; the last message may go beyond. Less
    /// than one counts as one; at most `memoryLimit`.
    public var writeBufferByteCount = 1 << 16
    /// The seed of the pauses' jitter and of the table of keys; nil takes one from the clock.
    public var seed: UInt64?

    /// The defaults.
    public init() {}

    /// The most that `memoryByteCountMax` and `writeBufferByteCount` may be: beyond any memory.
    public static var memoryLimit: Int { 1 << 48 }

    /// Refuses limits that cannot hold, the pool's included.
    public func validate() throws(PoolConfigurationError) {
        try pool.validate()
        guard messageByteCountMax > 0 else { throw .messageByteCount }
        let memory = MessageSlot.inlineByteCount...Self.memoryLimit
        guard memory.contains(memoryByteCountMax) else { throw .memoryByteCount }
        guard queueByteCountMax > 0 else { throw .queueByteCount }
        guard writeBufferByteCount <= Self.memoryLimit else { throw .writeBufferByteCount }
    }

    /// No longer message could ever be held.
    var messageByteCountLimit: Int {
        min(messageByteCountMax, memoryByteCountMax, Int(UInt32.max))
    }

    var bufferByteCount: Int { max(writeBufferByteCount, 1) }
}
