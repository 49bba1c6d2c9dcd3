// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import HTTP1Codec
internal import Networking

#if TLS
    internal import TLSEngines
#endif

/// A server's part on one loop: accepts, keeps the connections, and starts the tasks of handlers.
///
/// Threads: its loop's, but for `stop`.
@safe
final class HTTPWorker: @unchecked Sendable {
    let executor: LoopExecutor
    let configuration: HTTPServerConfiguration
    let router: Router<HTTPHandler>
    let headerNanoseconds: UInt64
    let bodyNanoseconds: UInt64
    let writeNanoseconds: UInt64
    let rateNanoseconds: UInt64
    let idleNanoseconds: UInt64
    let lingerNanoseconds: UInt64
    /// The fields of the head that is being looked at.
    let fields: LoopOwned<FieldTable>
    /// No place for trailers: they are checked and dropped.
    let noFields = LoopOwned(FieldTable(capacity: 0))
    /// Where heads of answers are composed.
    let scratch: UnsafeMutableRawBufferPointer
    /// How answers in a row begin.
    let prefix = LoopOwned(HeadPrefix())
    private let ownDate = LoopOwned(DateLine())
    private let serverLine: [UInt8]

    let counters = WorkerCounters()
    #if TLS
        private let tls: WorkerTLS?
    #endif
    private let openCount: OpenConnections
    private var connections: [HTTPConnection] = []
    /// Tasks that have not begun.
    private var newTasks: [RequestTask] = []
    /// Tasks that wait for a request.
    private var idleTasks: [RequestTask] = []
    private let bell: Suspension
    private(set) var isStopping = false
    private var isCut = false
    private var isAccepting = false

    private static var scratchByteCount: Int { 1 << 15 }

    init(
        _ executor: LoopExecutor, _ configuration: HTTPServerConfiguration,
        _ router: Router<HTTPHandler>, _ openCount: OpenConnections, serverLine: [UInt8]
    ) {
        self.executor = executor
        self.configuration = configuration
        self.router = router
        self.openCount = openCount
        self.serverLine = serverLine
        headerNanoseconds = configuration.headerTimeout.nanosecondCount
        bodyNanoseconds = configuration.bodyTimeout.nanosecondCount
        writeNanoseconds = configuration.writeTimeout.nanosecondCount
        rateNanoseconds = configuration.rateTimeout.nanosecondCount
        idleNanoseconds = configuration.idleTimeout.nanosecondCount
        lingerNanoseconds = configuration.lingerTimeout.nanosecondCount
        fields = LoopOwned(FieldTable(capacity: configuration.limits.fieldCountMax))
        // SAFETY: freed in `deinit`.
        unsafe scratch = .allocate(byteCount: Self.scratchByteCount, alignment: 64)
        bell = Suspension(executor)
        #if TLS
            tls = configuration.tls.map { [counters] in WorkerTLS($0, counters) }
        #endif
    }

    /// Puts TLS between a new connection's socket and the connection, if the server has it.
    func secure(_ input: ReceiveStream, _ output: SendStream) {
        #if TLS
            tls?.secure(input, output)
        #endif
    }

    deinit { unsafe scratch.deallocate() }  // SAFETY: allocated in `init`.

    /// The time of this turn.
    @inline(__always)
    var now: MonotonicInstant { executor.loop.now }

    /// What there is for a method's name and a path. By the router's parts: lent as a whole, it
    /// would have the references of all its arrays counted, twice a request.
    @inline(__always)
    func route(
        _ method: Span<UInt8>, _ path: Span<UInt8>, _ parameters: inout RouteParameters
    ) -> RouteResult<HTTPHandler> {
        let code = router.table.code(method)
        switch router.table.lookup(code, path, &parameters) {
        case .found(let id): return .found(router.payloads[id.index], id)
        case let other: return .other(other)
        }
    }

    /// How slowly a body may come.
    var bodyAllowance: RateAllowance {
        RateAllowance(
            bytesPerSecondMin: configuration.bodyBytesPerSecondMin, nanosecondsMax: rateNanoseconds)
    }

    /// How slowly an answer may be taken.
    var answerAllowance: RateAllowance {
        RateAllowance(
            bytesPerSecondMin: configuration.answerBytesPerSecondMin,
            nanosecondsMax: rateNanoseconds)
    }

    /// The date of this second.
    @inline(__always)
    var date: DateLine {
        _read { yield unsafe ownDate.pointer.pointee }  // SAFETY: lives as long as `self`.
        _modify { yield unsafe &ownDate.pointer.pointee }  // SAFETY: as above.
    }

    /// The lines of a head down to `Content-Type`, at the beginning of `scratch`.
    @inline(__always)
    func beginHead(_ status: Int, _ type: StaticString?, _ writer: inout HeadWriter) {
        let seconds = date.secondsSince1970
        if !prefix.value.write(status, type, seconds, to: &writer) {
            composeHead(status, type, &writer)
        }
    }

    @inline(never)
    private func composeHead(_ status: Int, _ type: StaticString?, _ writer: inout HeadWriter) {
        assert(writer.byteCount == 0, "a head begins with them")
        writer.status(status)
        appendCommonLines(to: &writer)
        if let type { writer.field(.contentType, type) }
        guard writer.fault == nil else { return }
        // SAFETY: just written.
        let lines = unsafe UnsafeRawBufferPointer(rebasing: scratch[..<writer.byteCount])
        // SAFETY: copied.
        unsafe prefix.value.keep(lines, status, type, date.secondsSince1970)
    }

    /// `Date` and `Server`.
    @inline(__always)
    func appendCommonLines(to writer: inout HeadWriter) {
        // SAFETY: copied while lent.
        unsafe date.bytes.withUnsafeBytes { unsafe writer.lines($0) }
        if !serverLine.isEmpty {
            // SAFETY: as above.
            unsafe serverLine.withUnsafeBytes { unsafe writer.lines($0) }
        }
    }

    // MARK: Running

    /// Accepts from the listener, if there is one, and returns when the server has stopped and
    /// every connection and task of this loop has ended.
    func run(_ listener: StreamListener?, handingOverTo others: HTTPServer) async {
        await withDiscardingTaskGroup { tasks in
            if let listener {
                isAccepting = true
                tasks.addTask(executorPreference: executor) {
                    await self.accept(from: listener, others)
                }
            }
            while !isOver {  // Ends with the server, or at once when this task is cancelled.
                if Task.isCancelled { cut() }
                for task in newTasks {
                    tasks.addTask(executorPreference: executor) { await task.run(for: self) }
                }
                newTasks.removeAll(keepingCapacity: true)
                // What runs is cancelled too, and waited for behind this loop.
                if isCut { break }
                _ = await bell.waitForSignal()
            }
            tasks.cancelAll()
        }
    }

    private var isOver: Bool {
        isStopping && !isAccepting && connections.isEmpty && newTasks.isEmpty
    }

    private func accept(from listener: StreamListener, _ server: HTTPServer) async {
        while let socket = try? await listener.acceptSocket().release() {
            server.place(socket, acceptedBy: self)
        }
        listener.close()
        isAccepting = false
        bell.signal()
    }

    /// Takes a socket over.
    func adopt(_ socket: Int32) {
        let count = openCount.add()
        let limit = configuration.maxConnections
        guard !isStopping, count - limit <= limit / 4 + 1, applyOptions(to: socket) else {
            counters.didRefuse()
            openCount.remove()
            executor.loop.close(socket)
            return
        }
        counters.didAccept()
        if count > limit { counters.didRefuse() }
        let connection = HTTPConnection(self, socket, isShed: count > limit)
        connection.place = connections.count
        connections.append(connection)
        connection.start()
    }

    private func applyOptions(to socket: Int32) -> Bool {
        // If this fails, the peer was gone before the connection was looked at.
        (try? configuration.stream.apply(toStream: socket)) != nil
    }

    /// A task for a request: one that waits, or a new one.
    func takeTask() -> RequestTask {
        if let task = idleTasks.popLast() { return task }
        let task = RequestTask(executor)
        newTasks.append(task)
        bell.signal()
        return task
    }

    /// Whether a task that has answered its request is to wait for the next one.
    func keep(_ task: RequestTask) -> Bool {
        guard idleTasks.count < Self.idleTasksMax, !isCut else { return false }
        idleTasks.append(task)
        return true
    }

    /// A task has ended.
    func drop(_ task: RequestTask) {
        idleTasks.removeAll { $0 === task }
    }

    /// A waiting task has about 2 kB.
    private static var idleTasksMax: Int { 64 }

    /// Lets a connection go on after the others have had their turn.
    func again(_ connection: HTTPConnection) {
        // SAFETY: the job takes the reference over.
        let context = unsafe Unmanaged.passRetained(connection).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe Unmanaged<HTTPConnection>.fromOpaque(context).takeRetainedValue().takeTurn()
        }
        if !executor.loop.post(job) {
            unsafe Unmanaged<HTTPConnection>.fromOpaque(context).release()  // SAFETY: not posted.
        }
    }

    /// A connection is closed and has no task.
    func forget(_ connection: HTTPConnection) {
        guard let last = connections.popLast() else { return }
        if last !== connection {
            connections[connection.place] = last
            last.place = connection.place
        }
        openCount.remove()
        if isStopping { bell.signal() }
    }

    // MARK: Stopping

    #if TLS
        /// Connections that come are secured by this policy.
        func replaceTLS(_ policy: TLSServerPolicy) { tls?.replace(policy) }
    #endif

    /// Closes what is idle, lets the rest end after its answer, and cuts that at the limit.
    func stopGracefully() {
        guard !isStopping else { return }
        isStopping = true
        for connection in connections { connection.stopGracefully() }
        let limit = MonotonicInstant.now.advanced(
            byNanoseconds: configuration.shutdownTimeout.nanosecondCount)
        // SAFETY: the timer's reference, given back when it fires.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let timer = unsafe executor.loop.schedule(at: limit, context: context) { context, _ in
            // SAFETY: as above.
            unsafe Unmanaged<HTTPWorker>.fromOpaque(context).takeRetainedValue().cut()
        }
        if timer == nil { unsafe cutSoon(context) }  // SAFETY: the reference is left.
        bell.signal()
    }

    /// There is no timer for the limit. Whoever stops the server may be a handler in the middle of
    /// its request: connections are cut behind it.
    @unsafe
    private func cutSoon(_ context: UnsafeMutableRawPointer) {
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as the caller says.
            // SAFETY: the reference that was taken for the timer.
            unsafe Unmanaged<HTTPWorker>.fromOpaque(context).takeRetainedValue().cut()
        }
        if !executor.loop.post(job) {
            unsafe Unmanaged<HTTPWorker>.fromOpaque(context).release()  // SAFETY: not posted.
        }
    }

    /// Ends all that is left: no request begins behind it.
    private func cut() {
        isStopping = true
        isCut = true
        for connection in connections { connection.reset() }
        bell.signal()
    }
}
