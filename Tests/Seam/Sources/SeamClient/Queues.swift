// SPDX-License-Identifier: MIT

package import ConcurrentQueues

// Functions that are found by name in the machine code, one for each operation of the queues.

/// An element that is counted.
package final class Token: Sendable {}

@_silgen_name("seam_ring_push")
package func pushRing(_ ring: borrowing BoundedMPMCQueue<Int>, _ element: Int) -> Int? {
    ring.tryPush(element)
}

@_silgen_name("seam_ring_push_object")
package func pushRing(
    _ ring: borrowing BoundedMPMCQueue<Token>, _ element: sending Token
) -> Token? {
    ring.tryPush(element)
}

@_silgen_name("seam_ring_pop")
package func popRing(_ ring: borrowing BoundedMPMCQueue<Int>) -> Int? { ring.tryPop() }

@_silgen_name("seam_ring_pop_object")
package func popRing(_ ring: borrowing BoundedMPMCQueue<Token>) -> Token? { ring.tryPop() }

@_silgen_name("seam_ring_drain")
package func drainRing(_ ring: borrowing BoundedMPMCQueue<Int>) -> Int {
    var sum = 0
    ring.drain(max: 16) { sum &+= $0 }
    return sum
}

@_silgen_name("seam_ring_fill")
package func fillRing(_ ring: borrowing BoundedMPMCQueue<Int>, _ first: Int) -> Int {
    var next = first
    return ring.fill(max: 16) {
        next &+= 1
        return next
    }
}

@_silgen_name("seam_ring_close")
package func closeRing(_ ring: borrowing BoundedMPMCQueue<Int>) -> Bool { ring.close() }

@_silgen_name("seam_lock_free_push")
package func pushLockFree(_ queue: borrowing LockFreeMPMCQueue<Int>, _ element: Int) -> Int? {
    queue.tryPush(element)
}

@_silgen_name("seam_lock_free_pop")
package func popLockFree(_ queue: borrowing LockFreeMPMCQueue<Token>) -> Token? { queue.tryPop() }

@_silgen_name("seam_relaxed_push")
package func pushRelaxed(
    _ queue: borrowing RelaxedMPMCQueue<Int>, _ element: Int, _ handle: RelaxedQueueHandle
) -> Int? {
    queue.tryPush(element, by: handle)
}

@_silgen_name("seam_relaxed_pop")
package func popRelaxed(
    _ queue: borrowing RelaxedMPMCQueue<Token>, _ handle: inout RelaxedQueueHandle
) -> Token? {
    queue.tryPop(by: &handle)
}

@_silgen_name("seam_broadcast_publish")
package func publishBroadcast(_ ring: borrowing BroadcastRing<Int>, _ element: Int) -> Bool {
    ring.tryPublish(element) == .published
}

@_silgen_name("seam_broadcast_receive")
package func receiveBroadcast(
    _ ring: borrowing BroadcastRing<Token>, _ cursor: inout BroadcastCursor
) -> BroadcastDelivery<Token>? {
    ring.tryReceive(by: &cursor)
}

@_silgen_name("seam_pipe_push")
package func pushPipe(_ pipe: borrowing BoundedSPSCQueue<Int>, _ element: Int) -> Int? {
    pipe.tryPush(element)
}

@_silgen_name("seam_pipe_pop")
package func popPipe(_ pipe: borrowing BoundedSPSCQueue<Token>) -> Token? { pipe.tryPop() }

@_silgen_name("seam_pipe_fill")
package func fillPipe(_ pipe: borrowing BoundedSPSCQueue<Int>) -> Int { pipe.fill(max: 16) { 1 } }

@_silgen_name("seam_long_pipe_push")
package func pushLongPipe(_ pipe: borrowing UnboundedSPSCQueue<Int>, _ element: Int) -> Int? {
    pipe.tryPush(element)
}

@_silgen_name("seam_long_pipe_pop")
package func popLongPipe(_ pipe: borrowing UnboundedSPSCQueue<Token>) -> Token? { pipe.tryPop() }

@_silgen_name("seam_inbox_push")
package func pushInbox(_ inbox: borrowing MPSCInbox<Int>, _ element: Int) -> PushOutcome<Int> {
    inbox.tryPush(element)
}

@_silgen_name("seam_inbox_take")
package func drainInbox(_ inbox: borrowing MPSCInbox<Int>) -> Int {
    var sum = 0
    inbox.drain { sum &+= $0 }
    return sum
}

@_silgen_name("seam_inbox_close")
package func closeInbox(_ inbox: borrowing MPSCInbox<Int>) -> Bool { inbox.close() }
