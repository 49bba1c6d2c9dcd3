// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Messages that came back from dead connections, to be sent before all others.
///
/// The last batch that came back goes in front: with one connection it was taken from there, so the
/// order of the queue is kept through any number of deaths. With several, each batch keeps its own.
///
/// Threads: any. Blocks only while another one copies a batch, a window's at most.
final class ReturnedMessages: @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    /// In reverse: the next one is the last.
    private var messages: [UInt64] = []
    /// How many there are. Relaxed: who sleeps over it is woken by `workEvents`, whose word orders
    /// it; a message itself is handed over under the lock.
    private let size = Atomic<Int>(0)

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    /// Room for so many, which are all there can be.
    init(capacity: Int) { messages.reserveCapacity(capacity) }

    @inline(__always)
    var count: Int { size.load(ordering: .relaxed) }

    /// Puts a batch, in sending order, before what is there. O(batch).
    func put(_ batch: [UInt64]) {
        lock.withLock {
            messages.append(contentsOf: batch.reversed())
            size.store(messages.count, ordering: .relaxed)
        }
    }

    /// The next one. O(1).
    func tryPop() -> UInt64? {
        lock.withLock {
            defer { size.store(messages.count, ordering: .relaxed) }
            return messages.popLast()
        }
    }
}
