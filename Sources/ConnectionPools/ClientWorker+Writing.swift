// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import DrainAllocators
internal import EventLoops
internal import Networking
internal import WaitPrimitives

// What goes to the peer. One write carries as many messages as there are: short ones are copied
// together, long ones written from where they lie.
extension ClientWorker {
    /// How long an unacknowledged window is left alone at first, and at most.
    private static var acknowledgementPauseMin: UInt64 { 500_000 }
    private static var acknowledgementPauseMax: UInt64 { 20_000_000 }
    /// How often a message that is announced is looked for before others of the loop have a turn.
    private static var fruitlessTurnsMax: Int { 8 }
    /// A longer message is not copied: a piece of its own costs the kernel less.
    private static var copiedByteCountMax: Int { 512 }

    func write() async {
        // SAFETY: given back below, when the last write is over.
        let memory = unsafe core.store.buffers.allocate(
            byteCount: core.configuration.bufferByteCount)
        guard let buffer = unsafe memory, let base = buffer.baseAddress else {
            return end(ConnectionError(.noResources))
        }
        do throws(SystemError) {
            try await unsafe write(through: buffer)  // SAFETY: as above.
        } catch {
            stopWriting(reason(of: error))
        }
        noteWriting(false)
        unsafe core.store.buffers.deallocate(base)  // SAFETY: allocated above, used by nobody.
    }

    private func write(through buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) {
        var pause = Self.acknowledgementPauseMin
        while endReason == nil {  // Ends with the connection.
            checkAcknowledged()
            unsafe fill(buffer)  // SAFETY: no write is under way.
            if pieces.byteCount > 0 {
                fruitlessTurns = 0
                pause = Self.acknowledgementPauseMin
                try await send()
            } else {
                try await rest(&pause)
            }
        }
    }

    /// Nothing can be written any more. A peer that has reset the connection may have answered
    /// before: the answers lie here, and each that is not read is a message sent again.
    private func stopWriting(_ reason: ConnectionError) {
        let owesAnswers = core.configuration.delivery == .confirmed && !window.isEmpty
        guard reason.reason == .reset, owesAnswers, endReason == nil else { return end(reason) }
        writeFailure = reason
    }

    // MARK: Filling

    /// Takes messages, as many as the window and one write have room for; the last may be longer
    /// than that.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        assert(pieces.byteCount == 0)
        guard takesMessages else { return }
        var used = 0
        var takenByteCount = 0
        let byteCountMax = buffer.count
        while window.available > 0, pieces.byteCount < byteCountMax, !pieces.isFull,
            let message = core.takeMessage(&takenByteCount)
        {
            let bytes = unsafe core.store.bytes(message)  // SAFETY: the message was just taken.
            append(message, byteCount: bytes.count)
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[used...])
            if bytes.count <= min(Self.copiedByteCountMax, room.count) {
                unsafe room.copyMemory(from: bytes)  // SAFETY: there is room, as just checked.
                // SAFETY: the buffer is not touched until the write is over.
                unsafe pieces.append(UnsafeRawBufferPointer(rebasing: room[..<bytes.count]))
                used += bytes.count
            } else {
                unsafe pieces.append(bytes)  // SAFETY: kept until the write is over (`settle`).
            }
        }
        if pieces.byteCount > 0 { core.didTake(takenByteCount) }
    }

    private func append(_ message: UInt64, byteCount: Int) {
        let wasEmpty = window.isEmpty
        if core.store.wasWritten(message) { ClientCounters.add(1, to: core.counters.resent) }
        if core.configuration.delivery == .confirmed {
            // SAFETY: the message is ours; the window asks about messages that it holds.
            let hash = unsafe core.store.slot(message).pointee.keyHash
            let key = unsafe core.store.key(message)  // SAFETY: as above.
            answers.wordByteCountMax = max(answers.wordByteCountMax, key.count)
            _ = window.append(messageID: message, byteCount: byteCount, hash: hash) { other in
                unsafe core.store.key(other).elementsEqual(core.store.key(message))
            }
        } else {
            _ = window.append(messageID: message, byteCount: byteCount)
        }
        if wasEmpty { noteAwaiting() }
    }

    // MARK: Sending

    /// Writes the pieces. A peer may answer a message before it has all of it; its memory stays
    /// until the kernel is done with it all the same.
    private func send() async throws(SystemError) {
        guard let connection else { return }
        window.bytesSubmitted(pieces.byteCount)
        noteWriting(true)
        defer { settleEarly(upTo: .max) }
        // Ends: every turn sends at least one byte or throws. A connection that was closed in the
        // meantime has given its descriptor back.
        while pieces.byteCount > 0, endReason == nil {
            // SAFETY: buffer and messages stay until this returns.
            didWrite(try await unsafe connection.writeSome(pieces))
            // What a long write has brought to the peer by now settles before it is over.
            if pieces.byteCount > 0, endReason == nil { checkAcknowledged() }
        }
        noteWriting(false)
    }

    /// Settles what was answered before it was written, as far as that is written now.
    func settleEarly(upTo offset: UInt64) {
        guard !answeredEarly.isEmpty else { return }
        answeredEarly.removeAll { early in
            guard early.endOffset <= offset else { return false }
            settle(early.message)
            return true
        }
        flushSettled()
    }

    private func didWrite(_ byteCount: Int) {
        noteTraffic()
        noteWriting(true)
        // Nobody can answer a message that is still being written.
        if !window.isOldestWritten { noteAwaiting() }
        ClientCounters.add(byteCount, to: core.counters.bytesWritten)
        window.bytesWritten(byteCount) { message in settle(message) }
        settleEarly(upTo: window.writtenOffset)
        flushSettled()
    }

    // MARK: Resting

    /// Nothing to write: wait for work, for room in the window, for acknowledgements, or for a
    /// command.
    private func rest(_ pause: inout UInt64) async throws(SystemError) {
        if isFinishing { return try await finishWriting() }
        if isDraining && window.isEmpty && core.backlog == 0 {
            isDraining = false
            core.report(.drained(id))
        }
        if needsAcknowledgement {
            let deadline = MonotonicInstant.now.advanced(byNanoseconds: pause)
            pause = min(pause * 2, Self.acknowledgementPauseMax)
            return await park(until: deadline)
        }
        await park(until: .never)
    }

    private func finishWriting() async throws(SystemError) {
        if !isShutDown, let connection {
            isShutDown = true
            try await connection.finishWriting()
            if endReason != nil { return }  // Ended meanwhile.
        }
        _ = await parking.waitForSignal()
    }

    /// Sleeps until there may be work. A connection whose window is full waits for its own answers
    /// only.
    private func park(until deadline: MonotonicInstant) async {
        guard isServing, window.available > 0 else {
            _ = await parking.waitForSignal(until: deadline)
            return
        }
        let key = core.workEvents.prepareWait()
        if core.backlog > 0 {
            core.workEvents.cancelWait(key)
            fruitlessTurns += 1
            // A sender stopped in the middle of its push must not stop this loop.
            if fruitlessTurns > Self.fruitlessTurnsMax {
                _ = await parking.waitForSignal(until: .now)
            }
            return
        }
        // A wake that came too late for its wait may still be on its way to this loop.
        if !ticket.isFree { ticket = WorkTicket(core, executor, waking: parking) }
        ticket.enqueue(key: key.takeRawValue())
        if ticket.isQueued { _ = await parking.waitForSignal(until: deadline) }
        ticket.withdraw(takesWork: takesMessages)
    }

    // MARK: Acknowledgements

    private var needsAcknowledgement: Bool {
        core.configuration.delivery == .acknowledged && !window.isEmpty
    }

    /// Asks the kernel what the peer's has acknowledged: settles messages, and shows that the peer
    /// lives.
    func checkAcknowledged() {
        let mayShowProgress = core.configuration.delivery == .written && !hasProgress
        guard needsAcknowledgement || mayShowProgress, let total = askAcknowledged() else { return }
        acknowledgedTotal = total
        settleAcknowledged()
    }

    private func askAcknowledged() -> UInt64? {
        // What is written to a Unix socket lies with the peer.
        if case .unix = core.endpoint { return .max }
        return try? connection?.acknowledgedByteCount()
    }

    /// Settles what is known to be acknowledged, as far as the kernel has told that it took it.
    func settleAcknowledged() {
        let reached = min(acknowledgedTotal, window.writtenOffset)
        guard reached > window.acknowledgedOffset else { return }
        let count = window.bytesAcknowledged(upTo: reached) { message in settle(message) }
        // In the other modes progress is a message settled; here the peer's kernel is all there is.
        if count > 0 || core.configuration.delivery == .written { noteProgress() }
        flushSettled()
    }
}
