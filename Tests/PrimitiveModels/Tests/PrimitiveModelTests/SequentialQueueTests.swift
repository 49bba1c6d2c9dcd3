// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import ModelChecking
import ObjectPools
import Testing

/// A number that closures share. The model's threads are fibers of one thread.
final class Count: @unchecked Sendable {
    var value = 0
}

/// An element that counts how many of its kind are alive.
final class Counted {
    private let living: Count
    let number: Int

    init(_ number: Int, _ living: Count) {
        self.number = number
        self.living = living
        living.value += 1
    }

    deinit { living.value -= 1 }
}

/// Something whose ends are counted, also of what was never made.
private struct Ending: ~Copyable {
    // SAFETY: the threads of a model are fibers of one, and one test uses it.
    nonisolated(unsafe) static var count = 0

    deinit { unsafe Self.count += 1 }  // SAFETY: as above.
}

/// What queues and pools promise to one thread alone: numbers, order and lifetimes, in a model
/// whose memory is watched.
@Suite("Models of queues and pools, alone")
struct SequentialQueueTests {
    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a queue counts, closes once, drains in order and ends with what is in it")
    func queue() {
        // Wrong: a number is off by one, or an element outlives its queue.
        alone { model in
            let living = Count()
            do {
                let queue = BoundedMPMCQueue<Counted>(capacity: 3)
                model.check(queue.capacity == 4)
                model.check(queue.isEmpty && queue.count == 0 && queue.pushedCount == 0)
                for number in 0..<6 {
                    let refused = queue.tryPush(Counted(number, living))
                    model.check((refused != nil) == (number >= 4))
                    model.check(queue.count == min(number + 1, 4) && !queue.isEmpty)
                }
                model.check(queue.tryPop()?.number == 0 && queue.tryPop()?.number == 1)
                model.check(queue.count == 2 && queue.pushedCount == 4)
                for number in 6..<8 { model.check(queue.tryPush(Counted(number, living)) == nil) }
                var seen: [Int] = []
                model.check(queue.drain(max: 3) { seen.append($0.number) } == 3)
                model.check(seen == [2, 3, 6] && queue.count == 1 && queue.pushedCount == 6)
                model.check(queue.tryPush(Counted(8, living)) == nil)
                model.check(!queue.isClosed && !queue.isDrained)
                var made = 20
                let make: () -> sending Counted = {
                    made += 1
                    return Counted(made, living)
                }
                model.check(queue.fill(max: 1, make) == 1 && queue.fill(max: 9, make) == 1)
                model.check(queue.fill(max: 1, make) == 0 && made == 22 && queue.count == 4)
                model.check(queue.close() && !queue.close())
                model.check(queue.isClosed && !queue.isDrained && queue.count == 4)
                model.check(queue.fill(max: 1, make) == 0 && made == 22)
                model.check(queue.tryPush(Counted(9, living))?.number == 9)
                model.check(queue.drain(max: 9) { seen.append($0.number) } == 4)
                model.check(seen == [2, 3, 6, 7, 8, 21, 22])
                model.check(queue.drain(max: 9) { seen.append($0.number) } == 0)
                model.check(queue.isDrained && queue.isEmpty && queue.tryPop() == nil)
            }
            model.check(living.value == 0)
            do {
                let queue = BoundedMPMCQueue<Counted>(capacity: 2)
                for number in 0..<3 { _ = queue.tryPush(Counted(number, living)) }
                _ = queue.tryPop()
                model.check(living.value == 1)
                queue.close()
            }
            model.check(living.value == 0)
        }
    }

    @Test("an inbox tells the first from the others, closes once, and ends with what is in it")
    func inbox() {
        // Wrong: an answer is another one, or an element outlives its inbox.
        alone { model in
            let living = Count()
            do {
                let inbox = MPSCInbox<Counted>(capacity: 2)
                model.check(inbox.isEmpty && inbox.drain { _ in } == 0)
                let first = inbox.tryPush(Counted(0, living))
                model.check(first.needsWake && first.isPushed && first.takeRefused() == nil)
                let second = inbox.tryPush(Counted(1, living))
                model.check(!second.needsWake && second.isPushed && !inbox.isEmpty)
                model.check(second.takeRefused() == nil)
                let third = inbox.tryPush(Counted(2, living))
                model.check(!third.needsWake && !third.isPushed)
                model.check(third.takeRefused()?.number == 2)
                var seen: [Int] = []
                model.check(inbox.drain { seen.append($0.number) } == 2 && seen == [0, 1])
                model.check(inbox.tryPush(Counted(3, living)).needsWake)
                model.check(!inbox.isClosed && !inbox.isDrained)
                model.check(inbox.close() && !inbox.close() && inbox.isClosed)
                model.check(!inbox.isEmpty && !inbox.isDrained)
                model.check(inbox.tryPush(Counted(4, living)).takeRefused()?.number == 4)
                model.check(inbox.drain { seen.append($0.number) } == 1 && seen == [0, 1, 3])
                model.check(inbox.isDrained && inbox.isEmpty && inbox.isClosed)
            }
            model.check(living.value == 0)
            do {
                let inbox = MPSCInbox<Counted>(capacity: 2)
                for number in 0..<2 { _ = inbox.tryPush(Counted(number, living)) }
                inbox.close()
            }
            model.check(living.value == 0)
        }
    }

    @Test("a pool with magazines refills, flushes and counts", arguments: [1, 2, 5, 32, 40])
    func pool(capacity: Int) {
        // Wrong: a slot is lost on the way through a magazine, or a number is wrong.
        alone { model in
            let living = Count()
            let resets = Count()
            do {
                let pool = ObjectPool<Counted>(
                    capacity: capacity, magazineCount: 2, make: { Counted(7, living) },
                    reset: { _ in resets.value += 1 })
                model.check(pool.availableCount == capacity)
                model.check(!pool.isLeased(PoolHandle(index: 0, generation: 0)))
                var stale: [PoolHandle] = []
                for round in 1...3 {
                    var handles: [PoolHandle] = []
                    while let handle = pool.tryAcquire() { handles.append(handle) }
                    model.check(handles.count == capacity && pool.availableCount == 0)
                    for handle in stale { model.check(!pool.isLeased(handle)) }
                    stale = handles
                    model.check(Set(handles.map(\.index)).count == capacity)
                    for handle in handles {
                        model.check(pool.isLeased(handle))
                        pool.withObject(handle) { model.check($0.number == 7) }
                    }
                    for handle in handles { pool.release(handle) }
                    for handle in handles { model.check(!pool.isLeased(handle)) }
                    let total = pool.statistics
                    model.check(pool.availableCount == capacity && total.stolen == 0)
                    model.check(total.acquired == UInt64(round * capacity))
                    model.check(total.released == total.acquired)
                    model.check(total.exhausted == UInt64(round))
                    let isFlushed = total.flushed > 0
                    model.check(total.refilled > 0 && isFlushed == (capacity > 2))
                    // One of a magazine's two slots goes with each release, or two of four with
                    // every second one.
                    let batch = capacity < 32 ? 1 : 2
                    let flushes = max(capacity - 1 - batch, 0) / batch
                    let refills = capacity / batch + (round - 1) * flushes
                    model.check(total.flushed == UInt64(round * flushes))
                    model.check(total.refilled == UInt64(refills))
                }
                model.check(resets.value == 3 * capacity)
                model.check(living.value == capacity)
                let handle = pool.tryAcquire()
                if let handle {
                    let wrong = PoolHandle(index: handle.index, generation: handle.generation + 1)
                    let beyond = PoolHandle(index: UInt32(capacity), generation: 1)
                    model.check(!pool.isLeased(wrong) && !pool.isLeased(beyond))
                    model.check(PoolHandle(rawValue: handle.rawValue) == handle)
                    pool.release(handle)
                }
            }
            model.check(living.value == 0)
        }
    }

    @Test("a pool of large batches keeps to its magazine, and has as many as it says")
    func largePool() {
        // Wrong: a flush reaches beyond its magazine, into that of the next thread.
        let options = ModelOptions { $0.stepMax = 100_000 }
        let result = explore(.exhaustive, options: options) { model in
            let pool = Shared(ObjectPool<Int>(capacity: 512, magazineCount: 2, make: { 7 }))
            model.thread("the next thread") {
                if let handle = pool.value.tryAcquire() { pool.value.release(handle) }
            }
            model.finally {
                for round in 1...2 {
                    var handles: [PoolHandle] = []
                    while let handle = pool.value.tryAcquire() { handles.append(handle) }
                    model.check(Set(handles.map(\.index)).count == 512 && handles.count == 512)
                    for handle in handles { pool.value.release(handle) }
                    model.check(pool.value.availableCount == 512)
                    model.check(pool.value.statistics.acquired == UInt64(512 * round + 1))
                }
            }
        }
        #expect(result.holds, "\(result)")
        #expect(ObjectPool<Int>(capacity: 1, make: { 7 }).magazineCount == 64)
    }

    @Test("a pool ends the objects that it has made, and no others")
    func poolEnd() {
        // Wrong: an object outlives its pool, or one ends that was never made.
        alone { model in
            for magazineCount in [0, 2] {
                unsafe Ending.count = 0  // SAFETY: the threads of a model are fibers of one.
                do {
                    let pool = ObjectPool<Ending>(
                        capacity: 4, magazineCount: magazineCount, make: { Ending() })
                    let handles = (0..<2).compactMap { _ in pool.tryAcquire() }
                    for handle in handles { pool.release(handle) }
                    model.check(unsafe Ending.count == 0)  // SAFETY: as above.
                }
                model.check(unsafe Ending.count == 2)  // SAFETY: as above.
            }
        }
    }

    @Test("a pool without magazines counts", arguments: [1, 3])
    func bare(capacity: Int) {
        // Wrong: a slot is lost, or a number is wrong.
        alone { model in
            let pool = ObjectPool<Int>(capacity: capacity, magazineCount: 0, make: { 7 })
            for round in 1...2 {
                var handles: [PoolHandle] = []
                while let handle = pool.tryAcquire() { handles.append(handle) }
                model.check(handles.count == capacity && pool.availableCount == 0)
                for handle in handles { pool.release(handle) }
                var expected = ObjectPoolStatistics()
                expected.acquired = UInt64(round * capacity)
                expected.released = expected.acquired
                expected.exhausted = UInt64(round)
                model.check(pool.statistics == expected && pool.availableCount == capacity)
            }
        }
    }

    @Test("a thief finds what another thread's magazine holds, and is counted")
    func thief() {
        // Wrong: slots that lie in a magazine are lost to all other threads.
        let result = explore { model in
            let pool = ObjectPool<Int>(capacity: 2, magazineCount: 3, make: { 7 })
            model.thread("owner") {
                guard let first = pool.tryAcquire(), let second = pool.tryAcquire() else {
                    return
                }
                pool.release(first)
                pool.release(second)
            }
            model.finally {
                var handles: [PoolHandle] = []
                while let handle = pool.tryAcquire() { handles.append(handle) }
                model.check(handles.count == 2 && pool.statistics.stolen == 2)
                for handle in handles { pool.release(handle) }
            }
        }
        #expect(result.holds, "\(result)")
    }

    @Test("a free list hands out chains", arguments: [0, 1, 3])
    func freeList(slots: Int) {
        // Wrong: a chain is shorter or longer than it says, or a slot is in two of them.
        alone { model in
            // SAFETY: the parts lie in the block; the list is used by its rules.
            let block = Shared(SharedBlock(byteCount: 256))
            let list = unsafe TaggedFreeList(
                head: block.value.pointer(at: 0, to: Atomic<UInt64>.self),
                slots: block.value.base + 128, stride: 8)
            unsafe list.initialize(count: slots, firstTag: .max)  // SAFETY: as above.
            for _ in 0..<2 {
                var links: [UInt32] = []
                var chains: [(UInt32, UInt32)] = []
                while true {
                    let (first, count) = unsafe list.popChain(countMax: 2)  // SAFETY: as above.
                    if count == 0 { break }
                    var last = first
                    links.append(first)
                    for _ in 1..<count {
                        last = unsafe list.next(of: last)  // SAFETY: as above.
                        links.append(last)
                    }
                    chains.append((first, last))
                }
                model.check(links.sorted() == (0..<slots).map { UInt32($0 + 1) })
                // SAFETY: as above.
                for chain in chains { unsafe list.push(first: chain.0, last: chain.1) }
            }
            model.check(block.value.byteCount == 256)
            // The tag counts the pops, those that found nothing apart.
            let head = unsafe block.value.pointer(at: 0, to: Atomic<UInt64>.self)  // SAFETY: so.
            for _ in 0..<40 where slots > 0 {
                let before = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: as above.
                let link = unsafe list.pop()  // SAFETY: as above.
                unsafe list.push(first: link, last: link)  // SAFETY: as above.
                let after = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: as above.
                model.check(UInt32(after >> 32) == UInt32(before >> 32) &+ 1)
            }
        }
    }
}
