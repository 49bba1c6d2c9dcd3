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
    //
    // Invariants: I1  the worker's list holds the connection until it is closed and has no task
    //             I2  in `answering` the input belongs to the task; else to this object
    //             I3  while `overflow` has bytes, no request is read
    //             I4  the input has a waiter of ours exactly while `isListening`, the output one
    //                 while `isWaitingForRoom`; `advance` may come from anywhere meanwhile

    enum Phase { case reading, answering, discarding, ending, lingering, closed }

    let worker: HTTPWorker
    let descriptor: Int32
    let input: ReceiveStream
    let output: SendStream
    /// Where the connection stands in the worker's list.
    var place = 0

    private var phase = Phase.reading
    // Changed in place for each request, through the accessors below.
    @exclusivity(unchecked) private var ownState = ServerConnectionState()
    @exclusivity(unchecked) private var ownBody = BodyDecoder(.none)
    private var partial: PartialHead?
    /// What the send stream had no room for.
    @exclusivity(unchecked) private var ownOverflow: [UInt8] = []
    private var overflowStart = 0
    /// Trailers of a body that came in pieces.
    private var heldBody: [UInt8] = []
    private var isHead = false
    private var isOldVersion = false
    private var saidClose = false
    private let isShed: Bool
    /// No request has been read yet: the limit for heads counts.
    private var isFresh = true
    private var isListening = false
    private var isWaitingForRoom = false
    /// The worker calls `advance` after the others' turn.
    private var isQueued = false
    private var isPeerDone = false
    /// The head of the answer is written: "100 Continue" would stand in its body.
    private var isAnswerBegun = false
    private var exchange: HTTPExchange?
    private var access: HTTPAccess?

    private var deadline = MonotonicInstant.never
    private var timer: LoopTimer?
    private var timerInstant = MonotonicInstant.never
    private var sentAtLastLook: UInt64 = 0
    private var lingeredByteCount = 0

    // Nothing that is called while one of these is changed comes back to it, so the check at run
    // time, 70 instructions each time, would find nothing (see `LoopOwned`).

    @inline(__always)
    private var state: ServerConnectionState {
        get { unsafe ownState }  // SAFETY: the loop's thread alone; see above.
        _modify { yield unsafe &ownState }  // SAFETY: as above.
    }

    @inline(__always)
    private var body: BodyDecoder {
        get { unsafe ownBody }  // SAFETY: as above.
        _modify { yield unsafe &ownBody }  // SAFETY: as above.
    }

    @inline(__always)
    private var overflow: [UInt8] {
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
        output = SendStream(loop: loop, descriptor: descriptor)
    }

    /// Begins to read.
    func start() {
        input.start()
        wait(until: worker.now.advanced(byNanoseconds: worker.headerNanoseconds))
        listen()
    }

    // MARK: Waiting

    private func listen() {
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

    private func stopListening() {
        isListening = false
        input.cancelWaiter()
    }

    private func listenForRoom(isEmpty: Bool) {
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

    /// Goes on as far as possible. Whoever changes what the connection waits for calls it.
    func advance() {
        var budget = Self.requestsPerTurn
        while true {  // Ends: every turn of it changes the phase, uses input up, or leaves.
            switch phase {
            case .answering, .closed: return
            case .reading:
                if output.failure != nil { return close() }
                guard flushOverflow() else { return }
                guard input.isReady else { return rest() }
                budget -= 1
                if budget == 0 { return queue() }
                if !readHead() { return inputEnded() }
            case .discarding:
                guard input.isReady else { return rest() }
                if !discard() { return inputEnded() }
            case .ending:
                if output.failure != nil { return close() }
                guard flushOverflow() else { return }
                if output.pendingByteCount > 0 {
                    watchSending()
                    return listenForRoom(isEmpty: true)
                }
                beginLingering()
            case .lingering:
                guard input.isReady else { return listen() }
                if !dropInput() { return close() }
            }
        }
    }

    /// How many requests one connection may have answered before others have their turn.
    private static var requestsPerTurn: Int { 64 }

    /// Lets the others have their turn.
    private func queue() {
        guard !isQueued else { return }
        isQueued = true
        worker.again(self)
    }

    /// The others have had their turn.
    func takeTurn() {
        isQueued = false
        advance()
    }

    /// Nothing to do: waits for bytes. The limit of a head or of what is discarded is set already
    /// and does not move, so that single bytes do not prolong it.
    private func rest() {
        if phase == .reading && partial == nil {
            if worker.isStopping { return endQuietly() }
            if !isFresh { wait(until: worker.now.advanced(byNanoseconds: worker.idleNanoseconds)) }
        }
        listen()
    }

    // MARK: Heads

    /// Reads one head, or a part of one; false at the end of the stream.
    private func readHead() -> Bool {
        let used = input.consume { bytes in
            // SAFETY: lent for the call.
            unsafe bytes.withUnsafeBytes { unsafe self.take($0) }
        }
        return used != nil
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        let limits = worker.configuration.limits
        do throws(HTTP1Error) {
            if let partial {
                let known = partial.bytes.count
                // SAFETY: lent by the caller.
                guard let head = unsafe try partial.parse(bytes, limits: limits) else {
                    return bytes.count
                }
                self.partial = nil
                unsafe partial.bytes.span.bytes.withUnsafeBytes { all in
                    unsafe dispatch(all, head, partial.fields.pointer)  // SAFETY: as above.
                }
                return head.byteCount - known
            }
            let table = unsafe worker.fields.pointer  // SAFETY: the worker's, for this call.
            unsafe table.pointee.removeAll()  // SAFETY: as above.
            var parser = RequestHeadParser()
            // SAFETY: as above.
            let parsed = unsafe try parser.parse(bytes, limits: limits, fields: &table.pointee)
            guard let head = parsed else {
                unsafe try keep(bytes)  // SAFETY: copied while lent.
                return bytes.count
            }
            unsafe dispatch(bytes, head, table)  // SAFETY: lent for the call.
            return head.byteCount
        } catch {
            // A head that cannot be read may still say that its answer has no body.
            // SAFETY: lent by the caller.
            let start = unsafe partial.map { Array($0.bytes.prefix(5)) } ?? Array(bytes.prefix(5))
            refuse(error.status, isHead: start.elementsEqual("HEAD ".utf8))
            return bytes.count
        }
    }

    /// The head goes on in bytes that have not come yet.
    private func keep(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Error) {
        let fresh = PartialHead(limits: worker.configuration.limits)
        // SAFETY: copied while lent. Parsed again, once, into a table of its own.
        _ = unsafe try fresh.parse(bytes, limits: worker.configuration.limits)
        partial = fresh
        isFresh = false
        wait(until: worker.now.advanced(byNanoseconds: worker.headerNanoseconds))
    }

    /// Answers a head that is none, and ends.
    private func refuse(_ status: Int, isHead: Bool = false) {
        partial = nil
        state.receiveRefusedHead()
        self.isHead = isHead
        isOldVersion = false
        isFresh = false
        isAnswerBegun = false
        if worker.configuration.onAccess != nil {
            access = HTTPAccess(remote, at: worker.now)
        }
        fail(status)
    }

    // MARK: Requests

    private func dispatch(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead,
        _ fields: UnsafeMutablePointer<FieldTable>
    ) {
        isFresh = false
        state.receive(head)
        body = BodyDecoder(head.framing)
        isHead = head.method == .head
        isOldVersion = head.versionMinor == 0
        saidClose = false
        isAnswerBegun = false
        deadline = .never
        // What follows the head without being asked for is the body.
        if bytes.count > head.byteCount { state.receiveBodyUnasked() }
        if worker.configuration.onAccess != nil {
            access = unsafe HTTPAccess(remote, bytes, head, fields, at: worker.now)
        }
        if isShed {
            state.stopReading()
            return fail(503, "Retry-After: 1\r\n")
        }
        if let refusal = head.refusal { return fail(refusal.status) }
        guard let path = Self.path(of: head) else {
            state.breakOff()  // CONNECT: what follows is for somebody else.
            return fail(501)
        }
        // SAFETY: lent for the call, here and below.
        let pathBytes = unsafe path.isEmpty ? Self.root(head) : bytes[path]
        let span = unsafe Span<UInt8>(_unsafeBytes: pathBytes)
        let name = unsafe Span<UInt8>(_unsafeBytes: bytes[head.methodName])
        var parameters = RouteParameters()
        switch worker.route(name, span, &parameters) {
        case .found(.direct(let handler), _):
            let request = unsafe DirectRequest(bytes, head, fields, path, parameters)
            var response = DirectResponse(self)
            handler(request, &response)
            response.finish()
        case .found(.task(let handler), let id):
            let copy = unsafe RequestCopy(
                bytes, head, fields, path: Array(pathBytes), parameters,
                worker.router.parameterNames(of: id))
            begin(copy, handler)
        case .other(let outcome):
            // SAFETY: as above.
            let query = unsafe String(decoding: bytes[head.target.query], as: UTF8.self)
            answer(
                outcome, unsafe String(decoding: pathBytes, as: UTF8.self),
                head.target.hasQuery ? "?" + query : "")
        }
    }

    /// The peer's address, while it can be had.
    var remote: SocketAddress? { try? SocketAddress(peerOf: descriptor) }

    /// Where the path is; nil for the authority form, which only CONNECT has.
    private static func path(of head: RequestHead) -> ByteRange? {
        switch head.target.form {
        case .origin, .absolute: head.target.path
        case .asterisk: head.target.whole
        case .authority: nil
        }
    }

    /// The path of a target that has none: "http://host" (RFC 9112, section 3.2.4).
    private static func root(_ head: RequestHead) -> UnsafeRawBufferPointer {
        let root: StaticString = head.method == .options ? "*" : "/"
        // SAFETY: a literal lives for ever.
        return unsafe UnsafeRawBufferPointer(start: root.utf8Start, count: 1)
    }

    private func answer(_ outcome: RouteOutcome, _ path: String, _ query: String) {
        switch outcome {
        case .found: assertionFailure("a route was found")
        case .methodNotAllowed(let allow): fail(405, Self.line("Allow", allow))
        case .options(let allow):
            var lines = FieldLines()
            lines.add("Allow", String(decoding: allow, as: UTF8.self))
            // SAFETY: no bytes.
            unsafe answer(204, nil, lines, UnsafeRawBufferPointer(start: nil, count: 0))
        case .redirect(let change): redirect(path, query, change)
        case .notFound: fail(404)
        case .methodNotImplemented: fail(501)
        case .malformedPath: fail(400)
        case .pathTooLong: fail(414)
        }
    }

    /// The same target with a slash more or less; the method stays (RFC 9110, section 15.4.9).
    private func redirect(_ path: String, _ query: String, _ change: SlashChange) {
        let target =
            switch change {
            case .add: path + "/"
            case .remove: String(path.dropLast())
            }
        // Not "//host": that would name another server.
        guard !target.hasPrefix("//") else { return fail(404) }
        fail(308, "Location: \(target)\(query)\r\n")
    }

    private static func line(_ name: String, _ value: [UInt8]) -> String {
        "\(name): \(String(decoding: value, as: UTF8.self))\r\n"
    }

    // MARK: Answers

    /// An answer that only says its status, in words.
    func fail(_ status: Int, _ lines: String = "") {
        let text = Array("\(status) \(ReasonPhrase.of(status))\n".utf8)
        unsafe text.span.bytes.withUnsafeBytes { body in
            // SAFETY: copied while lent.
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

    private func answer(
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
        if let body = unsafe body, body.count > 0 {
            let place = unsafe UnsafeMutableRawBufferPointer(rebasing: worker.scratch[count...])
            unsafe place.copyMemory(from: body)  // SAFETY: the worker's, for this call.
            end += body.count
        }
        unsafe emit(UnsafeRawBufferPointer(rebasing: worker.scratch[..<end]))  // SAFETY: as above.
    }

    private func noteAnswer(_ status: Int, _ length: AnswerLength) {
        worker.counters.didAnswer(status)
        guard worker.configuration.onAccess != nil else { return }
        access?.status = status
        guard AnswerLength.mayHaveBody(status) else { return }
        if case .bytes(let count) = length { access?.byteCount = count }
    }

    /// Composes a head in the worker's memory: how many bytes; nil if they are too many.
    private func compose(
        _ status: Int, _ type: StaticString?, _ lines: [UInt8], _ length: AnswerLength
    ) -> Int? {
        let mayHaveBody = AnswerLength.mayHaveBody(status)
        // SAFETY: the worker's, for this call, here and below.
        let room = unsafe worker.scratch.count - Self.joinedByteCountMax
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

    /// Leaves HTTP: the connection ends with what follows.
    func startUpgrade(_ lines: [UInt8]) throws(ResponseError) {
        state.stopReading()
        saidClose = true
        worker.date.refresh(at: worker.now)
        var writer = unsafe HeadWriter(worker.scratch)  // SAFETY: the worker's, for this call.
        writer.status(101)
        worker.appendCommonLines(to: &writer)
        writer.lines("Connection: upgrade\r\n")
        // SAFETY: copied while lent.
        unsafe lines.withUnsafeBytes { unsafe writer.lines($0) }
        guard let count = try? writer.end() else { throw .failed }
        isAnswerBegun = true
        access?.status = 101
        // SAFETY: just written.
        unsafe emit(UnsafeRawBufferPointer(rebasing: worker.scratch[..<count]))
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

    private func tellAccess() {
        guard var access, let tell = worker.configuration.onAccess else { return }
        self.access = nil
        access.secondsSince1970 = worker.date.secondsSince1970
        access.durationNanoseconds =
            MonotonicInstant.now.nanoseconds &- access.begin.nanoseconds
        tell(access)
    }

    /// Moves what waits to the send stream; false if some of it must wait on.
    private func flushOverflow() -> Bool {
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
        return true
    }

    private func watchSending() {
        sentAtLastLook = output.sentByteCount
        wait(until: worker.now.advanced(byNanoseconds: worker.writeNanoseconds))
    }

    // MARK: Tasks

    private func begin(
        _ request: RequestCopy,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) {
        phase = .answering
        let exchange = HTTPExchange(self, request, handler)
        self.exchange = exchange
        worker.spawn(exchange)
    }

    /// The task is done with the request, whose answer is complete.
    func endExchange() {
        exchange = nil
        if phase == .closed { return worker.forget(self) }
        assert(phase == .answering)
        endAnswer()
        advance()
    }

    /// The task could not answer, or not to the end: what the client got must not look whole.
    func abortExchange() {
        exchange = nil
        if access != nil { tellAccess() }
        if phase == .closed { return worker.forget(self) }
        reset()
    }

    /// Whether the connection is gone while a task has it.
    var isClosed: Bool { phase == .closed }

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
        guard let step = unsafe try decodeBody(use) else { return false }
        if step.payload.count > 0 { state.receiveBody(step.payload.count) }
        if step.isComplete { _ = state.endBody() }
        return true
    }

    /// Nil at the end of the stream.
    private func decodeBody(
        _ use: (UnsafeRawBufferPointer) -> Void
    ) throws(HTTP1Error) -> BodyStep? {
        var found = BodyStep()
        let used = try input.consume { (bytes: RawSpan) throws(HTTP1Error) -> Int in
            // SAFETY: lent for the call.
            try unsafe bytes.withUnsafeBytes { (lent) throws(HTTP1Error) -> Int in
                unsafe try self.decode(lent, &found, use)  // SAFETY: as above.
            }
        }
        return used == nil ? nil : found
    }

    /// What a step leaves, trailers that are not complete, is held until more has come. Answers how
    /// many of the bytes are done with.
    private func decode(
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

    private func decode(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Error) -> BodyStep {
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
    private func discard() -> Bool {
        do throws(HTTP1Error) {
            let before = input.heldByteCount
            // SAFETY: nothing is done with the bytes.
            guard let step = unsafe try decodeBody({ _ in }) else { return false }
            if !state.discard(before - input.heldByteCount, worker.configuration.limits) {
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

    private func dropInput() -> Bool {
        let used = input.consume { bytes in bytes.byteCount }
        lingeredByteCount += used ?? 0
        return used != nil && lingeredByteCount <= Self.lingeredByteCountMax
    }

    /// A client that sends without looking gets its answer only if it can send to the end.
    private static var lingeredByteCountMax: Int { 1 << 26 }

    // MARK: Ending

    /// The peer sends no more.
    private func inputEnded() {
        isPeerDone = true
        if case .failed = input.end { return close() }
        if let partial, !partial.isAtStart {
            refuse(400)
            return advance()
        }
        partial = nil
        _ = state.endInput()
        phase = .ending
        advance()
    }

    private func beginLingering() {
        if isPeerDone { return close() }
        _ = millrace_socket_shutdown(descriptor, Int32(MILLRACE_SHUT_WR))
        phase = .lingering
        wait(until: worker.now.advanced(byNanoseconds: worker.lingerNanoseconds))
    }

    /// The server stops: an idle connection is closed, others after their answer.
    func stopGracefully() {
        switch phase {
        case .reading where isListening && (partial?.isAtStart ?? true): endQuietly()
        case .answering, .discarding: state.stopReading()
        case .reading, .ending, .lingering, .closed: break  // `dispatch` and `rest` see it.
        }
    }

    private func endQuietly() {
        stopListening()
        partial = nil
        state.stopReading()
        phase = .ending
        advance()
    }

    /// Closes with a reset: the client sees that something is missing.
    func reset() {
        _ = millrace_socket_set_linger(descriptor, 0)
        close()
    }

    /// Closes, whatever is under way.
    func close() {
        guard phase != .closed else { return }
        phase = .closed
        cancelTimer()
        stopListening()
        exchange?.cancel()
        input.stop()
        output.cancelWaiter()
        if output.failure == nil { output.stop() }
        worker.executor.loop.close(descriptor)
        partial = nil
        overflow = []
        if exchange == nil { worker.forget(self) }
    }

    // MARK: Time limits

    /// Sets the limit. The timer itself is touched only if it would be late: it looks at the limit
    /// when it fires.
    private func wait(until limit: MonotonicInstant) {
        deadline = limit
        if limit < timerInstant { setTimer(limit) }
    }

    private func setTimer(_ instant: MonotonicInstant) {
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
        if timer == nil { unsafe Unmanaged<HTTPConnection>.fromOpaque(context).release() }
    }

    private func cancelTimer() {
        guard let timer else { return }
        self.timer = nil
        timerInstant = .never
        if worker.executor.loop.cancel(timer) {
            unsafe Unmanaged.passUnretained(self).release()  // SAFETY: it will not fire.
        }
    }

    private func timerFired(_ isStopped: Bool) {
        timer = nil
        timerInstant = .never
        guard !isStopped, phase != .closed, deadline != .never else { return }
        if worker.now < deadline { return setTimer(deadline) }
        limitReached()
    }

    private func limitReached() {
        switch phase {
        case .reading where !overflow.isEmpty, .ending:
            if output.sentByteCount != sentAtLastLook { return watchSending() }
            reset()
        case .reading where !(partial?.isAtStart ?? true):
            stopListening()
            refuse(408)
            advance()
        case .reading, .discarding: endQuietly()
        case .lingering: close()
        case .answering, .closed: break
        }
    }
}

/// How a client knows where an answer ends.
enum AnswerLength: Equatable {
    case bytes(UInt64)
    case chunked
    case untilClose

    /// Whether an answer of that status may have a body (RFC 9110, section 6.4.1).
    static func mayHaveBody(_ status: Int) -> Bool {
        status >= 200 && status != 204 && status != 205 && status != 304
    }
}
