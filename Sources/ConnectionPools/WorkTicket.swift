// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import WaitPrimitives

/// One wait of a connection for work: a node in the client's event count, which wakes the
/// connection over its loop's inbox.
@safe
final class WorkTicket: @unchecked Sendable {
    // Threads: the worker's loop, except for the wake. Lifetime: the list, or the job that the wake
    // posted, holds a reference from `enqueue` on.
    private let worker: ClientWorker
    private let node: UnsafeMutablePointer<WaitNode>
    private(set) var isQueued = false

    init(_ worker: ClientWorker, key: UInt64) {
        self.worker = worker
        unsafe node = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        // SAFETY: the context is set in `enqueue`'s reference; the node is freed in `deinit`.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let waiter = unsafe Waiter(wake: wakeWorker, context: context)  // SAFETY: as above.
        unsafe node.initialize(to: WaitNode(waiter: waiter, key: key))  // SAFETY: as above.
    }

    deinit {
        unsafe node.deallocate()  // SAFETY: nobody holds a reference, so nobody will wake.
    }

    func enqueue() {
        unsafe _ = Unmanaged.passRetained(self)  // SAFETY: balanced below, in `withdraw` or `wake`.
        switch unsafe worker.core.workEvents.enqueue(node) {  // SAFETY: kept by the reference.
        case .queued: isQueued = true
        case .granted, .withdrawn:
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: no wake will come.
        }
    }

    /// Ends the wait. If the wake was faster, the wake's job gives the reference back, and the work
    /// that was announced is passed on in case this connection does not take it.
    func withdraw() {
        guard isQueued else { return }
        switch unsafe worker.core.workEvents.withdraw(node) {  // SAFETY: kept by the reference.
        case .removed, .early:
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: no wake will come.
        case .late:
            if !worker.takesMessages { worker.core.workEvents.notifyOne() }
        }
    }

    fileprivate func wake() {
        // SAFETY: the reference of `enqueue`, given back by the job.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            let ticket = unsafe Unmanaged<WorkTicket>.fromOpaque(context).takeRetainedValue()
            ticket.worker.parking.signal()
        }
        if !worker.executor.loop.post(job) {
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: the job does not run.
        }
    }
}

private func wakeWorker(_ context: UnsafeMutableRawPointer) {
    // SAFETY: the context of a ticket's node is the ticket, which the list's reference keeps.
    unsafe Unmanaged<WorkTicket>.fromOpaque(context).takeUnretainedValue().wake()
}
