// SPDX-License-Identifier: MIT

// Three threads hand requests to one, in nodes of their own: nothing is allocated on the way. The
// consumer marks a request as done, and its thread uses the node again for the next one.
//
//     swift run -c release example_intrusive_queue

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// A request: the link comes first, so that its address is the request's.
struct Request: ~Copyable {
    let link = IntrusiveMPSCNode()
    var number = 0
    let isDone = Atomic<Bool>(true)
}

let senderCount = 3
let requestsEach = 20_000
let queue = IntrusiveMPSCQueue()
let sum = Atomic<Int>(0)

/// Sends the requests of one thread, each in the node of the one before.
@Sendable func send() {
    let request = UnsafeMutablePointer<Request>.allocate(capacity: 1)
    defer { unsafe request.deallocate() }  // SAFETY: allocated above; done, so in no queue.
    unsafe request.initialize(to: Request())  // SAFETY: just allocated.
    for number in 1...requestsEach {
        unsafe request.pointee.number = number  // SAFETY: done, so it is ours.
        unsafe request.pointee.isDone.store(false, ordering: .relaxed)  // SAFETY: as above.
        // SAFETY: the link is the first word of a request that is in no queue.
        unsafe queue.push(
            UnsafeMutableRawPointer(request).assumingMemoryBound(to: IntrusiveMPSCNode.self))
        // SAFETY: the consumer reads and writes it until it is done.
        while unsafe !request.pointee.isDone.load(ordering: .acquiring) {
            millrace_thread_yield()  // Ends: the consumer does every request.
        }
    }
}

/// Does the next request, if there is one.
@Sendable func serve() -> Bool {
    // SAFETY: only requests are in the queue, and this thread alone pops.
    guard case .node(let link) = unsafe queue.pop() else { return false }
    // SAFETY: as above; the request is ours until it is done.
    let request = unsafe UnsafeMutableRawPointer(link).assumingMemoryBound(to: Request.self)
    sum.add(unsafe request.pointee.number, ordering: .relaxed)
    unsafe request.pointee.isDone.store(true, ordering: .releasing)
    return true
}

ThreadTeam.run(count: senderCount + 1) { thread in
    if thread < senderCount { return send() }
    var served = 0
    while served < senderCount * requestsEach {  // Ends: so many are sent.
        if serve() { served += 1 } else { millrace_thread_yield() }
    }
}
let expected = senderCount * requestsEach * (requestsEach + 1) / 2
let total = sum.load(ordering: .relaxed)
print("sum \(total), expected \(expected): \(total == expected ? "nothing lost" : "WRONG")")
print("\(senderCount * requestsEach) requests in \(senderCount) nodes")
