// SPDX-License-Identifier: MIT

internal import AtomicSupport

// One function for each event, then the decisions that follow every event.

extension PoolMachine {
    /// The slot of a living connection; nil, and counted, if the event came too late.
    private mutating func slotIndex(of id: ConnectionID) -> Int? {
        precondition(slots.indices.contains(id.slot), "no such slot")
        let slot = slots[id.slot]
        guard slot.epoch == id.epoch, slot.state != .idle, slot.state != .backingOff else {
            counts.lateEvents += 1
            return nil
        }
        return id.slot
    }

    private func id(ofSlot index: Int) -> ConnectionID {
        ConnectionID(slot: index, epoch: slots[index].epoch)
    }

    mutating func handleConnected(_ id: ConnectionID) {
        guard let index = slotIndex(of: id) else { return }
        counts.connects += 1
        slots[index].wasEstablished = true
        // The race with a close that was already asked for is lost: its end is still to come.
        guard slots[index].state == .connecting else { return }
        assert(phase == .open || phase == .closing)
        slots[index].state = phase == .closing ? .draining : .connected
        startTimer(index, at: nextLimitCheck(ConnectionActivity(lastTraffic: now)))
        actions.append(.serve(id))
        if phase == .closing { actions.append(.drain(id)) }
    }

    mutating func handleProgress(_ id: ConnectionID) {
        guard let index = slotIndex(of: id) else { return }
        guard !slots[index].hasProgress else { return }
        slots[index].hasProgress = true
        clearFailures()
    }

    mutating func handleEnd(_ id: ConnectionID, _ error: ConnectionError, hadProgress: Bool) {
        guard let index = slotIndex(of: id) else { return }
        let slot = slots[index]
        if slot.wasEstablished { counts.disconnects += 1 } else { counts.connectFailures += 1 }
        slots[index] = Slot(epoch: slot.epoch)
        cancelTimer(index)
        // A slot that was closing has been judged when that was decided.
        let isSurprise = slot.state != .closing
        if isSurprise { lastError = error }
        if slot.hasProgress || hadProgress {
            clearFailures()
        } else if isSurprise {
            countFailure()
        }
        if backlog > 0, hasSlot(in: .connected) || hasSlot(in: .draining) {
            actions.append(.wakeConnections)
        }
    }

    mutating func handleDrained(_ id: ConnectionID) {
        guard let index = slotIndex(of: id) else { return }
        guard slots[index].state == .draining else {
            counts.lateEvents += 1
            return
        }
        assert(phase == .closing)
        if backlog > 0 {
            // Messages of a dead connection came back in the meantime.
            actions.append(.drain(id))
        } else {
            close(index, .graceful, because: nil)
        }
    }

    mutating func handleTimer(_ timer: PoolTimer, _ activity: ConnectionActivity?) {
        precondition(timers.indices.contains(timer.index), "no such timer")
        let index = timer.index
        guard timers[index].isRunning, timers[index].generation == timer.generation else {
            counts.lateEvents += 1
            return
        }
        timers[index].isRunning = false
        if index == breakerTimerIndex {
            assert(breaker == .open)
            breaker = .halfOpen
        } else if index == drainTimerIndex {
            assert(phase == .closing)
            stop(because: .closed)
        } else {
            handleSlotTimer(index, activity)
        }
    }

    private mutating func handleSlotTimer(_ index: Int, _ activity: ConnectionActivity?) {
        switch slots[index].state {
        case .idle:
            assertionFailure("an idle slot has no timer")
        case .connecting:
            close(index, .abort, because: ConnectionError(.connectTimeout))
        case .connected, .draining:
            checkLimits(index, activity ?? ConnectionActivity(lastTraffic: now))
        case .backingOff:
            slots[index].state = .idle
        case .closing:
            abort(index)
        }
    }

    mutating func handleClose(_ requested: MonotonicInstant?) {
        let deadline =
            requested ?? now.advanced(byNanoseconds: configuration.drainTimeoutNanoseconds)
        switch phase {
        case .stopping, .finished:
            return
        case .closing:
            guard deadline < drainDeadline else { return }
        case .open:
            phase = .closing
            cancelTimer(breakerTimerIndex)
            for index in slots.indices where slots[index].state == .connected {
                slots[index].state = .draining
                actions.append(.drain(id(ofSlot: index)))
            }
        }
        drainDeadline = deadline
        if deadline <= now {
            stop(because: .closed)
        } else {
            startTimer(drainTimerIndex, at: deadline)
        }
    }

    mutating func handleShutdown() {
        switch phase {
        case .open, .closing: stop(because: .cancelled)
        case .stopping, .finished: return
        }
    }
}

// What follows every event.
extension PoolMachine {
    mutating func conclude() {
        if hasTriedEnough { stop(because: .gaveUp) }
        switch phase {
        case .open:
            openConnections()
        case .closing:
            if backlog > 0 { openConnections() } else { dropNeedlessAttempts() }
            // With a backlog, a slot connects or backs off now.
            if isQuiescent { finish(because: .closed) }
        case .stopping(let reason):
            failBacklog(because: reason)
            if isQuiescent { finish(because: reason) }
        case .finished(let reason):
            failBacklog(because: reason)
        }
    }

    /// Behind failures beside living connections, a close with nothing waiting gives nothing up.
    private var hasTriedEnough: Bool {
        goesOnTrying && aliveCount == 0 && failedAttempts > configuration.maxReconnectAttempts
    }

    private var isQuiescent: Bool { slots.allSatisfy { $0.state == .idle } }

    private mutating func failBacklog(because reason: FailureReason) {
        guard backlog > 0 else { return }
        actions.append(.failAllPending(reason))
        backlog = 0
    }

    private mutating func finish(because reason: FailureReason) {
        assert(!isFinished)
        assert(backlog == 0)
        cancelTimer(drainTimerIndex)
        cancelTimer(breakerTimerIndex)
        phase = .finished(reason)
        actions.append(.finished)
    }

    /// The first connection, the reconnecting one, or additional ones, as the backlog demands.
    private mutating func openConnections() {
        guard backlog > 0 else { return }
        guard aliveCount > 0 else { return reopen() }
        // Ends: each round occupies a slot.
        while canGrow, backlog >= growthThreshold {
            guard let index = slots.firstIndex(where: { $0.state == .idle }) else { return }
            connect(index)
        }
    }

    private mutating func reopen() {
        guard !hasSlot(in: .backingOff) else { return }
        // If all are closing, the first to end comes back here.
        guard let index = slots.firstIndex(where: { $0.state == .idle }) else { return }
        guard now < retryNotBefore else { return connect(index) }
        counts.pauses += 1
        slots[index].state = .backingOff
        startTimer(index, at: retryNotBefore)
    }

    private mutating func connect(_ index: Int) {
        assert(slots[index].state == .idle)
        assert(!timers[index].isRunning)
        counts.attempts += 1
        slots[index] = Slot(state: .connecting, epoch: slots[index].epoch &+ 1)
        actions.append(.connect(id(ofSlot: index), attempt: failedAttempts + 1))
        startTimer(
            index, at: now.advanced(byNanoseconds: configuration.connectTimeoutNanoseconds))
    }

    /// While closing, nothing waits: an attempt that has not succeeded serves nobody.
    private mutating func dropNeedlessAttempts() {
        for index in slots.indices {
            switch slots[index].state {
            case .connecting:
                close(index, .abort, because: nil)
            case .backingOff:
                slots[index].state = .idle
                cancelTimer(index)
            case .idle, .connected, .draining, .closing:
                continue
            }
        }
    }

    /// Ends the pool: what waits fails now, connections are cut.
    private mutating func stop(because reason: FailureReason) {
        assert(phase == .open || phase == .closing)
        assert(reason != .gaveUp || aliveCount == 0, "gives up beside a living connection")
        phase = .stopping(reason)
        actions.append(.failAllPending(reason))
        backlog = 0
        cancelTimer(drainTimerIndex)
        cancelTimer(breakerTimerIndex)
        for index in slots.indices {
            switch slots[index].state {
            case .idle:
                continue
            case .backingOff:
                slots[index].state = .idle
                cancelTimer(index)
            case .connecting, .connected, .draining:
                close(index, .abort, because: nil)
            case .closing:
                if !slots[index].isAborted {
                    cancelTimer(index)
                    abort(index)
                }
            }
        }
    }
}

// Closing, time limits, failures, timers.
extension PoolMachine {
    private mutating func close(
        _ index: Int, _ manner: CloseManner, because error: ConnectionError?
    ) {
        assert(Self.isAlive(slots[index].state))
        slots[index].state = .closing
        cancelTimer(index)
        if let error {
            // Judged now and not at its end: the next attempt, in another slot, must pause first.
            lastError = error
            if !slots[index].hasProgress { countFailure() }
        }
        switch manner {
        case .abort:
            abort(index)
        case .graceful:
            actions.append(.closeConnection(id(ofSlot: index), .graceful))
            let limit = configuration.closeTimeoutNanoseconds
            startTimer(index, at: now.advanced(byNanoseconds: limit))
        }
    }

    private mutating func abort(_ index: Int) {
        assert(slots[index].state == .closing)
        assert(!slots[index].isAborted)
        slots[index].isAborted = true
        actions.append(.closeConnection(id(ofSlot: index), .abort))
    }

    private mutating func checkLimits(_ index: Int, _ activity: ConnectionActivity) {
        let writingFor = activity.isWritingSince.map { now.nanoseconds(since: $0) } ?? 0
        let awaitingFor = activity.isAwaitingSince.map { now.nanoseconds(since: $0) } ?? 0
        if writingFor >= configuration.writeTimeoutNanoseconds {
            close(index, .abort, because: ConnectionError(.writeTimeout))
        } else if awaitingFor >= configuration.answerTimeoutNanoseconds {
            close(index, .abort, because: ConnectionError(.answerTimeout))
        } else if isIdleTooLong(activity) {
            counts.idleCloses += 1
            close(index, .graceful, because: nil)
        } else {
            startTimer(index, at: nextLimitCheck(activity))
        }
    }

    private func isIdleTooLong(_ activity: ConnectionActivity) -> Bool {
        guard let limit = configuration.idleTimeoutNanoseconds else { return false }
        guard backlog == 0 else { return false }
        guard activity.isWritingSince == nil, activity.isAwaitingSince == nil else { return false }
        return now.nanoseconds(since: activity.lastTraffic) >= limit
    }

    /// The earliest instant at which a limit can be reached, if nothing moves until then. So one
    /// timer is enough for three limits, and traffic never touches it.
    private func nextLimitCheck(_ activity: ConnectionActivity) -> MonotonicInstant {
        let writing = (activity.isWritingSince ?? now)
            .advanced(byNanoseconds: configuration.writeTimeoutNanoseconds)
        let awaiting = (activity.isAwaitingSince ?? now)
            .advanced(byNanoseconds: configuration.answerTimeoutNanoseconds)
        var check = min(writing, awaiting)
        if let limit = configuration.idleTimeoutNanoseconds {
            // A limit that has passed was not idleness: something waits. Look again one limit on.
            let idle = activity.lastTraffic.advanced(byNanoseconds: limit)
            check = min(check, idle > now ? idle : now.advanced(byNanoseconds: limit))
        }
        assert(check > now)
        return check
    }

    private mutating func countFailure() {
        failedAttempts += 1
        retryNotBefore = now.advanced(byNanoseconds: pauses.draw(afterFailures: failedAttempts))
        guard failedAttempts >= configuration.breakerThreshold else { return }
        counts.breakerOpenings += 1
        breaker = .open
        // Without a living connection the back-off decides, and progress closes the breaker.
        if phase == .open, aliveCount > 0 {
            let limit = configuration.breakerResetNanoseconds
            startTimer(breakerTimerIndex, at: now.advanced(byNanoseconds: limit))
        } else {
            cancelTimer(breakerTimerIndex)
        }
    }

    private mutating func clearFailures() {
        failedAttempts = 0
        retryNotBefore = MonotonicInstant(nanoseconds: 0)
        breaker = .closed
        cancelTimer(breakerTimerIndex)
    }

    private mutating func startTimer(_ index: Int, at instant: MonotonicInstant) {
        timers[index].generation &+= 1
        timers[index].isRunning = true
        let timer = PoolTimer(index: index, generation: timers[index].generation)
        actions.append(.startTimer(timer, at: instant))
    }

    private mutating func cancelTimer(_ index: Int) {
        guard timers[index].isRunning else { return }
        timers[index].isRunning = false
        let timer = PoolTimer(index: index, generation: timers[index].generation)
        actions.append(.cancelTimer(timer))
    }
}
