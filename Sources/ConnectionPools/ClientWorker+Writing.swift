// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import DrainAllocators
internal import EventLoops
internal import Networking
internal import WaitPrimitives

// What goes to the peer. One buffer is filled with whole messages and written; one write carries as
// many as there are.
extension ClientWorker {
    /// How long an unacknowledged window is left alone at first, and at most.
    private static var acknowledgementPauseMin: UInt64 { 500_000 }
    private static var acknowledgementPauseMax: UInt64 { 20_000_000 }
    /// How often a message that is announced is looked for before others of the loop have a turn.
    private static var fruitlessTurnsMax: Int { 8 }

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
            end(ConnectionError(during: error))
        }
        noteWriting(false)
        unsafe core.store.buffers.deallocate(base)  // SAFETY: allocated above, used by nobody.
    }

    private func write(through buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) {
        var pause = Self.acknowledgementPauseMin
        while endReason == nil {  // Ends with the connection.
            checkAcknowledged()
            let filled = unsafe fill(buffer)  // SAFETY: no write is under way.
            if filled.byteCount > 0 {
                fruitlessTurns = 0
                pause = Self.acknowledgementPauseMin
                // SAFETY: the buffer is not touched until the write is over.
                try await unsafe send(
                    UnsafeRawBufferPointer(rebasing: buffer[..<filled.byteCount]))
            }
            if let long = filled.longMessage {
                try await sendLong(long)
            }
            if filled.byteCount == 0 && filled.longMessage == nil { try await rest(&pause) }
        }
    }

    // MARK: Filling

    /// Takes messages into the buffer, as many as the window and the buffer have room for. One that
    /// is longer than the buffer is written from where it lies.
    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer
    ) -> (byteCount: Int, longMessage: UInt64?) {
        var used = 0
        guard takesMessages else { return (0, nil) }
        let capacity = buffer.count
        while window.available > 0, let message = carriedMessage ?? core.takeMessage() {
            carriedMessage = nil
            let bytes = unsafe core.store.bytes(message)  // SAFETY: the message was just taken.
            if bytes.count > capacity - used {
                guard used == 0 else {
                    carriedMessage = message
                    break
                }
                append(message, byteCount: bytes.count)
                didTake()
                return (0, message)
            }
            if let source = bytes.baseAddress, let target = buffer.baseAddress {
                // SAFETY: there is room, as just checked.
                unsafe (target + used).copyMemory(from: source, byteCount: bytes.count)
            }
            used += bytes.count
            append(message, byteCount: bytes.count)
        }
        if used > 0 { didTake() }
        return (used, nil)
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

    /// Messages left the queue: senders that wait for room may go on.
    private func didTake() {
        core.spaceEvents.notifyAll()
    }

    // MARK: Sending

    /// Writes a message from where it lies. A peer may answer it before it has all of it; its
    /// memory stays until the kernel is done with it all the same.
    private func sendLong(_ message: UInt64) async throws(SystemError) {
        longMessage = message
        defer {
            longMessage = nil
            if isLongMessageAnswered {
                isLongMessageAnswered = false
                settle(message)
                flushSettled()
            }
        }
        let bytes = unsafe core.store.bytes(message)  // SAFETY: kept as described.
        try await unsafe send(bytes)  // SAFETY: as above.
    }

    private func send(_ bytes: UnsafeRawBufferPointer) async throws(SystemError) {
        guard let connection else { return }
        var sent = 0
        let total = bytes.count
        window.bytesSubmitted(total)
        noteWriting(true)
        // Ends: every turn sends at least one byte or throws. A connection that was closed in the
        // meantime has given its descriptor back.
        while sent < total, endReason == nil {
            // SAFETY: the caller keeps the bytes until this returns.
            let count = try await unsafe connection.writeSome(
                UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            sent += count
            didWrite(count)
        }
        noteWriting(false)
    }

    private func didWrite(_ byteCount: Int) {
        noteTraffic()
        noteWriting(true)
        // Nobody can answer a message that is still being written.
        if !window.isOldestWritten { noteAwaiting() }
        ClientCounters.add(byteCount, to: core.counters.bytesWritten)
        window.bytesWritten(byteCount) { message in settle(message) }
        flushSettled()
    }

    // MARK: Resting

    /// Nothing to write: wait for work, for room in the window, for acknowledgements, or for a
    /// command.
    private func rest(_ pause: inout UInt64) async throws(SystemError) {
        if isFinishing { return try await finishWriting() }
        if isDraining && window.isEmpty && core.backlog == 0 && carriedMessage == nil {
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
            // Whatever happened meanwhile has signalled nobody.
            if endReason != nil { return }
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
        let ticket = WorkTicket(self, key: key.takeRawValue())
        ticket.enqueue()
        if ticket.isQueued { _ = await parking.waitForSignal(until: deadline) }
        ticket.withdraw()
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
