// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import HTTP1Codec

// Answers: from a status to the send stream.
extension HTTPConnection {
    // MARK: Answers

    /// An answer that only says its status, in words.
    func fail(_ status: Int, _ lines: String = "") {
        let text = Array("\(status) \(ReasonPhrase.of(status))\n".utf8)
        // SAFETY: copied while lent.
        unsafe text.span.bytes.withUnsafeBytes { body in
            // SAFETY: as above.
            unsafe answer(status, "text/plain; charset=utf-8", Array(lines.utf8), body)
        }
    }

    /// A whole answer.
    func answer(
        _ status: Int, _ type: StaticString?, _ lines: FieldLines, _ body: UnsafeRawBufferPointer
    ) {
        if lines.fault != nil { return fail(500) }
        unsafe answer(status, type, lines.bytes, body)  // SAFETY: passed on.
    }

    func answer(
        _ status: Int, _ type: StaticString?, _ lines: [UInt8], _ body: UnsafeRawBufferPointer
    ) {
        let isSmall = body.count <= Self.joinedByteCountMax
        // SAFETY: copied while lent.
        let joined = unsafe isSmall ? body : UnsafeRawBufferPointer(start: nil, count: 0)
        // SAFETY: as above.
        let hasBody = unsafe startAnswer(
            status, type, lines, .bytes(UInt64(body.count)), joined: joined)
        if hasBody, !isSmall { unsafe emit(body) }  // SAFETY: as above.
        endAnswer()
    }

    /// Up to how many bytes a body is copied once more, to leave with its head in one piece.
    private static var joinedByteCountMax: Int { 1024 }

    /// Writes a head; whether bytes of a body may follow (RFC 9110, section 6.4.1).
    func startAnswer(
        _ status: Int, _ type: StaticString?, _ lines: [UInt8], _ length: AnswerLength
    ) -> Bool {
        // SAFETY: no bytes.
        let nothing = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        return unsafe startAnswer(status, type, lines, length, joined: nothing)  // SAFETY: above.
    }

    /// The same; the small body goes with it, if it may.
    private func startAnswer(
        _ status: Int, _ type: StaticString?, _ lines: [UInt8], _ length: AnswerLength,
        joined: UnsafeRawBufferPointer
    ) -> Bool {
        worker.date.refresh(at: worker.now)
        isAnswerBegun = true
        isOpenEnded = length == .untilClose
        if worker.isStopping { state.stopReading() }
        let mustClose =
            state.mustSayClose(worker.configuration.limits) || length == .untilClose
        if mustClose { saidClose = true }
        if let count = compose(status, type, lines, length) {
            noteAnswer(status, length)
            let hasBody = AnswerLength.mayHaveBody(status) && !isHead
            unsafe emitHead(count, hasBody ? joined : nil)  // SAFETY: just written, and lent.
            return hasBody
        }
        // Longer than any head that a client takes. Without its lines it is not.
        guard let count = compose(500, nil, [], .bytes(0)) else {
            preconditionFailure("an empty head has room")
        }
        noteAnswer(500, .bytes(0))
        // SAFETY: as above.
        unsafe emit(UnsafeRawBufferPointer(rebasing: worker.scratch[..<count]))
        return false
    }

    /// Sends the head that was composed, and a small body behind it.
    private func emitHead(_ count: Int, _ body: UnsafeRawBufferPointer?) {
        var end = count
        // Composing leaves room for it.
        if let body = unsafe body, body.count > 0 {  // SAFETY: compares with nil.
            // SAFETY: the worker's, for this call.
            let place = unsafe UnsafeMutableRawBufferPointer(rebasing: worker.scratch[count...])
            unsafe place.copyMemory(from: body)  // SAFETY: the worker's, for this call.
            end += body.count
        }
        unsafe emit(UnsafeRawBufferPointer(rebasing: worker.scratch[..<end]))  // SAFETY: as above.
    }

    func noteAnswer(_ status: Int, _ length: AnswerLength) {
        worker.counters.didAnswer(status)
        guard worker.configuration.onAccess != nil else { return }
        access?.status = status
        guard AnswerLength.mayHaveBody(status) else { return }
        if case .bytes(let count) = length { access?.byteCount = count }
    }

    /// Composes a head in the worker's memory: how many bytes; nil if they are too many.
    func compose(
        _ status: Int, _ type: StaticString?, _ lines: [UInt8], _ length: AnswerLength
    ) -> Int? {
        let mayHaveBody = AnswerLength.mayHaveBody(status)
        // SAFETY: the worker's, for this call.
        let room = unsafe worker.scratch.count - Self.joinedByteCountMax
        // SAFETY: as above.
        let memory = unsafe UnsafeMutableRawBufferPointer(rebasing: worker.scratch[..<room])
        var writer = unsafe HeadWriter(memory)  // SAFETY: as above.
        worker.beginHead(status, mayHaveBody ? type : nil, &writer)
        switch length {
        case .bytes(let count): if mayHaveBody { writer.field(.contentLength, count) }
        case .chunked: if mayHaveBody { writer.lines("Transfer-Encoding: chunked\r\n") }
        case .untilClose: break
        }
        // RFC 9110, section 15.3.6: it has no content, and says so.
        if status == 205 { writer.field(.contentLength, 0) }
        if saidClose {
            writer.lines("Connection: close\r\n")
        } else if isOldVersion {
            writer.lines("Connection: keep-alive\r\n")
        }
        // SAFETY: copied while lent.
        unsafe lines.span.bytes.withUnsafeBytes { unsafe writer.lines($0) }
        return try? writer.end()
    }

    /// Leaves HTTP: the connection ends with what follows. False if the lines are too long.
    func startUpgrade(_ lines: [UInt8]) -> Bool {
        worker.date.refresh(at: worker.now)
        var writer = unsafe HeadWriter(worker.scratch)  // SAFETY: the worker's, for this call.
        writer.status(101)
        worker.appendCommonLines(to: &writer)
        writer.lines("Connection: upgrade\r\n")
        // SAFETY: copied while lent.
        unsafe lines.withUnsafeBytes { unsafe writer.lines($0) }
        guard let count = try? writer.end() else { return false }
        state.stopReading()
        saidClose = true
        isAnswerBegun = true
        isOpenEnded = true
        access?.status = 101
        // SAFETY: just written.
        unsafe emit(UnsafeRawBufferPointer(rebasing: worker.scratch[..<count]))
        return true
    }

    /// Copies bytes to where they leave from.
    func emit(_ bytes: UnsafeRawBufferPointer) {
        var taken = 0
        if overflow.isEmpty { taken = unsafe output.append(bytes.bytes) }  // SAFETY: copied.
        if taken < bytes.count {
            // SAFETY: as above.
            unsafe overflow.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        }
    }

    /// The answer is complete.
    func endAnswer() {
        if access != nil { tellAccess() }
        switch state.endResponse(worker.configuration.limits, saidClose: saidClose) {
        case .next: phase = .reading
        case .discardBody:
            phase = .discarding
            wait(until: worker.now.advanced(byNanoseconds: worker.bodyNanoseconds))
        case .close: phase = .ending
        }
    }

    func tellAccess() {
        guard var access, let tell = worker.configuration.onAccess else { return }
        self.access = nil
        worker.date.refresh(at: worker.now)
        access.secondsSince1970 = worker.date.secondsSince1970
        access.durationNanoseconds =
            MonotonicInstant.now.nanoseconds &- access.begin.nanoseconds
        tell(access)
    }

    /// Moves what waits to the send stream; false if some of it must wait on.
    func flushOverflow() -> Bool {
        if moveOverflow() { return true }
        watchSending()
        listenForRoom(isEmpty: false)
        return false
    }

    /// The same, without waiting.
    func moveOverflow() -> Bool {
        guard !overflow.isEmpty else { return true }
        if output.failure == nil {
            let waiting = overflow
            let rest = waiting.span.extracting(droppingFirst: overflowStart)
            overflowStart += unsafe output.append(rest.bytes)  // SAFETY: bytes, copied at once.
            if overflowStart < overflow.count { return false }
        }
        overflow = []
        overflowStart = 0
        if phase == .reading { sendWatch = nil }
        return true
    }

    /// Waits for the client to take what was sent. The limit that is set already stays, so that
    /// single bytes do not prolong it.
    func watchSending() {
        guard sendWatch == nil else { return }
        let box = WatchBox(SendWatch(worker.answerAllowance), since: worker.now)
        sendWatch = box
        wait(until: box.limit(worker.writeNanoseconds))
    }

    /// The limit of a wait for the client is reached: goes on if it has taken something, and not
    /// too slowly; else false.
    func watchOn() -> Bool {
        guard let box = sendWatch else { return false }
        box.watch.spend(worker.now.nanoseconds &- box.since.nanoseconds)
        box.since = worker.now
        guard box.watch.look(deliveredByteCount(files: 0)), !box.watch.allowance.isSpent else {
            return false
        }
        wait(until: box.limit(worker.writeNanoseconds))
        return true
    }

    /// How many bytes the client's system has; where that cannot be known, how many the kernel has
    /// taken, with those of files. One system call.
    func deliveredByteCount(files: UInt64) -> UInt64 {
        var info = millrace_tcp_info()
        // SAFETY: filled in the call.
        guard unsafe millrace_socket_tcp_info(descriptor, &info) >= 0 else {
            return output.sentByteCount &+ files
        }
        return info.bytes_acked
    }

    /// Whether the client's system has everything that the kernel was given; true where that cannot
    /// be known.
    var isDelivered: Bool {
        var info = millrace_tcp_info()
        // SAFETY: filled in the call.
        guard unsafe millrace_socket_tcp_info(descriptor, &info) >= 0 else { return true }
        return info.unacked_segments == 0 && info.not_sent_bytes == 0
    }
}
