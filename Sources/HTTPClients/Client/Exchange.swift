// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

#if TLS
    internal import TLSEngines
#endif

/// One request on one connection, and its answer.
///
/// The task that made the request reads; a child of it sends what does not fit into the first send,
/// so that bytes flow both ways. An answer that is not a success stops the sending.
///
/// Threads: the connection's loop, which both tasks prefer. What handlers call is `@concurrent`, so
/// that it runs there also for a handler that is isolated elsewhere.
final class Exchange: @unchecked Sendable {
    // Invariants: I1  after `end` nothing touches the connection: whoever keeps the body or the
    //                 writer longer finds `over`
    //             I2  `isSent` only when the whole request is with the stream
    //             I3  after `breakOff` the stream is closed, and neither read nor written

    let connection: ClientConnection
    let request: ClientRequest
    let configuration: HTTPClientConfiguration
    private let deadline: MonotonicInstant
    private let idleNanoseconds: UInt64
    /// When a byte moved last, or somebody began to wait for one.
    private var lastMove = MonotonicInstant.now
    private var isOver = false
    private var isBroken = false

    // Sending.
    var isSent = false
    var isSendingStopped = false
    /// What the sending task could not do, and the request throws.
    var sendError: (any Error)?
    /// What of the head found no room at once.
    var unsent: [UInt8] = []
    /// Whether the body, if there is one, goes out together with the head.
    var sentWhole = false
    var sentByteCount: UInt64 = 0
    /// Where the sending task waits for "100 Continue"; nil when it does not.
    var gate: Suspension?
    var mayContinue = false
    /// Whether the body is held back until the server asks for it.
    private var awaitsContinue: Bool { gate != nil && !mayContinue }
    /// Whether the connection takes no more bytes: the reader finds out why.
    var hasSendFailed = false

    // Receiving.
    /// Whether a byte of an answer has come.
    private(set) var hasReceived = false
    var head: ResponseHead?
    var decoder = BodyDecoder(.none)
    var bodyError: HTTPClientError?
    /// Received bytes that the decoder has seen and not taken, and where they begin.
    var carried: [UInt8] = []
    var carriedStart = 0
    var hasExtraBytes = false
    var receivedTrailers: ReceivedFields?
    #if Compression
        var decompressor: BodyDecompressor?
    #endif

    init(
        _ connection: ClientConnection, _ request: ClientRequest,
        _ configuration: HTTPClientConfiguration, until deadline: MonotonicInstant
    ) {
        self.connection = connection
        self.request = request
        self.configuration = configuration
        self.deadline = deadline
        idleNanoseconds =
            MonotonicInstant(nanoseconds: 0)
            .advanced(by: configuration.idleTimeout).nanoseconds
    }

    var executor: LoopExecutor { connection.stream.executor }

    /// Sends the request and hands the answer to `handle`.
    func run<Value: Sendable>(
        redirectCount: Int, _ handle: @Sendable (ClientResponse) async throws -> Value
    ) async throws -> Value {
        try startSending()
        if isSent {
            let response = try await receive(redirectCount)
            return try await handle(response)
        }
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: executor) { await self.sendRest() }
            let outcome: Result<Value, any Error>
            do {
                let response = try await receive(redirectCount)
                if !isSent && (response.status >= 300 || awaitsContinue) {
                    isSendingStopped = true
                    tasks.cancelAll()
                }
                outcome = .success(try await handle(response))
            } catch {
                outcome = .failure(error)
            }
            if !isSent {
                isSendingStopped = true
                tasks.cancelAll()
            }
            try await tasks.waitForAll()
            if let sendError { throw sendError }
            return try outcome.get()
        }
    }

    /// Nothing is done any more. Whether the connection can take another request.
    func end() async -> Bool {
        let isKept = await canBeKept()
        isOver = true
        return isKept
    }

    /// The same when something went wrong.
    func fail() { isOver = true }

    /// Closes the connection with a reset, so that the server sees no whole request.
    func breakOff() {
        isBroken = true
        connection.stream.reset()
    }

    /// Whether the request may be sent again after this error: the connection died before a byte of
    /// the answer, and being sent twice has the effect of being sent once (RFC 9110, section
    /// 9.2.2; RFC 9112, section 9.3.1).
    func mayRepeat(after error: any Error) -> Bool {
        guard case HTTPClientError.disconnected = error else { return false }
        return !hasReceived && !isBroken && request.isIdempotent && request.body.isRepeatable
    }

    // MARK: Waiting

    /// Throws unless the connection may be used.
    func checkOpen() throws(HTTPClientError) {
        if isOver { throw .over }
        if isBroken { throw .disconnected(nil) }
    }

    /// Until when a wait that begins now may last.
    func limit() -> MonotonicInstant {
        min(deadline, lastMove.advanced(byNanoseconds: idleNanoseconds))
    }

    /// A byte has moved, or the client begins to wait for one.
    func noteMove() { lastMove = .now }

    /// What an error of the stream means; nil for a limit that is no longer one, because bytes have
    /// moved in the other direction meanwhile.
    func failure(_ error: SystemError) -> HTTPClientError? {
        if error.isTimeout {
            let now = MonotonicInstant.now
            if now >= deadline { return .timedOut(.request) }
            return now >= limit() ? .timedOut(.idle) : nil
        }
        if error.isCancelled { return .cancelled }
        #if TLS
            // Without close_notify it is an end like that of a plain connection that breaks.
            if let failure = connection.stream.securityFailure, failure != .truncated {
                return .notSecure("\(failure)")
            }
        #endif
        return .disconnected(error)
    }

    /// Lends received bytes, waiting for them; nil at the stream's end.
    func consume(
        until end: MonotonicInstant = .never, _ body: (RawSpan) -> Int
    ) async throws(HTTPClientError) -> Int? {
        while true {  // Ends with bytes, the end, an error, or when nothing has moved for too long.
            try checkOpen()
            let error: SystemError
            do throws(SystemError) {
                let count = try await connection.stream.consume(until: min(end, limit()), body)
                noteMove()
                if count != nil { hasReceived = true }
                return count
            } catch let caught {
                error = caught
            }
            if isBroken { throw .disconnected(nil) }
            if error.isTimeout && MonotonicInstant.now >= end { throw .timedOut(.idle) }
            if let failure = failure(error) { throw failure }
        }
    }
}
