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
struct Lent {
    let memory: UnsafeMutableRawBufferPointer
}

/// Primitives in memory that the caller lends, in which something else lay before.
@Suite("Models of primitives in borrowed memory")
struct BorrowedModelTests {
    /// Runs `body` with so many bytes on a cache line, none of which is zero; those before and
    /// behind must stay as they are.
    func lend(_ byteCount: Int, _ body: (Lent) -> Void) {
        let margin = 2 * CacheLine.byteCount
        // SAFETY: freed below, when nothing is in it any more.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount + 2 * margin, alignment: CacheLine.byteCount)
        // SAFETY: plain bytes.
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
        let inner = unsafe UnsafeMutableRawBufferPointer(  // SAFETY: within it.
            rebasing: memory[margin..<margin + byteCount])
        unsafe body(Lent(memory: inner))  // SAFETY: used within the call.
        // SAFETY: plain bytes, as above.
        let isWhole =
            unsafe memory.prefix(margin).allSatisfy { $0 == 0xA5 }
            && memory.suffix(margin).allSatisfy { $0 == 0xA5 }
        if !isWhole { Issue.record("what lies around the memory was written") }
        unsafe memory.deallocate()  // SAFETY: as above.
    }

    func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
    }

    var past: MonotonicInstant { MonotonicInstant(nanoseconds: 1) }

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

    @Test("an inbox", arguments: [2, 7, 8, 32])
    func inbox(capacity: Int) {
        // Wrong: as above.
        alone { model in
            lend(MPSCInbox<Int>.storageByteCount(capacity: capacity)) { lent in
                // SAFETY: the memory outlives the inbox.
                let inbox = unsafe MPSCInbox<Int>(storage: lent.memory, capacity: capacity)
                model.check(inbox.isEmpty && !inbox.isClosed)
                for value in 0...capacity {
                    let outcome = inbox.tryPush(value)
                    model.check(outcome.isPushed == (value < capacity))
                }
                var seen: [Int] = []
                model.check(inbox.drain { seen.append($0) } == capacity)
                model.check(seen == Array(0..<capacity))
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
                // What lies behind the slots looks like a lease.
                let beyond = PoolHandle(index: 2, generation: 0xA5A5_A5A5)
                model.check(!pool.isLeased(beyond))
                for handle in handles {
                    pool.withObject(handle) { model.check($0 == 7) }
                    pool.release(handle)
                }
                model.check(pool.availableCount == 2)
            }
        }
    }

    /// As long as the rest of a slot of one line.
    private struct Filler: Equatable, Sendable {
        var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

        init(_ word: UInt64) { words = (word, word, word, word, word, word) }

        static func == (one: Filler, other: Filler) -> Bool {
            one.words.0 == other.words.0 && one.words.1 == other.words.1
                && one.words.2 == other.words.2 && one.words.3 == other.words.3
                && one.words.4 == other.words.4 && one.words.5 == other.words.5
        }
    }

    @Test("a pool of objects that fill their slots", arguments: [0, 2])
    func fullSlots(magazineCount: Int) {
        // Wrong: a slot's words lie in its neighbour's object, or in its own.
        alone { model in
            lend(
                ObjectPool<Filler>.storageByteCount(capacity: 3, magazineCount: magazineCount)
            ) { lent in
                // SAFETY: the memory outlives the pool.
                let pool = unsafe ObjectPool<Filler>(
                    storage: lent.memory, capacity: 3, magazineCount: magazineCount,
                    make: { Filler(.max) })
                for round: UInt64 in 0..<3 {
                    var handles: [PoolHandle] = []
                    while handles.count < 4, let handle = pool.tryAcquire() {
                        pool.withObject(handle) {
                            let old = Filler(round == 0 ? .max : UInt64(handle.index) + round - 1)
                            model.check($0 == old)
                            $0 = Filler(UInt64(handle.index) + round)
                        }
                        handles.append(handle)
                    }
                    model.check(handles.count == 3)
                    for handle in handles {
                        model.check(pool.isLeased(handle))
                        pool.withObject(handle) {
                            model.check($0 == Filler(UInt64(handle.index) + round))
                        }
                        pool.release(handle)
                    }
                }
            }
        }
    }

    @Test("a magazine's places are empty, whatever lay there")
    func robbedMagazine() {
        // Wrong: a thief that sees the count before the slot takes what lay there before.
        lend(ObjectPool<Int>.storageByteCount(capacity: 2, magazineCount: 3)) { lent in
            let result = explore { model in
                // SAFETY: plain bytes; the pool of the execution before has ended.
                unsafe lent.memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
                // SAFETY: the memory outlives the pool.
                let pool = unsafe Shared(
                    ObjectPool<Int>(
                        storage: lent.memory, capacity: 2, magazineCount: 3, make: { 7 }))
                let handles = (0..<2).compactMap { _ in pool.value.tryAcquire() }
                model.thread("owner") {
                    for handle in handles { pool.value.release(handle) }
                }
                model.thread("thief") {
                    guard let handle = pool.value.tryAcquire() else { return }
                    model.check(handle.index < 2 && pool.value.isLeased(handle))
                    pool.value.release(handle)
                }
                model.finally {
                    let found = (0..<3).compactMap { _ in pool.value.tryAcquire() }
                    model.check(Set(found.map(\.index)) == [0, 1] && found.count == 2)
                }
            }
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
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
