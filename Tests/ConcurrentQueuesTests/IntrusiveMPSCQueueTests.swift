// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Intrusive MPSC queue")
struct IntrusiveMPSCQueueTests {
    /// A caller's structure: the link comes first, so its address is the structure's.
    private struct Job: ~Copyable {
        let link = IntrusiveMPSCNode()
        var number: Int
        var producer = 0
    }

    @Test("Gives nodes back in order, and the same nodes can go round again")
    func order() {
        // If this failed, a node would be lost, or one that was popped still be linked.
        let queue = IntrusiveMPSCQueue()
        let jobs = UnsafeMutablePointer<Job>.allocate(capacity: 4)
        defer { unsafe jobs.deallocate() }  // SAFETY: allocated above, freed once; trivial.
        // SAFETY: in bounds.
        for index in 0..<4 { unsafe (jobs + index).initialize(to: Job(number: index)) }
        let first = unsafe number(of: queue.pop())  // SAFETY: jobs alone are in the queue.
        #expect(first == -1)
        check(queue)
        for lap in 0..<6 {
            let count = lap % 4 + 1
            for index in 0..<count { unsafe push(jobs + index, to: queue) }  // SAFETY: in bounds.
            check(queue)
            for index in 0..<count {
                let found = unsafe number(of: queue.pop())  // SAFETY: as above.
                #expect(found == index)
                // One that was popped goes back behind the others, and comes again.
                if lap == 3 { unsafe push(jobs + index, to: queue) }  // SAFETY: in bounds.
                check(queue)
            }
            for index in 0..<(lap == 3 ? count : 0) {
                let again = unsafe number(of: queue.pop())  // SAFETY: as above.
                #expect(again == index)
            }
            let nothing = unsafe number(of: queue.pop())  // SAFETY: as above.
            #expect(nothing == -1)
            check(queue)
        }
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a queue, or it would need zeroed memory.
        let byteCount = IntrusiveMPSCQueue.storageByteCount
        #expect(byteCount == 2 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        let queue = unsafe IntrusiveMPSCQueue(storage: storage)  // SAFETY: it outlives the queue.
        let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
        defer { unsafe job.deallocate() }  // SAFETY: as above.
        unsafe job.initialize(to: Job(number: 7))  // SAFETY: just allocated.
        check(queue)
        unsafe push(job, to: queue)  // SAFETY: in no queue.
        check(queue)
        // SAFETY: jobs alone are in the queue.
        let (found, nothing) = unsafe (number(of: queue.pop()), number(of: queue.pop()))
        #expect(found == 7 && nothing == -1)
    }

    @Test("Three producers lose nothing, and each one's nodes come in order")
    func threeProducers() {
        // If this failed, a push would overwrite another's link.
        let queue = Shared(IntrusiveMPSCQueue())
        let (producers, each) = (3, 5_000)
        let faults = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: producers + 1) { thread in
            if thread < producers {
                for number in 1...each {
                    let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
                    // SAFETY: just allocated; the consumer frees it.
                    unsafe job.initialize(to: Job(number: number, producer: thread))
                    unsafe push(job, to: queue.value)  // SAFETY: in no queue.
                }
                return
            }
            var last = [Int](repeating: 0, count: producers)
            var count = 0
            var backoff = Backoff()
            while count < producers * each {  // Ends: the producers push so many.
                // SAFETY: jobs alone are in the queue, and this thread alone pops.
                guard case .node(let link) = unsafe queue.value.pop() else {
                    backoff.snooze()
                    continue
                }
                // SAFETY: each node is the first word of a job, which is ours now.
                let job = unsafe UnsafeMutableRawPointer(link).assumingMemoryBound(to: Job.self)
                let (number, producer) = unsafe (job.pointee.number, job.pointee.producer)
                if number != last[producer] + 1 { faults.value.add(1, ordering: .relaxed) }
                last[producer] = number
                unsafe job.deallocate()  // SAFETY: trivial, and freed once.
                count += 1
            }
        }
        #expect(faults.value.load(ordering: .relaxed) == 0)
        check(queue.value)
    }

    @unsafe
    private func push(_ job: UnsafeMutablePointer<Job>, to queue: borrowing IntrusiveMPSCQueue) {
        // SAFETY: the link is the first word of a job.
        unsafe queue.push(
            UnsafeMutableRawPointer(job).assumingMemoryBound(to: IntrusiveMPSCNode.self))
    }

    private func check(_ queue: borrowing IntrusiveMPSCQueue) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }

    /// The number of the popped job, -1 for none, -2 if a push hides it.
    @unsafe
    private func number(of outcome: IntrusiveMPSCPop) -> Int {
        // SAFETY: what it carries is a job, or nothing.
        switch unsafe outcome {
        case .node(let link):
            // SAFETY: the link is the first word of a job.
            unsafe UnsafeMutableRawPointer(link).assumingMemoryBound(to: Job.self).pointee.number
        case .empty: -1
        case .busy: -2
        }
    }
}
