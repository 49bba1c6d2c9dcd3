// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import HTTP1Codec
internal import Networking

/// One request that a task answers: runs its handler, lends it the body, and writes the response.
///
/// Threads: the connection's loop, which the task prefers. What handlers call is `@concurrent`, so
/// that it runs there also for a handler that is isolated to an actor with an executor of its own.
final class HTTPExchange: @unchecked Sendable {
    // Invariants: I1  `connection` is set until the answer is over; whoever keeps the request or
    //                 the writer longer finds nothing
    private var connection: HTTPConnection?
    private let request: RequestCopy
    private let handler: @Sendable (ServerRequest) async throws -> ServerResponse
    private let task: RequestTask
    private var suspension: Suspension { task.suspension }
    private var isBodyPrepared = false
    private var bodyError: RequestBodyError?
    private var bodyAllowance: RateAllowance
    private var sendWatch: SendWatch
    /// The client was given up: it is not waited for once more, whatever the handler makes of that.
    private var isTooSlow = false
    private var fileByteCount: UInt64 = 0

    init(
        _ connection: HTTPConnection, _ request: RequestCopy, _ task: RequestTask,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) {
        self.connection = connection
        self.request = request
        self.handler = handler
        self.task = task
        bodyAllowance = connection.worker.bodyAllowance
        sendWatch = SendWatch(connection.worker.answerAllowance)
    }

    /// The connection was closed meanwhile: waits end, and the handler's task is cancelled.
    func cancel() {
        suspension.cancel()
        leave()
    }

    /// The client is gone, as far as anybody can tell: cancels the handler's task.
    func leave() { task.cancel() }

    private func isGone(_ connection: HTTPConnection) -> Bool { connection.isClosed || isTooSlow }

    /// From the request to the end of its answer.
    func run() async {
        guard let connection else { return }
        let response = await makeResponse()
        do throws(ResponseError) {
            try await send(response)
            if isTooSlow { throw .disconnected }
            self.connection = nil
            connection.endExchange()
        } catch {
            self.connection = nil
            connection.abortExchange(isTooSlow ? .disconnected : error)
        }
    }

    private func makeResponse() async -> ServerResponse {
        do {
            let response = try await handler(ServerRequest(request, RequestBody(self)))
            return response.lines.fault == nil ? response : .failure(500)
        } catch {
            return ServerResponse(to: error)
        }
    }

    // MARK: The body

    /// How many bytes the body will have, as far as that is known.
    var knownByteCount: UInt64? {
        switch request.head.framing {
        case .none: 0
        case .length(let count): count
        case .chunked, .untilClose: nil
        }
    }

    /// The next bytes of the body; nil behind its end. After an error there is nothing else.
    @concurrent
    func nextChunk() async throws(RequestBodyError) -> [UInt8]? {
        guard let connection else { throw .over }
        if let bodyError { throw bodyError }
        do throws(RequestBodyError) {
            return try await readChunk(connection)
        } catch {
            bodyError = error
            connection.breakOff()
            throw error
        }
    }

    private func readChunk(
        _ connection: HTTPConnection
    ) async throws(RequestBodyError) -> [UInt8]? {
        while !connection.isBodyComplete {  // Ends with bytes, the body, an error or the limit.
            guard !isGone(connection) else { throw .disconnected }
            if !isBodyPrepared {
                isBodyPrepared = true
                connection.prepareBody()
                // "100 Continue" may have found no room.
                do { try await write([]) } catch { throw .disconnected }
            }
            guard connection.input.isReady else {
                try await waitForBody(connection)
                continue
            }
            if let chunk = try decode(connection) {
                bodyAllowance.earn(UInt64(chunk.count))
                return chunk
            }
        }
        return nil
    }

    private func waitForBody(_ connection: HTTPConnection) async throws(RequestBodyError) {
        let begin = MonotonicInstant.now
        let patience = min(connection.worker.bodyNanoseconds, bodyAllowance.nanoseconds)
        try await waitForBytes(connection, until: begin.advanced(byNanoseconds: patience))
        bodyAllowance.spend(MonotonicInstant.now.nanoseconds &- begin.nanoseconds)
    }

    private func decode(_ connection: HTTPConnection) throws(RequestBodyError) -> [UInt8]? {
        var chunk: [UInt8] = []
        do throws(HTTP1Error) {
            // SAFETY: copied while lent.
            let isOpen = unsafe try connection.readBody { unsafe chunk.append(contentsOf: $0) }
            if isOpen { return chunk.isEmpty ? nil : chunk }
        } catch {
            throw .malformed(status: error.status)
        }
        throw .disconnected
    }

    private func waitForBytes(
        _ connection: HTTPConnection, until limit: MonotonicInstant
    ) async throws(RequestBodyError) {
        connection.lendInput()
        let result = await suspension.wait(for: connection.input, until: limit)
        connection.takeInputBack()
        switch Int(0 - result) {
        case 0: return
        case MILLRACE_ETIMEDOUT: throw .timedOut
        default: throw .disconnected
        }
    }

    /// The next bytes of a connection that has left HTTP.
    @concurrent
    func nextRawBytes(within limit: Duration?) async throws(RequestBodyError) -> [UInt8]? {
        guard let connection else { throw .over }
        let deadline = limit.map { MonotonicInstant.now.advanced(by: $0) } ?? .never
        while true {  // Ends with bytes, the end, an error or the limit.
            guard !isGone(connection) else { throw .disconnected }
            var bytes: [UInt8] = []
            let used = connection.input.consume { lent in
                // SAFETY: copied while lent.
                unsafe lent.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
                return lent.byteCount
            }
            if used != nil { return bytes }
            switch connection.input.end {
            case .finished: return nil
            case .failed: throw .disconnected
            case nil: try await waitForBytes(connection, until: deadline)
            }
        }
    }

    /// Where the request came from.
    @concurrent
    func remoteAddress() async -> SocketAddress? { connection?.remote }

    #if TLS
        /// What the ends of the connection have agreed on.
        @concurrent
        func security() async -> ConnectionSecurity? { connection?.security }
    #endif

    // MARK: The answer

    private func send(_ response: ServerResponse) async throws(ResponseError) {
        guard let connection, !connection.isClosed else { throw .disconnected }
        let lines = response.lines.bytes
        switch response.body {
        case .bytes(let bytes):
            let length = AnswerLength.bytes(UInt64(bytes.count))
            if connection.startAnswer(response.status, nil, lines, length) {
                try await write(bytes.span)
            }
        case .stream(let byteCount, let produce):
            let length = byteCount.map { AnswerLength.bytes($0) } ?? request.openLength
            if connection.startAnswer(response.status, nil, lines, length) {
                // The head does not wait for what the handler writes first.
                try await write([])
                try await stream(length, produce)
            }
        case .upgrade(let name, let body):
            guard request.asksToUpgrade(to: name) else {
                return try await send(.upgradeRequired(to: name))
            }
            // What is read from now on must not be the rest of a body.
            do {
                while try await nextChunk() != nil {}  // Ends with the body.
            } catch {
                return try await send(ServerResponse(to: error))
            }
            guard connection.startUpgrade(lines) else { return try await send(.failure(500)) }
            try await write([])
            do { try await body(UpgradedConnection(self)) } catch { throw .failed }
            try await flush()
        case .file(let part):
            let length = AnswerLength.bytes(part.byteCount)
            if connection.startAnswer(response.status, nil, lines, length) {
                try await sendFile(part)
            }
        }
    }

    private func stream(
        _ length: AnswerLength, _ produce: @Sendable (ResponseWriter) async throws -> Void
    ) async throws(ResponseError) {
        let writer = ResponseWriter(self, length)
        do {
            try await produce(writer)
        } catch {
            throw .failed
        }
        try await writer.finish()
    }

    /// Sends bytes, waiting while the client is slower.
    @concurrent
    func write(_ bytes: [UInt8]) async throws(ResponseError) {
        try await write(bytes.span)
    }

    private func write(_ bytes: Span<UInt8>) async throws(ResponseError) {
        var start = 0
        while true {  // Ends: every turn sends bytes, waits or throws.
            let connection = try open()
            if connection.moveOverflow() {
                let rest = bytes.extracting(droppingFirst: start)
                start += unsafe connection.output.append(rest.bytes)  // SAFETY: copied at once.
                if start == bytes.count { return }
            }
            try await waitForOutput(connection, isEmpty: false)
        }
    }

    /// Waits until what was written so far is with the kernel.
    @concurrent
    func flush() async throws(ResponseError) {
        while true {  // Ends when nothing is left, or throws.
            let connection = try open()
            let isMoved = connection.moveOverflow()
            if isMoved && connection.output.pendingByteCount == 0 { return }
            try await waitForOutput(connection, isEmpty: isMoved)
        }
    }

    private func open() throws(ResponseError) -> HTTPConnection {
        guard let connection, !isGone(connection), connection.output.failure == nil else {
            throw .disconnected
        }
        return connection
    }

    private func waitForOutput(
        _ connection: HTTPConnection, isEmpty: Bool
    ) async throws(ResponseError) {
        while true {  // Ends with room, an error, or a client that is too slow.
            let begin = MonotonicInstant.now
            let result = await suspension.wait(
                for: connection.output, isEmpty: isEmpty, until: sendLimit(connection, begin))
            try waited(connection, since: begin, result)
            if result == 0 { return }
        }
    }

    /// Until when the client may be waited for.
    private func sendLimit(
        _ connection: HTTPConnection, _ begin: MonotonicInstant
    ) -> MonotonicInstant {
        begin.advanced(byNanoseconds: sendWatch.patience(connection.worker.writeNanoseconds))
    }

    /// The client was waited for: throws unless sending goes on, or it has at least taken
    /// something, and not too slowly.
    private func waited(
        _ connection: HTTPConnection, since begin: MonotonicInstant, _ result: Int32
    ) throws(ResponseError) {
        let isLate = result == -Int32(MILLRACE_ETIMEDOUT)
        guard result >= 0 || isLate, !connection.isClosed else { throw .disconnected }
        sendWatch.spend(MonotonicInstant.now.nanoseconds &- begin.nanoseconds)
        if !isLate && sendWatch.allowance.isAmple { return }
        let hasMore = sendWatch.look(connection.deliveredByteCount(files: fileByteCount))
        isTooSlow = isLate && !hasMore || sendWatch.allowance.isSpent
        if isTooSlow { throw .disconnected }
    }

    /// Sends a piece of a file.
    @concurrent
    func sendFile(_ part: FilePart) async throws(ResponseError) {
        try await flush()
        if connection?.input.currentLayer != nil { return try await copyFile(part) }
        var offset = part.offset
        let end = part.offset + part.byteCount
        while offset < end {  // Ends: every turn sends a byte, sees that some arrived, or throws.
            let connection = try open()
            let begin = MonotonicInstant.now
            // SAFETY: the request names no memory; the part keeps the file open.
            let result = unsafe await suspension.perform(
                .sendFile(
                    descriptor: connection.descriptor, file: part.file.descriptor, offset: offset,
                    count: Int(min(end - offset, 1 << 20))), until: sendLimit(connection, begin))
            // The file has become shorter than was promised.
            if result == 0 { throw .failed }
            offset += UInt64(max(0, result))
            fileByteCount += UInt64(max(0, result))
            try waited(connection, since: begin, result)
        }
    }
}

// Files through TLS: read and encrypted, a piece at a time.
extension HTTPExchange {
    private static var pieceByteCount: Int { 65_536 }

    /// Sends a piece of a file that the kernel cannot send by itself. Reading it may wait for the
    /// disk, as opening it did.
    private func copyFile(_ part: FilePart) async throws(ResponseError) {
        var offset = part.offset
        let end = part.offset + part.byteCount
        while offset < end {  // Ends: every turn sends bytes or throws.
            let wanted = Int(min(end - offset, UInt64(Self.pieceByteCount)))
            // SAFETY: filled by the call, as far as it says.
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: wanted) { memory, count in
                // SAFETY: as above.
                count = unsafe max(
                    0,
                    Int(
                        millrace_file_read(
                            part.file.descriptor, memory.baseAddress, wanted, offset)))
            }
            // The file has become shorter than was promised, or cannot be read.
            if piece.isEmpty { throw .failed }
            offset += UInt64(piece.count)
            try await write(piece)
        }
    }
}

/// Why an answer did not get to its end.
enum ResponseError: Error {
    /// The client is gone, or too slow.
    case disconnected
    /// It could not be made, or not to its end.
    case failed
}
