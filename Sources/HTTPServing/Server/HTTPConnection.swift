// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import HTTP1Codec
internal import Networking

/// One connection of a server: reads requests, has them answered one after the other, and closes.
///
/// While it waits for a request it has no buffer, no task and no memory but its own. Direct
/// handlers answer inside the turn in which the bytes came; several answers leave in one send.
///
/// Threads: its loop's.
@safe
final class HTTPConnection {
    // States: reading ⇄ answering (a task has the request) → reading
    //         reading, answering → discarding (the rest of a body nobody wants) → reading
    //         any → ending (the last answer leaves) → lingering (until the peer ends) → closed
    //         ending → breaking (the client takes what was sent) → closed with a reset
    //
    // Invariants: I1  the worker's list holds the connection until it is closed and has no task
    //             I2  in `answering` the input belongs to the task; else to this object
    //             I3  while `overflow` has bytes, no request is read
    //             I4  the input has a waiter of ours exactly while `isListening`, the output one
    //                 while `isWaitingForRoom`; `advance` may come from anywhere meanwhile
    //             I5  in `answering` our waiter of the input is for the end alone, and gives way to
    //                 the task's; of the output there is none (there may have been: room is told
    //                 of later than it can be used)

    enum Phase { case reading, answering, discarding, ending, breaking, lingering, closed }

    let worker: HTTPWorker
    let descriptor: Int32
    let input: ReceiveStream
    let output: SendStream
    /// Where the connection stands in the worker's list.
    var place = 0

    // Changed in place for each request, through the accessors below.
    @exclusivity(unchecked) private var ownState = ServerConnectionState()
    @exclusivity(unchecked) private var ownBody = BodyDecoder(.none)
    var partial: PartialHead?
    /// What the send stream had no room for.
    @exclusivity(unchecked) private var ownOverflow: [UInt8] = []
    var overflowStart = 0
    /// Trailers of a body that came in pieces.
    var heldBody: [UInt8] = []
    var phase = Phase.reading  // Among the flags: elsewhere it would take eight bytes.
    var isHead = false
    var isOldVersion = false
    var saidClose = false
    let isShed: Bool
    private(set) var isListening = false
    /// In `answering`: a task waits for bytes itself.
    var isInputLent = false
    /// In `answering`: the peer has ended its side.
    var isWatchingHangUp = false
    private var isWaitingForRoom = false
    /// The worker calls `advance` after the others' turn.
    private var isQueued = false
    private var isPeerDone = false
    /// The head of the answer is written: "100 Continue" would stand in its body.
    var isAnswerBegun = false
    /// Nothing but a reset tells the client that the answer, or what follows 101, is not whole.
    var isOpenEnded = false
    /// The connection ends in a reset, after what was sent.
    private var isBroken = false
    var exchange: HTTPExchange?
    var access: HTTPAccess?

    private var deadline = MonotonicInstant.never
    private var timer: LoopTimer?
    private var timerInstant = MonotonicInstant.never
    /// While an answer waits for the client, and no task does.
    var sendWatch: WatchBox?
    var lingeredByteCount = 0

    // Nothing that is called while one of these is changed comes back to it, so the check at run
    // time, 70 instructions each time, would find nothing (see `LoopOwned`).

    @inline(__always)
    var state: ServerConnectionState {
        get { unsafe ownState }  // SAFETY: the loop's thread alone; see above.
        _modify { yield unsafe &ownState }  // SAFETY: as above.
    }

    @inline(__always)
    var body: BodyDecoder {
        get { unsafe ownBody }  // SAFETY: as above.
        _modify { yield unsafe &ownBody }  // SAFETY: as above.
    }

    @inline(__always)
    var overflow: [UInt8] {
        _read { yield unsafe ownOverflow }  // SAFETY: as above.
        _modify { yield unsafe &ownOverflow }  // SAFETY: as above.
    }

    init(_ worker: HTTPWorker, _ descriptor: Int32, isShed: Bool) {
        self.worker = worker
        self.descriptor = descriptor
        self.isShed = isShed
        let loop = worker.executor.loop
        input = ReceiveStream(
            loop: loop, descriptor: descriptor, credit: worker.configuration.stream.receiveCredit)
        output = SendStream(loop: loop, descriptor: descriptor, counterpart: input)
        worker.secure(input, output)
    }

    /// Begins to read.
    func start() {
        input.start()
        wait(until: worker.now.advanced(byNanoseconds: worker.headerNanoseconds))
        listen()
    }

    // MARK: Waiting

    func listen() {
        guard !isListening else { return }
        isListening = true
        // SAFETY: the worker's list keeps the connection while a waiter is set (I1).
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        input.whenReady(
            unsafe LoopJob(context: context) { context in  // SAFETY: as above.
                // SAFETY: as above.
                unsafe Unmanaged<HTTPConnection>.fromOpaque(context)._withUnsafeGuaranteedRef {
                    $0.isListening = false
                    $0.advance()
                }
            })
    }

    /// The same for the end alone.
    func listenForEnd() {
        guard !isListening else { return }
        isListening = true
        // SAFETY: as in `listen`.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        input.whenEnded(
            unsafe LoopJob(context: context) { context in  // SAFETY: as above.
                // SAFETY: as above.
                unsafe Unmanaged<HTTPConnection>.fromOpaque(context)._withUnsafeGuaranteedRef {
                    $0.isListening = false
                    $0.peerEnded()
                }
            })
    }

    func stopListening() {
        guard isListening else { return }
        isListening = false
        input.cancelWaiter()
    }

    func listenForRoom(isEmpty: Bool) {
        guard !isWaitingForRoom else { return }
        isWaitingForRoom = true
        // SAFETY: as in `listen`.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            let connection = unsafe Unmanaged<HTTPConnection>.fromOpaque(context)
                .takeUnretainedValue()
            connection.isWaitingForRoom = false
            connection.advance()
        }
        if isEmpty { output.whenEmpty(job) } else { output.whenRoom(job) }
    }

    private func stopWaitingForRoom() {
        guard isWaitingForRoom else { return }
        isWaitingForRoom = false
        output.cancelWaiter()
    }

    /// Goes on as far as possible. Whoever changes what the connection waits for calls it.
    func advance() {
        var budget = Self.requestsPerTurn
        while true {  // Ends: every turn of it changes the phase, uses input up, or leaves.
            switch phase {
            case .answering: return watchPeer()
            case .closed: return
            case .reading:
                if output.failure != nil { return outputEnded() }
                guard flushOverflow() else { return }
                guard input.isReady else { return rest() }
                budget -= 1
                if budget == 0 { return queue() }
                if !readHead() { return inputEnded() }
            case .discarding:
                // The answer does not wait for what nobody wants.
                if !moveOverflow() {
                    listenForRoom(isEmpty: false)
                    if phase != .discarding { continue }  // It called back at once.
                }
                guard input.isReady else { return rest() }
                if !discard() { return inputEnded() }
            case .ending:
                if output.breakage != nil { return close() }
                guard flushOverflow() else { return }
                if !isBroken { output.finish() }
                if output.pendingByteCount > 0 {
                    watchSending()
                    return listenForRoom(isEmpty: true)
                }
                if isBroken { return beginBreaking() }
                beginLingering()
            case .breaking: return
            case .lingering:
                guard input.isReady else { return listen() }
                if !dropInput() { return close() }
            }
        }
    }

    /// How many requests one connection may have answered before others have their turn.
    private static var requestsPerTurn: Int { 64 }

    /// Lets the others have their turn.
    func queue() {
        guard !isQueued else { return }
        isQueued = true
        worker.again(self)
    }

    /// The others have had their turn.
    func takeTurn() {
        isQueued = false
        // A limit had found no timer.
        if deadline < timerInstant && !setTimer(deadline) { return endUnlimited() }
        // One that waits for bytes is told of them, and keeps the limit that it has.
        if !isListening { advance() }
    }

    /// There is no timer for the limit: without one nobody would end what waits.
    private func endUnlimited() {
        switch phase {
        case .answering: deadline = .never  // That of a look-out; the answer finds out.
        case .lingering: close()  // A reset could take the last answer away.
        case .reading, .discarding, .ending, .breaking, .closed: reset()
        }
    }

    /// Nothing to do: waits for bytes. The limit of a head or of what is discarded is set already
    /// and does not move, so that single bytes do not prolong it.
    func rest() {
        if phase == .reading && partial == nil {
            if worker.isStopping { return endQuietly() }
            wait(until: worker.now.advanced(byNanoseconds: worker.idleNanoseconds))
        }
        listen()
    }

    // MARK: Tasks

    func begin(
        _ request: RequestCopy,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) {
        phase = .answering
        stopWaitingForRoom()
        let task = worker.takeTask()
        let exchange = HTTPExchange(self, request, task, handler)
        self.exchange = exchange
        task.give(exchange)
    }

    /// The task is done with the request, whose answer is complete.
    func endExchange() {
        exchange = nil
        stopListening()
        endHangUpWatch()
        if phase == .closed { return worker.forget(self) }
        assert(phase == .answering)
        endAnswer()
        advance()
    }

    /// The task could not answer, or not to the end: what the client got must not look whole. The
    /// answers before it are, and reach the client first.
    func abortExchange(_ error: ResponseError) {
        exchange = nil
        stopListening()
        endHangUpWatch()
        if access != nil { tellAccess() }
        if phase == .closed { return worker.forget(self) }
        guard error == .failed else {
            // A reset would take a layer's last words away.
            return input.currentLayer != nil && isPeerGone ? outputEnded() : reset()
        }
        state.breakOff()
        isBroken = isOpenEnded
        phase = .ending
        advance()
    }

    /// Whether the connection is gone while a task has it.
    var isClosed: Bool { phase == .closed }

    // MARK: Ending

    /// The peer sends no more.
    func inputEnded() {
        isPeerDone = input.isWireEnded
        if case .failed = input.end { return outputEnded() }
        if let partial, !partial.isAtStart {
            refuse(400, isHead: Self.saysHead(partial.bytes))
            return advance()
        }
        partial = nil
        _ = state.endInput()
        phase = .ending
        advance()
    }

    /// Nothing can be written any more. What a layer has left to say, an alert, still leaves.
    private func outputEnded() {
        guard output.breakage == nil, output.pendingByteCount > 0 else { return close() }
        stopListening()
        partial = nil
        state.stopReading()
        phase = .ending
        advance()
    }

    func beginLingering() {
        if isPeerDone { return close() }
        stopListening()
        input.removeLayer()  // What still comes is counted and dropped, encrypted or not.
        _ = millrace_socket_shutdown(descriptor, Int32(MILLRACE_SHUT_WR))
        phase = .lingering
        wait(until: worker.now.advanced(byNanoseconds: worker.lingerNanoseconds))
    }

    /// Everything is with the kernel. A reset now would take it away again from the client.
    private func beginBreaking() {
        phase = .breaking
        sendWatch = WatchBox(SendWatch(worker.answerAllowance), since: worker.now)
        breakOn()
    }

    /// Resets as soon as the client's system has all, or `lingerTimeout` is over. The kernel does
    /// not tell when, so it is asked now and then.
    private func breakOn() {
        let waited = worker.now.nanoseconds &- (sendWatch?.since ?? worker.now).nanoseconds
        if isDelivered || waited >= worker.lingerNanoseconds { return reset() }
        wait(until: worker.now.advanced(byNanoseconds: Self.breakingNanoseconds))
    }

    private static var breakingNanoseconds: UInt64 { 5_000_000 }

    /// The server stops: an idle connection is closed, others after their answer.
    func stopGracefully() {
        switch phase {
        case .reading where isListening && (partial?.isAtStart ?? true): endQuietly()
        case .answering, .discarding: state.stopReading()
        // `dispatch` and `rest` see it.
        case .reading, .ending, .breaking, .lingering, .closed: break
        }
    }

    func endQuietly() {
        stopListening()
        partial = nil
        state.stopReading()
        phase = .ending
        advance()
    }

    /// Closes with a reset: the client sees that something is missing.
    func reset() {
        // One that is closed waits for its handler, and its descriptor may be another socket's.
        guard phase != .closed else { return }
        _ = millrace_socket_set_linger(descriptor, 0)
        close()
    }

    /// Closes, whatever is under way.
    func close() {
        guard phase != .closed else { return }
        phase = .closed
        deadline = .never  // A turn that is still to come sets no timer again.
        cancelTimer()
        stopListening()
        exchange?.cancel()
        input.stop()
        output.cancelWaiter()
        if output.breakage == nil { output.stop() }
        worker.executor.loop.close(descriptor)
        partial = nil
        overflow = []
        if exchange == nil { worker.forget(self) }
    }

    // MARK: Time limits

    /// Sets the limit. The timer itself is touched only if it would be late: it looks at the limit
    /// when it fires. If the loop has none left, `takeTurn` tries once more.
    func wait(until limit: MonotonicInstant) {
        deadline = limit
        if limit < timerInstant && !setTimer(limit) { queue() }
    }

    /// False if the loop has no timer left, or is stopping.
    private func setTimer(_ instant: MonotonicInstant) -> Bool {
        cancelTimer()
        // SAFETY: the timer's reference, given back when it fires or is cancelled.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        timer = unsafe worker.executor.loop.schedule(at: instant, context: context) {
            context, isStopped in
            // SAFETY: as above.
            let connection = unsafe Unmanaged<HTTPConnection>.fromOpaque(context)
                .takeRetainedValue()
            connection.timerFired(isStopped)
        }
        timerInstant = timer == nil ? .never : instant
        if timer == nil {
            // SAFETY: not scheduled.
            unsafe Unmanaged<HTTPConnection>.fromOpaque(context).release()
        }
        return timer != nil
    }

    func cancelTimer() {
        guard let timer else { return }
        self.timer = nil
        timerInstant = .never
        if worker.executor.loop.cancel(timer) {
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: it will not fire.
        }
    }

    func timerFired(_ isStopped: Bool) {
        timer = nil
        timerInstant = .never
        guard !isStopped, phase != .closed, deadline != .never else { return }
        if worker.now < deadline { return wait(until: deadline) }
        limitReached()
    }

    func limitReached() {
        switch phase {
        case .reading where !overflow.isEmpty, .ending:
            if !watchOn() { reset() }
        case .reading:
            guard let partial, !partial.isAtStart else { return endQuietly() }
            stopListening()
            refuse(408, isHead: Self.saysHead(partial.bytes))
            advance()
        case .discarding: endQuietly()
        case .breaking: breakOn()
        case .lingering: close()
        case .answering: lookForHangUp()
        case .closed: break
        }
    }
}
