// SPDX-License-Identifier: MIT

public import AsyncRuntime
public import AtomicSupport
internal import CLinuxShims
public import EventLoops

/// A listening stream socket. Accepted sockets wait here until somebody asks for them, at most
/// `pendingMax` of them.
///
/// Threads: the loop's own. One task accepts at a time. When the process is out of descriptors, or
/// the loop has no place for an operation, accepting pauses for `exhaustionPauseNanoseconds` and
/// goes on (each turn, where the loop has no timer left): connections wait in the kernel's backlog
/// meanwhile.
@safe
public final class StreamListener: @unchecked Sendable {
    /// How a listener is opened.
    public struct Options: Sendable {
        /// SO_REUSEADDR: a port whose old connections linger can be taken again. On by default.
        public var reusesAddress = true
        /// SO_REUSEPORT: several listeners of one address share its connections. Off by default;
        /// not for Unix sockets.
        public var sharesPort = false
        /// The kernel's queue of connections that nobody has accepted yet. listen(2).
        public var backlog = 1024

        /// The defaults.
        public init() {}
    }

    /// The executor of the loop that the listener lives on.
    public let executor: LoopExecutor
    /// The address that it listens on; a port of zero has become a real one.
    public let address: SocketAddress
    /// How many accepted sockets may wait here before accepting pauses.
    public static let pendingMax = 256
    /// How long accepting pauses when descriptors, memory or places for operations have run out.
    public static let exhaustionPauseNanoseconds: UInt64 = 50_000_000

    private let descriptor: Int32
    private var accepted: [Int32] = []
    private var operation: OperationID?
    private var failure: Int32?
    private var isClosed = false
    private var isPausing = false
    private let waiting: Suspension
    /// How often accepting paused because one of these had run out; each turn counts where the
    /// loop has no timer for the pause.
    public private(set) var exhaustionCount = 0

    /// Opens a listener on the calling thread's loop.
    public init(
        on address: SocketAddress, options: Options = Options()
    ) throws(SystemError) {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("a listener is opened on a loop")
        }
        self.executor = executor
        waiting = Suspension(executor)
        let socket = try Socket(for: address)
        if options.reusesAddress && address.family != .unix {
            try Socket.check(
                millrace_socket_set_reuse_address(socket.descriptor, true), .setOption)
        }
        if options.sharesPort {
            try Socket.check(millrace_socket_set_reuse_port(socket.descriptor, true), .setOption)
        }
        // SAFETY: the address is lent for the call.
        let bound = unsafe address.withStorage {
            unsafe millrace_socket_bind(socket.descriptor, $0)
        }
        try Socket.check(bound, .bind)
        try Socket.check(
            millrace_socket_listen(socket.descriptor, Int32(options.backlog)), .listen)
        self.address = try Socket.localAddress(of: socket.descriptor)
        descriptor = socket.release()
    }

    deinit {
        precondition(isClosed, "a listener was dropped without being closed")
    }

    /// The next connection, on this listener's loop.
    public func accept(
        options: StreamOptions = StreamOptions(), until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> StreamConnection {
        let socket = try await acceptSocket(until: deadline)
        return try StreamConnection(adopting: socket.release(), options: options)
    }

    /// The next connection's socket, to be adopted on any loop.
    public func acceptSocket(
        until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> AcceptedSocket {
        precondition(executor.loop.isCurrent, "a listener is used on its loop")
        while accepted.isEmpty {  // Ends with a socket, an error, or the deadline.
            if isClosed { throw SystemError(.accept, code: Int32(MILLRACE_ECANCELED)) }
            if let failure { throw SystemError(.accept, code: failure) }
            arm()
            try Socket.check(await waiting.waitForSignal(until: deadline), .accept)
        }
        let descriptor = accepted.removeFirst()
        if accepted.count <= Self.pendingMax / 2 { arm() }
        return AcceptedSocket(descriptor)
    }

    /// Stops listening: closes the socket and those that nobody has asked for. A task that accepts
    /// goes on with `ECANCELED`.
    public func close() {
        precondition(executor.loop.isCurrent, "a listener is used on its loop")
        guard !isClosed else { return }
        isClosed = true
        for descriptor in accepted { _ = millrace_close(descriptor) }
        accepted = []
        executor.loop.close(descriptor)
        waiting.signal()
    }

    private func arm() {
        guard operation == nil, !isClosed, !isPausing, failure == nil else { return }
        // SAFETY: the operation holds a reference, released with its last completion.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: as above; the request names no memory.
        operation = unsafe executor.loop.submit(
            .acceptStream(listener: descriptor), context: context
        ) { context, id, result, flags in
            // SAFETY: the reference taken above.
            let listener = unsafe Unmanaged<StreamListener>.fromOpaque(context)
            let completion = Completion(id: id, result: result, flags: flags)
            unsafe listener.takeUnretainedValue().take(completion)  // SAFETY: as above.
            if !completion.hasMore { unsafe listener.release() }  // SAFETY: balanced once.
        }
        if operation == nil {
            // SAFETY: not submitted.
            unsafe Unmanaged<StreamListener>.fromOpaque(context).release()
            refused(executor.loop.refusalCode)
        }
    }

    /// The loop takes no operation: it is full for now, or stops.
    private func refused(_ code: Int32) {
        if code == Int32(MILLRACE_ENOBUFS) { takeError(code) } else { fail(code) }
    }

    /// Nothing is accepted any more.
    private func fail(_ code: Int32) {
        failure = code
        waiting.signal()
    }

    private func take(_ completion: Completion) {
        if !completion.hasMore { operation = nil }
        if completion.result >= 0 {
            keep(completion.result)
        } else {
            takeError(0 - completion.result)
        }
    }

    private func keep(_ socket: Int32) {
        guard !isClosed else {
            _ = millrace_close(socket)
            // The cancellation came between two shots, where the kernel does not find it.
            if let operation { executor.loop.cancel(operation) }
            return
        }
        accepted.append(socket)
        waiting.signal()
        guard accepted.count >= Self.pendingMax else { return arm() }
        if let operation { executor.loop.cancel(operation) }
    }

    private func takeError(_ code: Int32) {
        switch Int(code) {
        case MILLRACE_ECANCELED:
            // Paused at the limit. Those that waited may have been taken meanwhile, when `arm` had
            // nothing to do yet.
            if accepted.count <= Self.pendingMax / 2 { arm() }
        case MILLRACE_ECONNABORTED: arm()
        case MILLRACE_EMFILE, MILLRACE_ENFILE, MILLRACE_ENOBUFS, MILLRACE_ENOMEM:
            exhaustionCount += 1
            pause()
        case MILLRACE_EBADF, MILLRACE_EINVAL, MILLRACE_ENOTSOCK, MILLRACE_EOPNOTSUPP: fail(code)
        default:
            // Errors of a connection that came and went: accept(2) asks to try again.
            pause()
        }
    }

    /// Tries again a little later.
    private func pause() {
        isPausing = true
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: Self.exhaustionPauseNanoseconds)
        // SAFETY: the timer's handler releases the reference; it is called in every case.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let timer = unsafe executor.loop.schedule(at: deadline, context: context) { context, _ in
            unsafe StreamListener.endPause(context)  // SAFETY: the reference taken above.
        }
        if timer == nil { unsafe pauseForTurn(context) }  // SAFETY: not scheduled.
    }

    /// The loop has no place for a timer either. It asks each turn, and so does not sleep until a
    /// timer or a descriptor is free; never to ask again would end the server.
    @unsafe
    private func pauseForTurn(_ context: UnsafeMutableRawPointer) {
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as the caller says.
            unsafe StreamListener.endPause(context)  // SAFETY: the reference that the caller took.
        }
        guard !executor.loop.post(job) else { return }
        unsafe Unmanaged<StreamListener>.fromOpaque(context).release()  // SAFETY: not posted.
        isPausing = false
        fail(executor.loop.refusalCode)
    }

    @unsafe
    private static func endPause(_ context: UnsafeMutableRawPointer) {
        // SAFETY: the caller gives the reference away.
        let listener = unsafe Unmanaged<StreamListener>.fromOpaque(context).takeRetainedValue()
        listener.isPausing = false
        listener.arm()
    }
}

/// A connected socket on its way to a loop; closed if nobody adopts it.
public struct AcceptedSocket: ~Copyable, Sendable {
    private let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        _ = millrace_close(descriptor)
    }

    /// Hands the descriptor over: `StreamConnection(adopting:)` on the loop where the connection
    /// shall live.
    public consuming func release() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }
}
