// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

/// A loop on a thread of its own, and closures that run on it.
final class LoopRig: Sendable {
    let loop: EventLoop
    private let run: ConformanceRun
    private let ended = Board(false)
    private let isStopped = Board(false)

    init(_ run: ConformanceRun, options: LoopOptions = LoopOptions()) throws {
        self.run = run
        loop = EventLoop(try run.open(options), options: options)
        var handle: UInt64 = 0
        // SAFETY: the thread takes the reference over.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: as above; a literal.
        let status = unsafe millrace_thread_start_detached(
            &handle,
            { context in
                // SAFETY: only compares with nil.
                guard let context = unsafe context else { return }
                // SAFETY: the reference given to this thread.
                let rig = unsafe Unmanaged<LoopRig>.fromOpaque(context).takeRetainedValue()
                do { try rig.loop.run() } catch { rig.run.fail("the loop did not run: \(error)") }
                rig.ended.update { $0 = true }
            }, context, "checked-loop")
        if status < 0 {
            // SAFETY: no thread has it.
            unsafe Unmanaged<LoopRig>.fromOpaque(context).release()
        }
        _ = try Wires.check(status, "thread")
        run.keep(self)
    }

    /// Whether the loop's thread has left it.
    var isOver: Bool { ended.read { $0 } }

    /// Stops the loop and waits until its thread has left it.
    func stop(file: StaticString = #fileID, line: UInt = #line) {
        stop(at: SourcePlace(file, line))
    }

    func stop(at place: SourcePlace) {
        guard
            !isStopped.update({ wasStopped in
                defer { wasStopped = true }
                return wasStopped
            })
        else { return }
        loop.stop()
        if run.wait(ended, for: { $0 ? true : nil }) == nil {
            run.fail("the loop did not end", at: place)
        }
    }

    /// Posts a closure; false if the loop is over.
    @discardableResult
    func post(_ body: @escaping @Sendable () -> Void) -> Bool { loop.post(closure: body) }

    /// Runs a closure on the loop's thread and waits for its value.
    func call<Value: Sendable>(
        file: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping @Sendable (EventLoop) -> Value
    ) throws -> Value {
        let answer = Board<Value?>(nil)
        let loop = loop
        let isPosted = post { answer.update { $0 = body(loop) } }
        try run.require(isPosted, "the loop is over", file: file, line: line)
        guard let value = run.wait(answer, for: { $0 }) else {
            throw run.giveUp("timed out: a job on the loop", at: SourcePlace(file, line))
        }
        return value
    }
}

private final class Closure<Argument> {
    let body: (Argument) -> Void
    init(_ body: @escaping (Argument) -> Void) { self.body = body }
}

extension EventLoop {
    /// Posts a closure; false if the loop is over.
    @discardableResult
    func post(closure body: @escaping @Sendable () -> Void) -> Bool {
        // SAFETY: the job takes the reference over.
        let context = unsafe Unmanaged.passRetained(Closure<Void>(body)).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe Unmanaged<Closure<Void>>.fromOpaque(context).takeRetainedValue().body(())
        }
        let isPosted = post(job)
        // SAFETY: not run.
        if !isPosted { unsafe Unmanaged<Closure<Void>>.fromOpaque(context).release() }
        return isPosted
    }

    /// Sets a timer with a closure, which is told whether the loop stopped first. A cancelled
    /// timer's closure is never freed: a check can afford it.
    @discardableResult
    func after(
        nanoseconds: UInt64, _ body: @escaping (Bool) -> Void
    ) -> LoopTimer? {
        at(.now.advanced(byNanoseconds: nanoseconds), body)
    }

    @discardableResult
    func at(_ deadline: MonotonicInstant, _ body: @escaping (Bool) -> Void) -> LoopTimer? {
        // SAFETY: the handler takes the reference over.
        let context = unsafe Unmanaged.passRetained(Closure<Bool>(body)).toOpaque()
        return unsafe schedule(at: deadline, context: context) { context, isStopped in
            // SAFETY: as above.
            unsafe Unmanaged<Closure<Bool>>.fromOpaque(context).takeRetainedValue()
                .body(isStopped)
        }
    }

    /// Submits a request with a closure that gets every completion.
    @discardableResult
    func start(_ request: Request, _ body: @escaping (Completion) -> Void) -> OperationID? {
        // SAFETY: the last completion releases the reference.
        let context = unsafe Unmanaged.passRetained(Closure<Completion>(body)).toOpaque()
        // SAFETY: as above.
        let id = unsafe submit(request, context: context) { context, id, result, flags in
            let completion = Completion(id: id, result: result, flags: flags)
            // SAFETY: as above.
            let closure = unsafe Unmanaged<Closure<Completion>>.fromOpaque(context)
            unsafe closure.takeUnretainedValue().body(completion)  // SAFETY: as above.
            if !completion.hasMore { unsafe closure.release() }  // SAFETY: balanced once.
        }
        // SAFETY: not submitted.
        if id == nil { unsafe Unmanaged<Closure<Completion>>.fromOpaque(context).release() }
        return id
    }
}

extension SendStream {
    /// Appends the bytes of an array.
    func append(_ bytes: [UInt8]) -> Int {
        append(unsafe bytes.span.bytes)  // SAFETY: bytes are bytes, copied at once.
    }

    /// Calls the closure once, when bytes are taken again.
    func whenRoom(closure body: @escaping () -> Void) {
        whenRoom(unsafe job(body))  // SAFETY: see there.
    }

    /// Calls the closure once, when every byte has left.
    func whenEmpty(closure body: @escaping () -> Void) {
        whenEmpty(unsafe job(body))  // SAFETY: see there.
    }
}

/// A job that calls the closure, once.
@unsafe
private func job(_ body: @escaping () -> Void) -> LoopJob {
    // SAFETY: the job takes the reference over.
    let context = unsafe Unmanaged.passRetained(Closure<Void>(body)).toOpaque()
    return unsafe LoopJob(context: context) { context in  // SAFETY: as above.
        // SAFETY: as above.
        unsafe Unmanaged<Closure<Void>>.fromOpaque(context).takeRetainedValue().body(())
    }
}

extension ReceiveStream {
    /// Calls the closure once, when there are bytes or the end.
    func whenReady(closure body: @escaping () -> Void) {
        whenReady(unsafe job(body))  // SAFETY: see there.
    }

    /// Calls the closure once, when the layer is open or the end is there.
    func whenOpen(closure body: @escaping () -> Void) {
        whenOpen(unsafe job(body))  // SAFETY: see there.
    }

    /// Calls the closure once, when the end is there.
    func whenEnded(closure body: @escaping () -> Void) {
        whenEnded(unsafe job(body))  // SAFETY: see there.
    }

    /// Calls the closure once, when the end of the socket is there.
    func whenWireEnded(closure body: @escaping () -> Void) {
        whenWireEnded(unsafe job(body))  // SAFETY: see there.
    }

    /// Pins the oldest bytes; where they lie.
    func pinnedAddress() -> UInt {
        UInt(bitPattern: unsafe pin()?.baseAddress)  // SAFETY: only the address is looked at.
    }

    /// Takes the bytes of one buffer; nil if there is none.
    func takeChunk() -> [UInt8]? {
        var bytes: [UInt8] = []
        let count = consume { span in
            // SAFETY: copied while lent.
            unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            return span.byteCount
        }
        return count == nil ? nil : bytes
    }
}
