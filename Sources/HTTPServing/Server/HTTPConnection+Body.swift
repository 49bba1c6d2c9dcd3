// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec

// The body of a request: read by a task, or dropped.
extension HTTPConnection {
    // MARK: Reading

    /// A request's body is wanted: sends "100 Continue" if the client waits for it.
    func prepareBody() {
        if isAnswerBegun { return }
        if input.isReady {
            state.receiveBodyUnasked()
        } else if state.wantBody() {
            let line: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
            // SAFETY: a literal lives for ever.
            unsafe emit(
                UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount))
        }
    }

    /// Reads received bytes of the body; false at the end of the stream. `use` gets what is there.
    func readBody(_ use: (UnsafeRawBufferPointer) -> Void) throws(HTTP1Error) -> Bool {
        // SAFETY: passed on.
        guard let (step, _) = unsafe try decodeBody(use) else { return false }
        if step.payload.count > 0 { state.receiveBody(step.payload.count) }
        if step.isComplete { _ = state.endBody() }
        return true
    }

    /// A step, and how many bytes it took; nil at the end of the stream.
    private func decodeBody(
        _ use: (UnsafeRawBufferPointer) -> Void
    ) throws(HTTP1Error) -> (BodyStep, Int)? {
        var found = BodyStep()
        let used = try input.consume { (bytes: RawSpan) throws(HTTP1Error) -> Int in
            // SAFETY: lent for the call.
            try unsafe bytes.withUnsafeBytes { (lent) throws(HTTP1Error) -> Int in
                unsafe try self.decode(lent, &found, use)  // SAFETY: as above.
            }
        }
        return used.map { (found, $0) }
    }

    /// What a step leaves, trailers that are not complete, is held until more has come. Answers how
    /// many of the bytes are done with.
    func decode(
        _ lent: UnsafeRawBufferPointer, _ step: inout BodyStep,
        _ use: (UnsafeRawBufferPointer) -> Void
    ) throws(HTTP1Error) -> Int {
        let known = heldBody.count
        if known == 0 {
            step = try unsafe decode(lent)  // SAFETY: lent by the caller, here and below.
            if step.payload.count > 0 || step.isComplete {
                unsafe use(lent[step.payload])
                return step.consumedByteCount
            }
            // SAFETY: lent by the caller.
            let rest = unsafe UnsafeRawBufferPointer(rebasing: lent[step.consumedByteCount...])
            unsafe heldBody.append(contentsOf: rest)  // SAFETY: copied while lent.
            return lent.count
        }
        unsafe heldBody.append(contentsOf: lent)  // SAFETY: as above.
        let all = heldBody
        step = try unsafe all.span.bytes.withUnsafeBytes { (all) throws(HTTP1Error) in
            unsafe try decode(all)  // SAFETY: as above.
        }
        if step.payload.count > 0 || step.isComplete {
            assert(step.consumedByteCount > known, "what was held alone was not enough")
            // SAFETY: as above.
            unsafe all.span.bytes.withUnsafeBytes { unsafe use($0[step.payload]) }
            heldBody = []
            return step.consumedByteCount - known
        }
        heldBody.removeFirst(step.consumedByteCount)
        return lent.count
    }

    func decode(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Error) -> BodyStep {
        // SAFETY: lent by the caller; the table has no places and is never changed.
        unsafe try body.decode(
            bytes, limits: worker.configuration.limits,
            trailers: &worker.noFields.pointer.pointee)
    }

    /// Whether the whole body was read.
    var isBodyComplete: Bool { body.isComplete }

    /// The body has no sound end, or will not be waited for: the connection has no future.
    func breakOff() { state.breakOff() }

    // MARK: Dropping

    /// Drops the rest of a body; false at the end of the stream.
    func discard() -> Bool {
        do throws(HTTP1Error) {
            // SAFETY: nothing is done with the bytes.
            guard let (step, used) = unsafe try decodeBody({ _ in }) else { return false }
            if !state.discard(used, worker.configuration.limits) {
                phase = .ending
            } else if step.isComplete {
                phase = state.endBody() == .next ? .reading : .ending
            }
        } catch {
            state.breakOff()
            phase = .ending
        }
        return true
    }

    func dropInput() -> Bool {
        let used = input.consume { bytes in bytes.byteCount }
        lingeredByteCount += used ?? 0
        return used != nil && lingeredByteCount <= Self.lingeredByteCountMax
    }

    /// A client that sends without looking gets its answer only if it can send to the end.
    private static var lingeredByteCountMax: Int { 1 << 26 }
}
