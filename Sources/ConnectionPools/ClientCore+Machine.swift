// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import ConcurrentQueues
internal import EventLoops
internal import WaitPrimitives

// The machine's hands: every function here runs on the home loop.
extension ClientCore {
    /// Gives an event to the machine and does what it answers.
    func handle(_ event: PoolEvent) {
        assert(home.loop.isCurrent)
        assert(!isHandling, "events are posted, so that none is handled inside another")
        isHandling = true
        defer { isHandling = false }
        var event = event
        // Senders first: what is pushed after the backlog was looked at would be nobody's.
        switch event {
        case .closeRequested: refuse(.closed)
        case .shutdownRequested: refuse(.cancelled)
        default: break
        }
        // Ends: a repeated `messageQueued` makes the machine act or raise its threshold.
        while true {
            let seen = pressure
            let actions = machine.handle(event, backlog: seen, now: .now)
            if let error = machine.sendError { refuse(error) }
            for action in actions { perform(action) }
            forget(after: event)
            machineSnapshot.value = machine.statistics
            let limit = machine.openThreshold
            let waiting = publish(threshold: machine.isFinished ? .max : limit)
            if machine.isFinished || waiting < limit { break }
            // It saw as much before, and did nothing about it.
            if event == .messageQueued && actions.isEmpty && seen >= limit { break }
            event = .messageQueued
        }
    }

    /// Lets go of a connection that has ended: a client at rest holds no windows.
    private func forget(after event: PoolEvent) {
        switch event {
        case .connectFailed(let id, _), .disconnected(let id, _, _):
            if let worker = workers[id.slot], worker.id == id { workers[id.slot] = nil }
        default: break
        }
    }

    private func perform(_ action: PoolAction) {
        switch action {
        case .connect(let id, let attempt): start(id, attempt: attempt)
        case .serve(let id): command(id) { $0.serve() }
        case .drain(let id): command(id) { $0.drain() }
        case .closeConnection(let id, let manner): command(id) { $0.close(manner) }
        case .wakeConnections: workEvents.notifyAll()
        case .startTimer(let timer, let deadline): start(timer, at: deadline)
        case .cancelTimer(let timer): stop(timer)
        case .failAllPending(let reason): failPending(reason)
        case .finished: runPoint.signal()
        }
    }

    private func start(_ id: ConnectionID, attempt: Int) {
        let executor = executors[id.slot % executors.count]
        let worker = ClientWorker(core: self, id: id, attempt: attempt, executor: executor)
        workers[id.slot] = worker
        pendingWorkers.append(worker)
        runPoint.signal()
    }

    /// Does something with a connection, on its loop, unless that connection is gone.
    private func command(
        _ id: ConnectionID, _ body: @escaping @Sendable (ClientWorker) -> Void
    ) {
        guard let worker = workers[id.slot], worker.id == id else { return }
        worker.executor.perform { body(worker) }
    }

    private func failPending(_ reason: FailureReason) {
        var settled: [SettledMessage] = []
        var takenByteCount = 0
        // Ends: the queue is closed and pushes under way end.
        while let message = takeLast(&takenByteCount) {
            let wasWritten = store.wasWritten(message)
            settled.append(settle(message, .failed(reason, wasPartlyWritten: wasWritten)))
            if settled.count == 1024 {
                deliver(settled.span)
                settled.removeAll(keepingCapacity: true)
            }
        }
        deliver(settled.span)
        didTake(takenByteCount)
        spaceEvents.notifyAll()
    }

    /// The next message of a closed queue; waits for a sender that is just putting one in.
    private func takeLast(_ takenByteCount: inout Int) -> UInt64? {
        assert(queue.isClosed, "pending messages are failed when no more can come")
        var backoff = Backoff()
        while true {  // Ends when the queue is drained.
            if let message = takeMessage(&takenByteCount) { return message }
            if queue.isDrained && retry.count == 0 { return nil }
            backoff.snooze()
        }
    }

    // MARK: Timers

    private func start(_ timer: PoolTimer, at deadline: MonotonicInstant) {
        let place = timers[timer.index]
        if let running = place.token { home.loop.cancel(running) }
        place.timer = timer
        place.token = nil
        // SAFETY: the places live as long as the core, which `run` keeps until no timer is set.
        let context = unsafe Unmanaged.passUnretained(place).toOpaque()
        place.token = unsafe home.loop.schedule(at: deadline, context: context) {
            context, isStopped in
            // SAFETY: as above.
            let place = unsafe Unmanaged<MachineTimer>.fromOpaque(context).takeUnretainedValue()
            place.token = nil
            if !isStopped { place.fire() }
        }
        // No room on the wheel: the inbox is the wheel, until there is room or it is time.
        guard place.token == nil else { return }
        postHome { core in
            guard place.timer == timer, place.token == nil else { return }
            if MonotonicInstant.now >= deadline {
                place.fire()
            } else {
                core.start(timer, at: deadline)
            }
        }
    }

    private func stop(_ timer: PoolTimer) {
        let place = timers[timer.index]
        if let token = place.token { home.loop.cancel(token) }
        place.token = nil
        place.timer = nil
    }

    fileprivate func fire(_ timer: PoolTimer) {
        let worker = timer.index < workers.count ? workers[timer.index] : nil
        handle(.timerFired(timer, activity: worker?.activity))
    }
}

/// The place of one of the machine's timers. Touched on the home loop only.
final class MachineTimer: @unchecked Sendable {
    private unowned let core: ClientCore
    var timer: PoolTimer?
    var token: LoopTimer?

    init(core: ClientCore) {
        self.core = core
    }

    func fire() {
        guard let timer else { return }
        self.timer = nil
        core.fire(timer)
    }
}
