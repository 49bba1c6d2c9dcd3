// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import DrainAllocators
import ModelChecking
import ObjectPools
import Testing
import WaitPrimitives

/// Memory that the caller lends.
@safe
private struct Lent {
    let memory: UnsafeMutableRawBufferPointer
}

/// Primitives in memory that the caller lends, in which something else lay before.
@Suite("Models of primitives in borrowed memory")
struct BorrowedModelTests {
    /// Runs `body` with so many bytes on a cache line, none of which is zero.
    private func lend(_ byteCount: Int, _ body: (Lent) -> Void) {
        // SAFETY: freed below, when nothing is in it any more.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        // SAFETY: plain bytes.
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
        unsafe body(Lent(memory: memory))  // SAFETY: used within the call.
        unsafe memory.deallocate()  // SAFETY: as above.
    }

    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
    }

    private var past: MonotonicInstant { MonotonicInstant(nanoseconds: 1) }

    @Test("a queue", arguments: [2, 3, 4, 64])
    func queue(capacity: Int) {
        // Wrong: a word keeps what lay there, or lies beyond the memory.
        alone { model in
            lend(BoundedMPMCQueue<Int>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the queue.
                let queue = unsafe BoundedMPMCQueue<Int>(storage: lent.memory, capacity: capacity)
                model.check(queue.isEmpty && !queue.isClosed && queue.pushedCount == 0)
                model.check(queue.capacity == (capacity == 3 ? 4 : capacity))
                for value in 0..<queue.capacity { model.check(queue.tryPush(value) == nil) }
                model.check(queue.tryPush(7) == 7)
                for value in 0..<queue.capacity { model.check(queue.tryPop() == value) }
                model.check(queue.tryPop() == nil)
            }
        }
    }

    @Test("an inbox")
    func inbox() {
        // Wrong: as above.
        alone { model in
            lend(MPSCInbox<Int>.storageByteCount(capacity: 2)) { lent in
                // SAFETY: the memory outlives the inbox.
                let inbox = unsafe MPSCInbox<Int>(storage: lent.memory, capacity: 2)
                model.check(inbox.isEmpty && !inbox.isClosed)
                for value in 0..<3 {
                    let outcome = inbox.tryPush(value)
                    model.check(outcome.isPushed == (value < 2))
                }
                var seen: [Int] = []
                model.check(inbox.drain { seen.append($0) } == 2 && seen == [0, 1])
            }
        }
    }

    @Test("a pool", arguments: [0, 2])
    func pool(magazineCount: Int) {
        // Wrong: as above.
        alone { model in
            lend(
                ObjectPool<Int>.storageByteCount(capacity: 2, magazineCount: magazineCount)
            ) { lent in
                // SAFETY: the memory outlives the pool.
                let pool = unsafe ObjectPool<Int>(
                    storage: lent.memory, capacity: 2, magazineCount: magazineCount, make: { 7 })
                model.check(pool.statistics == ObjectPoolStatistics())
                var handles: [PoolHandle] = []
                while handles.count < 3, let handle = pool.tryAcquire() { handles.append(handle) }
                model.check(handles.count == 2)
                for handle in handles {
                    pool.withObject(handle) { model.check($0 == 7) }
                    pool.release(handle)
                }
                model.check(pool.availableCount == 2)
            }
        }
    }

    @Test("a semaphore, an event, a group and an event count")
    func waits() {
        // Wrong: as above.
        alone { model in
            lend(CountingSemaphore.storageByteCount) { lent in
                // SAFETY: the memory outlives the semaphore.
                let semaphore = unsafe CountingSemaphore(
                    storage: lent.memory, permitCount: 1, permitCountMax: 2)
                model.check(semaphore.permitCount == 1 && semaphore.permitCountMax == 2)
                model.check(semaphore.tryWait() && !semaphore.blockingWait(until: past))
                model.check(semaphore.signal(2) && semaphore.permitCount == 2)
            }
            lend(AutoResetEvent.storageByteCount) { lent in
                // SAFETY: the memory outlives the event.
                let event = unsafe AutoResetEvent(storage: lent.memory)
                model.check(!event.isSet && !event.blockingWait(until: past))
                event.set()
                model.check(event.tryWait() && !event.isSet)
            }
            lend(WaitGroup.storageByteCount) { lent in
                let group = unsafe WaitGroup(storage: lent.memory)  // SAFETY: as above.
                model.check(group.count == 0 && group.blockingWait(until: past))
                group.add()
                model.check(!group.blockingWait(until: past))
                group.done()
            }
            lend(EventCount.storageByteCount) { lent in
                let event = unsafe EventCount(storage: lent.memory)  // SAFETY: as above.
                model.check(event.waiterCount == 0)
                model.check(!event.blockingWait(event.prepareWait(), until: past))
                event.notifyAll()
            }
        }
    }

    @Test("a oneshot and a breaker")
    func oneshot() {
        // Wrong: as above.
        alone { model in
            lend(Oneshot<Int>.storageByteCount) { lent in
                let oneshot = unsafe Oneshot<Int>(storage: lent.memory)  // SAFETY: it outlives it.
                model.check(oneshot.tryReceive() == nil)
                model.check(oneshot.set(7) == nil && oneshot.tryReceive() == 7)
            }
            lend(CircuitBreaker.storageByteCount) { lent in
                // SAFETY: the memory outlives the breaker.
                let breaker = unsafe CircuitBreaker(
                    storage: lent.memory, policy: CircuitBreaker.Policy())
                model.check(breaker.state == .closed && breaker.tryAcquire(now: past) != nil)
            }
        }
    }

    @Test("an allocator, over a source that has nothing")
    func drain() {
        // Wrong: as above; or what the source could not give stays reserved.
        alone { model in
            lend(DrainAllocator.storageByteCount) { lent in
                // SAFETY: the functions are a pair that gives nothing; the memory outlives it.
                let source = unsafe MemorySource(
                    allocate: { _, _, _ in nil }, deallocate: { _, _, _, _ in }, context: nil)
                let allocator = unsafe DrainAllocator(  // SAFETY: as above.
                    storage: lent.memory, byteCountMax: 100, source: source)
                model.check(!allocator.isClosed && allocator.byteCountMax == 100)
                for _ in 0..<2 {
                    // SAFETY: nothing is given out.
                    model.check(unsafe allocator.allocate(byteCount: 60) == nil)
                    model.check(allocator.outstanding == .init(blockCount: 0, byteCount: 0))
                }
                model.check(allocator.blockingDrained(until: past))
            }
        }
    }
}
