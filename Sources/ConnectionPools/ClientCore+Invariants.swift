// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import EventLoops
internal import Networking

// What must hold between two jobs of the loop: for those who run a client in a simulated world.

extension PooledClient {
    /// The first invariant that does not hold, in words. Called on the home loop, between its jobs,
    /// for a client all of whose senders and connections live on that loop. O(connections).
    package var brokenInvariant: String? { core.brokenInvariant }

    /// Whether messages wait although a connection could take one: for a moment that is so whenever
    /// one is sent.
    package var isIdleBesideWork: Bool { core.isIdleBesideWork }

    /// The connections that are being opened: for each slot that has one, which life of it.
    package var openingLives: [Int: UInt32] {
        var lives: [Int: UInt32] = [:]
        for (index, slot) in core.machine.slots.enumerated() where slot.state == .connecting {
            lives[index] = slot.epoch
        }
        return lives
    }

    /// Whether something is in flight on a connection that is closed politely: never so in the step
    /// of the decision.
    package var isClosingBesideWork: Bool {
        guard core.machine.phase == .open else { return false }
        return core.machine.slots.indices.contains { index in
            let slot = core.machine.slots[index]
            guard slot.state == .closing, !slot.isAborted else { return false }
            return core.workers[index]?.isWorking ?? false
        }
    }

    /// Whether a connection that can write nothing any more is still read.
    package var isReadingBehindFailure: Bool {
        core.workers.contains { $0.map { $0.writeFailure != nil && $0.endReason == nil } ?? false }
    }

    /// Calls `body` with each open connection's descriptor, and how many bytes it takes for
    /// acknowledged.
    package func forEachAcknowledged(_ body: (_ descriptor: Int32, _ byteCount: UInt64) -> Void) {
        for case let worker? in core.workers {
            guard worker.endReason == nil, let connection = worker.connection else { continue }
            body(connection.descriptor, worker.window.acknowledgedOffset)
        }
    }
}

extension ClientCore {
    fileprivate var brokenInvariant: String? {
        machine.brokenInvariant ?? brokenOwnership ?? brokenByteCount ?? brokenPlaces
            ?? brokenTimers
    }

    /// An empty queue holds no bytes.
    private var brokenByteCount: String? {
        let bytes = queuedByteCount.load(ordering: .relaxed)
        let isRight = queue.count == 0 ? bytes == 0 : bytes >= 0
        return isRight ? nil : "\(queue.count) messages are queued, with \(bytes) bytes"
    }

    /// Every message has one owner (I1 of `ClientCore`).
    private var brokenOwnership: String? {
        var held = 0
        for case let worker? in workers { held += worker.heldCount }
        let settled =
            counters.delivered.load(ordering: .relaxed)
            &+ counters.failed.load(ordering: .relaxed)
        let taken = queue.pushedCount
        let known = UInt64(queue.count + retry.count + held) &+ settled
        if taken == known { return nil }
        return "\(taken) messages were taken; \(queue.count) are queued, \(retry.count) came back,"
            + " \(held) are held by connections, \(settled) have settled"
    }

    /// A slot that is in use has a worker of the same life, and no other slot has one.
    private var brokenPlaces: String? {
        guard !workers.isEmpty else { return nil }  // Finished.
        for (index, slot) in machine.slots.enumerated() {
            let isUsed = slot.state != .idle && slot.state != .backingOff
            let life = workers[index]?.id.epoch
            if isUsed ? life != slot.epoch : life != nil {
                return "slot \(index) is \(slot.state) in its life \(slot.epoch), and there is"
                    + (life.map { " a connection of life \($0)" } ?? " no connection")
            }
        }
        return nil
    }

    /// What the machine takes for a running timer is one of the loop, and no other is.
    private var brokenTimers: String? {
        for (index, timer) in machine.timers.enumerated() {
            if timer.isRunning != (timers[index].token != nil) {
                return "timer \(index) is \(timer.isRunning ? "not set" : "set and not wanted")"
            }
        }
        return nil
    }

    fileprivate var isIdleBesideWork: Bool {
        backlog > 0 && workers.contains { $0?.isIdle ?? false }
    }
}

extension ClientWorker {
    /// How many messages it is to settle or to give back.
    fileprivate var heldCount: Int { window.count + answeredEarly.count + settled.count }

    /// Whether messages are in flight on it.
    fileprivate var isWorking: Bool { endReason == nil && heldCount > 0 }

    /// Whether it would take a message and does nothing.
    fileprivate var isIdle: Bool {
        takesMessages && connection != nil && window.available > 0 && pieces.byteCount == 0
    }
}
