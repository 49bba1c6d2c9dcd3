// SPDX-License-Identifier: MIT

/// What the backend knows about one descriptor.
struct DescriptorState {
    /// Whether epoll watches it.
    var isRegistered = false
    /// Whether it came by `Request.poll` alone: somebody else owns it, and it is forgotten when no
    /// poll is left.
    var isForeign = true
    /// Whether it stands in the list of descriptors to serve.
    var isQueued = false
    /// Whether a read may succeed: true until one said otherwise (edge-triggered).
    var isReadable = true
    /// Whether a write may succeed.
    var isWritable = true
    /// Whether the peer has closed or reset: then a short read is not the last word.
    var isHungUp = false

    var reads = PendingQueue()
    var writes = PendingQueue()
    var polls = PendingQueue()

    var isIdle: Bool { reads.isEmpty && writes.isEmpty && polls.isEmpty }
}
