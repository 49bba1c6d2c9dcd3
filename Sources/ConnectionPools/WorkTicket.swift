// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import WaitPrimitives

/// A connection's wait for work: a node in the client's event count, which wakes the connection
/// over its loop's inbox. It serves one wait after the other.
@safe
final class WorkTicket: @unchecked Sendable {
    // Threads: the worker's loop, except for the wake. Lifetime: the list, or the job that the wake
    // posted, holds a reference from `enqueue` on.
    // Invariant: while it is free, no list, wake or job has it.
    private let core: ClientCore
    private let executor: LoopExecutor
    private let parking: Suspension
    private let node: UnsafeMutablePointer<WaitNode>
    private(set) var isQueued = false
    /// Whether it can wait again; false also while the wake of a wait that is over is on its way.
    private(set) var isFree = true

    init(_ core: ClientCore, _ executor: LoopExecutor, waking parking: Suspension) {
        self.core = core
        self.executor = executor
        self.parking = parking
        unsafe node = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
    }

    deinit {
        unsafe node.deallocate()  // SAFETY: nobody holds a reference, so nobody will wake.
    }

    /// Begins a wait.
    func enqueue(key: UInt64) {
        assert(isFree)
        // SAFETY: the reference is balanced below, in `withdraw`, or by the wake's job.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let waiter = unsafe Waiter(wake: wakeWorker, context: context)  // SAFETY: as above.
        unsafe node.initialize(to: WaitNode(waiter: waiter, key: key))  // SAFETY: it is free.
        switch unsafe core.workEvents.enqueue(node) {  // SAFETY: kept by the reference.
        case .queued:
            isQueued = true
            isFree = false
        case .granted, .withdrawn:
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: no wake will come.
        }
    }

    /// Ends the wait. If the wake was faster, its job gives the reference back; the work that was
    /// announced is passed on unless this connection takes it.
    func withdraw(takesWork: Bool) {
        guard isQueued else { return }
        isQueued = false
        switch unsafe core.workEvents.withdraw(node) {  // SAFETY: kept by the reference.
        case .removed, .early:
            isFree = true
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: no wake will come.
        case .late:
            if !takesWork { core.workEvents.notifyOne() }
        }
    }

    fileprivate func wake() {
        // SAFETY: the reference of `enqueue`, given back by the job.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            let ticket = unsafe Unmanaged<WorkTicket>.fromOpaque(context).takeRetainedValue()
            ticket.isFree = true
            ticket.parking.signal()
        }
        if !executor.loop.post(job) {
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: the job does not run.
        }
    }
}

private func wakeWorker(_ context: UnsafeMutableRawPointer) {
    // SAFETY: the context of a ticket's node is the ticket, which the list's reference keeps.
    unsafe Unmanaged<WorkTicket>.fromOpaque(context).takeUnretainedValue().wake()
}
