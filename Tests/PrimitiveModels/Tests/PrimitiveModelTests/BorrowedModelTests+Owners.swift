// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import DrainAllocators
import ModelChecking
import Testing
import WaitPrimitives

/// Those with one owner, and those at which threads meet.
extension BorrowedModelTests {
    @Test("a queue from one to one", arguments: [1, 3, 16])
    func pipe(capacity: Int) {
        // Wrong: a word keeps what lay there, or lies beyond the memory.
        alone { model in
            lend(BoundedSPSCQueue<Int>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the queue.
                let queue = unsafe BoundedSPSCQueue<Int>(storage: lent.memory, capacity: capacity)
                model.check(queue.isEmpty && !queue.isClosed && !queue.isAbandoned)
                model.check(queue.capacity == (capacity == 3 ? 4 : capacity))
                model.check(queue.tryPop() == nil)
                for value in 0..<queue.capacity { model.check(queue.tryPush(value) == nil) }
                model.check(queue.tryPush(7) == 7)
                for value in 0..<queue.capacity { model.check(queue.tryPop() == value) }
                model.check(queue.tryPop() == nil)
            }
        }
    }

    @Test("a deque", arguments: [1, 3, 8, 32])
    func deque(capacity: Int) {
        // Wrong: as above.
        alone { model in
            lend(WorkStealingDeque<Int>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the deque.
                let deque = unsafe WorkStealingDeque<Int>(storage: lent.memory, capacity: capacity)
                model.check(deque.isEmpty && deque.tryPop() == nil && deque.trySteal() == nil)
                model.check(deque.capacity == (capacity == 3 ? 4 : capacity))
                for _ in 0..<2 {
                    for value in 0..<deque.capacity { model.check(deque.tryPush(value) == nil) }
                    model.check(deque.tryPush(7) == 7 && deque.trySteal() == 0)
                    for value in 1..<max(deque.capacity, 1) {
                        model.check(deque.tryPop() == deque.capacity - value)
                    }
                    model.check(deque.tryPop() == nil && deque.trySteal() == nil)
                }
            }
        }
    }

    @Test("a ring that is robbed", arguments: [1, 3, 32])
    func ring(capacity: Int) {
        // Wrong: as above.
        alone { model in
            lend(StealingRing<Int>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the ring.
                let ring = unsafe StealingRing<Int>(storage: lent.memory, capacity: capacity)
                let own = StealingRing<Int>(capacity: 1)
                model.check(ring.isEmpty && ring.tryPop() == nil)
                model.check(ring.capacity == (capacity == 3 ? 4 : capacity))
                for value in 0..<ring.capacity { model.check(ring.tryPush(value) == nil) }
                model.check(ring.tryPush(7) == 7 && ring.trySteal(into: own) == 0)
                var next = 1 + own.count
                while let value = ring.tryPop() {
                    model.check(value == next)
                    next += 1
                }
                model.check(next == ring.capacity && ring.isEmpty)
            }
        }
    }

    @Test("an intrusive queue")
    func intrusive() {
        // Wrong: as above.
        alone { model in
            lend(IntrusiveMPSCQueue.storageByteCount) { lent in
                let queue = unsafe IntrusiveMPSCQueue(storage: lent.memory)  // SAFETY: as above.
                // Freed below, when it is in no queue.
                let node = UnsafeMutablePointer<IntrusiveMPSCNode>.allocate(capacity: 1)
                unsafe node.initialize(to: IntrusiveMPSCNode())  // SAFETY: fresh memory.
                for _ in 0..<2 {
                    model.check(queue.popAddress() == 0)
                    unsafe queue.push(node)  // SAFETY: in no queue.
                    model.check(queue.popAddress() == UInt(bitPattern: node))
                }
                unsafe node.deallocate()  // SAFETY: as above.
            }
        }
    }

    @Test("an event that stays set, a latch and a barrier")
    func meetings() {
        // Wrong: as above.
        alone { model in
            for isSet in [false, true] {
                lend(ManualResetEvent.storageByteCount) { lent in
                    // SAFETY: the memory outlives the event.
                    let event = unsafe ManualResetEvent(storage: lent.memory, isSet: isSet)
                    model.check(event.isSet == isSet && event.reset() == isSet)
                    model.check(!event.blockingWait(until: past))
                    event.set()
                    model.check(event.blockingWait(until: past))
                }
            }
            lend(ManualResetEvent.storageByteCount) { lent in
                let event = unsafe ManualResetEvent(storage: lent.memory)  // SAFETY: as above.
                model.check(!event.isSet)
            }
            lend(Latch.storageByteCount) { lent in
                // SAFETY: the memory outlives the latch.
                let latch = unsafe Latch(storage: lent.memory, count: 1)
                model.check(!latch.isOpen && !latch.blockingWait(until: past))
                latch.countDown()
                model.check(latch.blockingWait(until: past))
            }
            lend(CyclicBarrier.storageByteCount) { lent in
                // SAFETY: the memory outlives the barrier.
                let barrier = unsafe CyclicBarrier(storage: lent.memory, memberCount: 2)
                let wait = RawWait()
                model.check(barrier.blockingWait(until: past) == nil && barrier.arrivalCount == 0)
                model.check(wait.enqueue(on: barrier) == .queued)
                model.check(barrier.blockingWait(until: past) == .leader && wait.wakeCount == 1)
            }
        }
    }

    @Test("a lock around a value")
    func fairLock() {
        // Wrong: as above.
        alone { model in
            lend(FairLock<(UInt8, UInt64)>.storageByteCount) { lent in
                // SAFETY: the memory outlives the lock.
                let lock = unsafe FairLock<(UInt8, UInt64)>(storage: lent.memory, (1, .max))
                model.check(!lock.isLocked)
                let isHeld = lock.withLock { value in
                    value.0 == 1 && value.1 == .max && lock.withLock(until: past) { _ in } == nil
                }
                model.check(isHeld && !lock.isLocked)
                lock.withLock { $0 = (2, 7) }
                model.check(lock.withLock { $0.0 == 2 && $0.1 == 7 })
            }
        }
    }

    /// A source that looks whether it gets back what it gave, in order.
    private final class WatchedSource {
        var given: [(byteCount: Int, alignment: Int)] = []
        var isWrong = false

        /// The object that a context names.
        @unsafe
        static func of(_ context: UnsafeMutableRawPointer?) -> WatchedSource? {
            // SAFETY: the caller says that the context is one.
            unsafe context.map { unsafe Unmanaged.fromOpaque($0).takeUnretainedValue() }
        }

        func take(_ byteCount: Int, _ alignment: Int) {
            let index = given.firstIndex { $0 == (byteCount, alignment) }
            if let index { given.remove(at: index) } else { isWrong = true }
        }
    }

    @Test("an allocator's source gets back what it gave")
    func watchedSource() {
        // Wrong: the size or the alignment that a source gets back is another one, or a value is
        // ended in memory that has gone.
        alone { model in
            let watched = WatchedSource()
            // SAFETY: the functions are a pair; the object outlives the allocator, which hands it
            // to them as the context.
            let source = unsafe MemorySource(
                allocate: { context, byteCount, alignment in
                    let watched = unsafe WatchedSource.of(context)  // SAFETY: as above.
                    watched?.given.append((byteCount, alignment))
                    return .allocate(byteCount: byteCount, alignment: alignment)
                },
                deallocate: { context, memory, byteCount, alignment in
                    let watched = unsafe WatchedSource.of(context)  // SAFETY: as above.
                    watched?.take(byteCount, alignment)
                    // SAFETY: it came from the function above, and is nobody's any more.
                    unsafe memory.initializeMemory(
                        as: UInt8.self, repeating: 0xFF, count: byteCount)
                    unsafe memory.deallocate()  // SAFETY: as above.
                }, context: Unmanaged.passUnretained(watched).toOpaque())
            do {
                // SAFETY: as above.
                let allocator = unsafe DrainAllocator(byteCountMax: 1_000, source: source)
                for (byteCount, alignment) in [(0, 1), (7, 16), (40, 32), (60, 64), (300, 256)] {
                    // SAFETY: each block is given back at once.
                    let block = unsafe allocator.allocate(
                        byteCount: byteCount, alignment: alignment)
                    guard let memory = unsafe block?.baseAddress else {
                        return model.check(false, "refused")
                    }
                    model.check(watched.given.count == 1)
                    model.check(watched.given[0].byteCount >= byteCount + 32)
                    model.check(watched.given[0].alignment == max(alignment, 16))
                    unsafe allocator.deallocate(memory)  // SAFETY: as above.
                    model.check(watched.given.isEmpty && !watched.isWrong)
                }
                let living = Count()
                if let made = allocator.make(Counted(7, living)) {
                    model.check(made.withValue { $0.number } == 7 && watched.given.count == 1)
                }
                model.check(living.value == 0 && watched.given.isEmpty && !watched.isWrong)
            }
        }
    }
}
