// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import ConcurrentQueues
import ModelChecking
import Testing

// Broadcasts in memory that the caller lends.

extension BorrowedModelTests {
    @Test("a broadcast ring", arguments: [1, 2, 3, 32])
    func broadcastRing(capacity: Int) {
        // Wrong: a word keeps what lay there, or lies beyond the memory; an element outlives it.
        alone { model in
            let living = Tally()
            lend(BroadcastRing<Mortal>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the ring.
                let ring = unsafe BroadcastRing<Mortal>(storage: lent.memory, capacity: capacity)
                model.check(ring.capacity == (capacity == 3 ? 4 : capacity))
                model.check(!ring.isClosed && ring.publishedCount == 0)
                var cursor = ring.subscribe()
                model.check(ring.unreadCount(by: cursor) == 0 && !ring.isDrained(by: cursor))
                for _ in 0..<ring.capacity + 2 { model.check(ring.publish(Mortal(living))) }
                model.check(living.values.reduce(0, +) == ring.capacity)
                model.check(ring.unreadCount(by: cursor) == UInt64(ring.capacity + 2))
                guard case .lagged(2) = ring.tryReceive(by: &cursor) else {
                    return model.check(false, "not told of two")
                }
                for _ in 0..<ring.capacity {
                    guard case .element(let mortal) = ring.tryReceive(by: &cursor) else {
                        return model.check(false, "something is missing")
                    }
                    model.check(mortal.isAlive)
                }
                model.check(ring.close() && !ring.close() && ring.isDrained(by: cursor))
                model.check(!ring.publish(Mortal(living)))
            }
            model.check(living.values.reduce(0, +) == 0, "an element outlives its ring")
        }
    }

    @Test("a broadcast channel", arguments: [1, 4])
    func broadcastChannel(capacity: Int) {
        // Wrong: as above.
        alone { model in
            lend(BroadcastChannel<Int>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the channel.
                let channel = unsafe BroadcastChannel<Int>(
                    storage: lent.memory, capacity: capacity)
                var cursor = channel.subscribe()
                let nothing = try? channel.blockingReceive(by: &cursor, until: past)
                model.check(nothing == nil && channel.capacity == capacity)
                for value in 0..<capacity { model.check(channel.trySend(value) == nil) }
                for value in 0..<capacity {
                    let given = try? channel.blockingReceive(by: &cursor, until: past)
                    model.check(given == .element(value))
                }
                channel.close()
                model.check(channel.trySend(1)?.reason == .closed)
                model.check(channel.isDrained(by: cursor))
            }
        }
    }
}
