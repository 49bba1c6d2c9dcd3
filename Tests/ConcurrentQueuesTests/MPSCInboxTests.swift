// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("MPSC inbox")
struct MPSCInboxTests {
    @Test("Delivers oldest first and tells the first push from the others")
    func deliversInOrder() {
        // If this failed, jobs would run out of order, or a loop would sleep over a job.
        let inbox = MPSCInbox<Int>(capacity: 8, firstTag: .max - 10)
        for lap in 0..<10 {
            let isEmpty = inbox.isEmpty
            #expect(isEmpty)
            for index in 0..<5 {
                let outcome = inbox.tryPush(lap * 10 + index)
                #expect(outcome.needsWake == (index == 0))
                #expect(outcome.isPushed)
            }
            let isEmptyNow = inbox.isEmpty
            #expect(!isEmptyNow)
            var seen: [Int] = []
            let count = inbox.drain { seen.append($0) }
            #expect(count == 5)
            #expect(seen == (0..<5).map { lap * 10 + $0 })
            check(inbox)
        }
        let none = inbox.drain { _ in }
        #expect(none == 0)
    }

    @Test("Holds exactly its capacity", arguments: [1, 2, 7, 64])
    func holdsItsCapacity(capacity: Int) {
        // If this failed, a node would be lost at the boundary.
        let inbox = MPSCInbox<Int>(capacity: capacity)
        for _ in 0..<3 {
            for index in 0..<capacity {
                let isPushed = inbox.tryPush(index).isPushed
                #expect(isPushed)
            }
            let refused = inbox.tryPush(-1).takeRefused()
            #expect(refused == -1)
            let count = inbox.drain { _ in }
            #expect(count == capacity)
            check(inbox)
        }
    }

    @Test("What a body pushes is left for the next drain and needs a wake")
    func pushInsideDrain() {
        // If this failed, a job that posts itself again would keep one drain running forever.
        let inbox = MPSCInbox<Int>(capacity: 4)
        _ = inbox.tryPush(1)
        let first = inbox.drain { element in
            let outcome = inbox.tryPush(element + 1)
            #expect(outcome.needsWake)
        }
        #expect(first == 1)
        var seen: [Int] = []
        let second = inbox.drain { seen.append($0) }
        #expect(second == 1)
        #expect(seen == [2])
    }

    @Test("Close refuses pushes and keeps what is inside")
    func closeKeepsQueued() {
        // If this failed, jobs posted before the shutdown would be dropped, or later ones let in.
        let inbox = MPSCInbox<Int>(capacity: 4)
        _ = inbox.tryPush(1)
        let (first, second) = (inbox.close(), inbox.close())
        #expect(first)
        #expect(!second)
        let (isClosed, isDrained, isEmpty) = (inbox.isClosed, inbox.isDrained, inbox.isEmpty)
        #expect(isClosed)
        #expect(!isDrained)
        #expect(!isEmpty)
        let refused = inbox.tryPush(2).takeRefused()
        #expect(refused == 2)
        let count = inbox.drain { element in #expect(element == 1) }
        #expect(count == 1)
        let (stillClosed, isDrainedNow) = (inbox.isClosed, inbox.isDrained)
        #expect(stillClosed)
        #expect(isDrainedNow)
        check(inbox)
    }

    @Test("Noncopyable elements die exactly once: drained, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let inbox = MPSCInbox<Tracked>(capacity: 3)
            for payload in 0..<5 {
                if let refused = inbox.tryPush(ledger.makeTracked(UInt64(payload))).takeRefused() {
                    let payload = refused.payload
                    #expect(payload >= 3)
                }
            }
            inbox.drain { element in
                let payload = element.payload
                #expect(payload < 3)
            }
            #expect(ledger.aliveCount == 0)
            for payload in 0..<2 { _ = inbox.tryPush(ledger.makeTracked(UInt64(payload))) }
            #expect(ledger.aliveCount == 2)
        }
        #expect(ledger.bornCount == 7)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place an inbox.
        let byteCount = MPSCInbox<UInt64>.storageByteCount(capacity: 8)
        #expect(byteCount == 4 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        let inbox = unsafe MPSCInbox<UInt64>(storage: storage, capacity: 8)  // SAFETY: outlived.
        for element in UInt64(0)..<8 { _ = inbox.tryPush(element) }
        var sum: UInt64 = 0
        inbox.drain { sum += $0 }
        #expect(sum == 28)
        check(inbox)
    }

    #if DEBUG
        @Test("A second consumer is caught in debug builds")
        func nestedDrainTraps() async {
            // If this failed, two consumers would take one chain apart from both ends.
            await #expect(processExitsWith: .failure) {
                let inbox = MPSCInbox<Int>(capacity: 2)
                _ = inbox.tryPush(1)
                inbox.drain { _ in inbox.drain { _ in } }
            }
        }
    #endif

    @Test("Three producers keep their order and every empty inbox is announced")
    func fourThreads() {
        // If this failed, nodes would be mixed up in the free list, or a wake-up lost.
        let inbox = Shared(MPSCInbox<(producer: Int, number: Int)>(capacity: 16))
        let wakes = Shared(Atomic<Int>(0))
        let perProducer = 5_000
        ThreadTeam.run(count: 4) { thread in
            var backoff = Backoff()
            if thread > 0 {
                for number in 0..<perProducer {  // Ends: the consumer drains until it has all.
                    while true {
                        let outcome = inbox.value.tryPush((thread, number))
                        if outcome.needsWake { wakes.value.add(1, ordering: .relaxed) }
                        if outcome.isPushed { break }
                        backoff.snooze()
                    }
                }
                return
            }
            var next = [0, 0, 0, 0]
            var drains = 0
            while next.reduce(0, +) < 3 * perProducer {  // Ends: the producers push that many.
                let count = inbox.value.drain { element in
                    precondition(element.number == next[element.producer], "out of order")
                    next[element.producer] += 1
                }
                if count > 0 { drains += 1 } else { backoff.snooze() }
            }
            wakes.value.subtract(drains, ordering: .relaxed)
        }
        #expect(wakes.value.load(ordering: .relaxed) == 0)
        check(inbox.value)
    }

    private func check<Element>(_ inbox: borrowing MPSCInbox<Element>) {
        #if Checks || DEBUG
            inbox.checkInvariants()
        #endif
    }
}
