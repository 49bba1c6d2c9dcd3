// SPDX-License-Identifier: MIT

/// What the backend knows about one descriptor, in 28 bytes.
struct DescriptorState {
    private var flags = Flags.initial
    var reads = PendingQueue()
    var writes = PendingQueue()
    var polls = PendingQueue()

    private struct Flags: OptionSet {
        let rawValue: UInt8

        static let registered = Flags(rawValue: 1)
        static let foreign = Flags(rawValue: 2)
        static let queued = Flags(rawValue: 4)
        static let readable = Flags(rawValue: 8)
        static let writable = Flags(rawValue: 16)
        static let trusting = Flags(rawValue: 32)
        /// Foreign, readable, writable and trusting. A list of them would be an array without
        /// optimization.
        static let initial = Flags(rawValue: 2 | 8 | 16 | 32)
    }

    @inline(__always)
    private subscript(flag: Flags) -> Bool {
        get { flags.contains(flag) }
        set { if newValue { flags.insert(flag) } else { flags.remove(flag) } }
    }

    /// Whether epoll watches it.
    var isRegistered: Bool {
        get { self[.registered] }
        set { self[.registered] = newValue }
    }

    /// Whether its owner may close it without the loop: it came by `Request.poll` alone, or it was
    /// refused, or its connect failed, and nothing was begun on it since. It is forgotten when
    /// nothing waits on it.
    var isForeign: Bool {
        get { self[.foreign] }
        set { self[.foreign] = newValue }
    }

    /// Whether it stands in the list of descriptors to serve.
    var isQueued: Bool {
        get { self[.queued] }
        set { self[.queued] = newValue }
    }

    /// Whether a read may succeed: true until one said otherwise (edge-triggered).
    var isReadable: Bool {
        get { self[.readable] }
        set { self[.readable] = newValue }
    }

    /// Whether a write may succeed.
    var isWritable: Bool {
        get { self[.writable] }
        set { self[.writable] = newValue }
    }

    /// Whether a read that gives less than was asked says that there is no more: not once the peer
    /// has closed, reset or sent an urgent byte, at which reads stop. tcp(7).
    var trustsShortReads: Bool {
        get { self[.trusting] }
        set { self[.trusting] = newValue }
    }

    /// Forgets the descriptor; it stays in the list of those to serve.
    mutating func renew() {
        let wasQueued = isQueued
        self = DescriptorState()
        isQueued = wasQueued
    }

    var isIdle: Bool { reads.isEmpty && writes.isEmpty && polls.isEmpty }
}
