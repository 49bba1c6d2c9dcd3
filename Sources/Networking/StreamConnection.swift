// SPDX-License-Identifier: MIT

public import AsyncRuntime
public import AtomicSupport
internal import CLinuxShims
public import EventLoops

/// A connected stream socket: TCP over IPv4 or IPv6, or a Unix socket.
///
/// | Guarantee | reading and writing                                                              |
/// |-----------|----------------------------------------------------------------------------------|
/// | Threads   | the loop's own: use it in tasks that prefer the loop's executor                  |
/// | Tasks     | one reader and one writer at a time                                              |
/// | Order     | bytes arrive and leave in order; a failed write has sent some prefix             |
/// | Memory    | at most `receiveCredit` receive buffers are held; no allocation for each one     |
/// | Limits    | deadlines throw `ETIMEDOUT`, cancellation `ECANCELED`; both cancel in the kernel |
///
/// Received bytes wait in the loop's buffers until they are read. `close` gives everything back; a
/// connection that is not closed is closed by its last reference on the loop.
@safe
public final class StreamConnection: @unchecked Sendable {
    /// The executor of the loop that the connection lives on.
    public let executor: LoopExecutor
    /// The socket, for options that are not offered here. It belongs to the connection.
    public let descriptor: Int32

    let stream: ReceiveStream
    let output: SendStream
    let reading: Suspension
    private var writer: Suspension?
    private var isClosed = false
    private var isWatched = false
    /// Whether this side asked for the connection; for `acknowledgedByteCount`.
    private let isConnectedHere: Bool
    /// What encrypts, if something does.
    var layer: StreamLayer?
    /// How far the kernel is with what went through the layer; for `acknowledgedByteCount`.
    var marks = DeliveryMarks()
    /// How many bytes were written past `output`.
    private var directByteCount: UInt64 = 0
    /// Where the connection stands among a server's.
    var place = 0
    /// Who takes the parts of a connection that is gone.
    private let spares: SpareParts?

    /// Takes a connected, non-blocking socket over, on the calling thread's loop.
    ///
    /// - Parameters:
    ///   - descriptor: the socket; it belongs to the connection from here on, also when this
    ///     throws.
    ///   - options: what is set of it.
    ///   - isConnectedHere: whether this side asked for the connection; false for a socket that was
    ///     accepted. `acknowledgedByteCount` must know it.
    public convenience init(
        adopting descriptor: Int32, options: StreamOptions = StreamOptions(),
        isConnectedHere: Bool = false
    ) throws(SystemError) {
        try self.init(
            adopting: descriptor, options: options, isConnectedHere: isConnectedHere, spares: nil)
    }

    /// The same, made of the parts of a connection that is gone, if there are any.
    init(
        adopting descriptor: Int32, options: StreamOptions, isConnectedHere: Bool,
        spares: SpareParts?
    ) throws(SystemError) {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("a connection is made on a loop")
        }
        self.executor = executor
        self.descriptor = descriptor
        self.isConnectedHere = isConnectedHere
        self.spares = spares
        if let parts = spares?.take() {
            parts.stream.reuse(for: descriptor, credit: options.receiveCredit)
            parts.output.reuse(for: descriptor, counterpart: parts.stream)
            parts.reading.reuse()
            stream = parts.stream
            output = parts.output
            reading = parts.reading
        } else {
            stream = ReceiveStream(
                loop: executor.loop, descriptor: descriptor, credit: options.receiveCredit)
            output = SendStream(
                loop: executor.loop, descriptor: descriptor, counterpart: stream)
            reading = Suspension(executor)
        }
        reading.expectUse(of: self, and: output)
        stream.doubtEnd(true)
        do {
            try options.apply(toStream: descriptor)
        } catch {
            stop()
            // The backend may have seen the socket, so the loop closes it.
            executor.loop.close(descriptor)
            throw error
        }
    }

    deinit {
        precondition(isClosed, "a connection was dropped without being closed")
        // Nobody has a reference to the connection any more, so nobody can reach its parts.
        if let spares, executor.loop.isCurrent {
            spares.keep(ConnectionParts(stream: stream, output: output, reading: reading))
        }
    }

    /// Connects to an address. With `suspension`, the attempt can be ended from outside by
    /// `Suspension.cancel`.
    ///
    /// - Throws: `connect` with the errno; `ETIMEDOUT` at the deadline, `ECANCELED` when the task
    /// is cancelled.
    public static func connect(
        to address: SocketAddress, options: StreamOptions = StreamOptions(),
        until deadline: MonotonicInstant = .never, waitingOn suspension: Suspension? = nil
    ) async throws(SystemError) -> StreamConnection {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("a connection is made on a loop")
        }
        let socket = try Socket(for: address)
        let target = UnsafeMutablePointer<millrace_address>.allocate(capacity: 1)
        unsafe target.initialize(to: address.storage)  // SAFETY: just allocated.
        // SAFETY: the operation is over when `perform` returns.
        defer { unsafe target.deallocate() }
        // SAFETY: the address lives until the operation is over.
        let result = unsafe await (suspension ?? Suspension(executor)).perform(
            .connect(descriptor: socket.descriptor, address: target), until: deadline)
        guard result >= 0 else {
            // The backend has seen the socket, so the loop closes it.
            executor.loop.close(socket.release())
            throw SystemError(.connect, code: -result)
        }
        return try StreamConnection(
            adopting: socket.release(), options: options, isConnectedHere: true)
    }

    /// The address of this side.
    public var localAddress: SocketAddress {
        get throws(SystemError) {
            try checkOpen(for: .socketAddress)
            return try Socket.localAddress(of: descriptor)
        }
    }

    /// The address of the other side.
    public var peerAddress: SocketAddress {
        get throws(SystemError) {
            try checkOpen(for: .socketAddress)
            return try Socket.peerAddress(of: descriptor)
        }
    }

    /// Another task may have closed the connection between two waits of this one. What is asked by
    /// the descriptor's number then would be asked of whoever has it by now.
    private func checkOpen(for operation: SystemError.Operation) throws(SystemError) {
        if isClosed { throw SystemError(operation, code: Int32(MILLRACE_ECANCELED)) }
    }

    // MARK: Reading

    /// Waits until there are bytes and lends the oldest of them to `body`, which answers how many
    /// it is done with; the rest is lent again next time. Returns that number, or nil at the end of
    /// the stream. If `body` closes the connection, it has the bytes until it returns.
    public func consume(
        until deadline: MonotonicInstant = .never,
        _ body: (RawSpan) -> Int
    ) async throws(SystemError) -> Int? {
        try await waitUntilReadable(until: deadline)
        if let count = stream.consume(body) { return count }
        return try takeEnd()
    }

    /// Reads at least one byte into the caller's memory; zero at the end of the stream.
    @unsafe
    public func read(
        into memory: UnsafeMutableRawBufferPointer, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> Int {
        let capacity = memory.count
        if capacity == 0 { return 0 }
        var filled = 0
        try await waitUntilReadable(until: deadline)
        while filled < capacity {  // Ends: every turn copies bytes or leaves.
            let count = stream.consume { bytes in
                let count = min(bytes.byteCount, capacity - filled)
                // SAFETY: both sides hold `count` bytes from here on.
                unsafe bytes.extracting(first: count).withUnsafeBytes { lent in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filled...])
                        .copyMemory(from: lent)  // SAFETY: as above.
                }
                return count
            }
            guard let count else { break }
            filled += count
        }
        if filled == 0 { _ = try takeEnd() }
        return filled
    }

    /// Reads what is there, at least one byte and at most `byteCountMax`; empty at the end of the
    /// stream.
    public func read(
        atMost byteCountMax: Int, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> [UInt8] {
        precondition(byteCountMax > 0, "reading nothing says nothing")
        var bytes: [UInt8] = []
        _ = try await consume(until: deadline) { lent in
            let count = min(lent.byteCount, byteCountMax)
            // SAFETY: copied while lent.
            unsafe lent.extracting(first: count).withUnsafeBytes {
                unsafe bytes.append(contentsOf: $0)
            }
            return count
        }
        return bytes
    }

    /// Waits until there are bytes and lends the oldest of them to `body`, which may wait
    /// meanwhile, and answers how many it is done with. Their memory stays where it is, so they can
    /// be written to any connection of the loop without a copy. Returns that number, or nil at the
    /// end of the stream. Nothing else may read the connection meanwhile.
    @unsafe
    public func withReceived(
        until deadline: MonotonicInstant = .never,
        _ body: (UnsafeRawBufferPointer) async throws(SystemError) -> Int
    ) async throws(SystemError) -> Int? {
        try await waitUntilReadable(until: deadline)
        // SAFETY: lent until `unpin`.
        guard let bytes = unsafe stream.pin() else { return try takeEnd() }
        var used = 0
        defer { stream.unpin(used: used) }
        used = unsafe try await body(bytes)  // SAFETY: as above.
        return used
    }

    @inline(__always)
    private func waitUntilReadable(until deadline: MonotonicInstant) async throws(SystemError) {
        precondition(executor.loop.isCurrent, "a connection is used on its loop")
        stream.start()
        guard !stream.isReady else { return }
        let result = await reading.wait(for: stream, until: deadline)
        try Socket.check(result, .receive)
    }

    private func takeEnd() throws(SystemError) -> Int? {
        if case .failed(let code) = stream.end { throw SystemError(.receive, code: code) }
        return nil
    }

    /// Whether the peer has finished or the connection broke, and everything received was read.
    public var isAtEnd: Bool { stream.end != nil && !stream.hasUnread }

    /// Whether a read would not wait: bytes are there, or the end, or an error. Before the first
    /// read nothing is received, and the answer is no.
    public var isReadable: Bool { stream.isReady }

    // MARK: Writing

    /// What was enqueued and could not be sent is lost: what is written behind it would be taken
    /// for what follows.
    private func checkNothingIsLost() throws(SystemError) {
        if let code = output.breakage { throw SystemError(.send, code: code) }
    }

    /// Copies as many of the bytes as there is room for and answers how many; they leave before the
    /// loop sleeps, together with what else is enqueued in this turn. Never waits: at zero, use
    /// `flush`, or `write`, which does. A later call throws if sending has failed meanwhile.
    public func enqueue(_ bytes: RawSpan) throws(SystemError) -> Int {
        precondition(executor.loop.isCurrent, "a connection is used on its loop")
        try checkOpen(for: .send)
        precondition(writer?.isWaiting != true, "one writer at a time")
        if let code = output.failure { throw SystemError(.send, code: code) }
        return output.append(bytes)
    }

    /// Enqueues bytes of an array, from `start` on; as the other form.
    public func enqueue(_ bytes: [UInt8], from start: Int = 0) throws(SystemError) -> Int {
        let rest = bytes.span.extracting(droppingFirst: start)
        return try unsafe enqueue(rest.bytes)  // SAFETY: bytes are bytes, copied at once.
    }

    /// Waits until `enqueue` takes bytes again.
    public func waitForRoom(until deadline: MonotonicInstant = .never) async throws(SystemError) {
        try Socket.check(
            await writing.wait(for: output, isEmpty: false, until: deadline), .send)
        if let code = output.failure { throw SystemError(.send, code: code) }
    }

    /// Waits until the kernel has taken everything that was enqueued.
    public func flush(until deadline: MonotonicInstant = .never) async throws(SystemError) {
        if output.pendingByteCount > 0 {
            try Socket.check(
                await writing.wait(for: output, isEmpty: true, until: deadline), .send)
        }
        // A layer that was closed meanwhile has sent what it took.
        try checkNothingIsLost()
    }

    /// How many enqueued bytes the kernel has not yet taken.
    public var enqueuedByteCount: Int { output.pendingByteCount }

    /// Writes once; returns how many bytes the kernel took, at least one.
    @unsafe
    public func writeSome(
        _ bytes: UnsafeRawBufferPointer, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> Int {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return 0 }
        try checkOpen(for: .send)
        if layer != nil {
            return try await writeThroughLayer(until: deadline) { () throws(SystemError) in
                try unsafe enqueue(bytes.bytes)  // SAFETY: copied while the caller keeps them.
            }
        }
        if output.pendingByteCount > 0 { try await flush(until: deadline) }
        try checkNothingIsLost()
        // SAFETY: the caller keeps the bytes until this returns, which is after the last
        // completion.
        let result = unsafe await writing.perform(
            .send(descriptor: descriptor, from: start, count: bytes.count), until: deadline)
        return try didSend(result)
    }

    /// Counts what was sent past `output`, or tells the reader's side that it failed.
    private func didSend(_ result: Int32) throws(SystemError) -> Int {
        if result < 0 { stream.sendFailed(0 - result) }
        let count = Int(try Socket.check(result, .send))
        directByteCount &+= UInt64(count)
        return count
    }

    /// How many bytes the kernel has taken.
    var wireByteCount: UInt64 { directByteCount &+ output.sentByteCount }

    /// Writes all bytes. When it throws, some prefix of them was written.
    @unsafe
    public func write(
        all bytes: UnsafeRawBufferPointer, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) {
        var sent = 0
        while sent < bytes.count {  // Ends: every turn sends at least one byte or throws.
            // SAFETY: in bounds.
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[sent...])
            // SAFETY: the caller's promise.
            sent += try await unsafe writeSome(rest, until: deadline)
        }
    }

    /// Writes all bytes of an array.
    public func write(
        _ bytes: [UInt8], until deadline: MonotonicInstant = .never
    ) async throws(SystemError) {
        guard !bytes.isEmpty else { return }
        // The kernel reads the memory while the task is suspended, so it must not be an array's.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { unsafe copy.deallocate() }  // SAFETY: the operation is over when the call returns.
        unsafe copy.copyBytes(from: bytes)  // SAFETY: as many bytes were allocated.
        // SAFETY: as above.
        try await unsafe write(all: UnsafeRawBufferPointer(copy), until: deadline)
    }

    /// Writes once what is in the list, and drops from it what the kernel took; returns how many
    /// bytes that were, at least one, or zero for an empty list.
    @unsafe
    public func writeSome(
        _ list: GatherList, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> Int {
        let sent: Int
        switch list.count {
        case 0: return 0
        case _ where layer != nil:
            sent = try await writeThroughLayer(until: deadline) { () throws(SystemError) in
                try enqueue(list)
            }
        case 1:
            // SAFETY: the caller keeps the pieces until this returns.
            sent = unsafe try await writeSome(list.firstPiece, until: deadline)
        default:
            try checkOpen(for: .send)
            if output.pendingByteCount > 0 { try await flush(until: deadline) }
            try checkNothingIsLost()
            // SAFETY: as above; the list lives to the end, after the last completion.
            let result = unsafe await writing.perform(
                .sendMessage(descriptor: descriptor, list.kernelMessage), until: deadline)
            sent = try didSend(result)
        }
        list.advance(by: sent)
        return sent
    }

    /// Writes all bytes of several pieces with as few system calls as the kernel allows: a gather
    /// write. At most 1,024 pieces; who writes often keeps a `GatherList`.
    @unsafe
    public func write(
        gathering pieces: [UnsafeRawBufferPointer], until deadline: MonotonicInstant = .never
    ) async throws(SystemError) {
        let list = GatherList(capacity: max(1, unsafe pieces.count))  // SAFETY: counts.
        // SAFETY: the caller keeps the pieces until this returns.
        for index in unsafe pieces.indices { unsafe list.append(pieces[index]) }
        while list.byteCount > 0 {  // Ends: every turn sends at least one byte or throws.
            // SAFETY: as above.
            _ = unsafe try await writeSome(list, until: deadline)
        }
    }

    /// Says that nothing more will be written: the peer reads the end. Reading goes on; with TLS,
    /// what still comes is dropped (RFC 5246, section 7.2.1).
    public func finishWriting() async throws(SystemError) {
        try checkOpen(for: .send)
        output.finish()
        try await flush()
        try checkOpen(for: .send)
        // Not before: what was enqueued may have met a reset, and then the end is none.
        stream.doubtEnd(false)
        // SAFETY: the request names no memory.
        let result = unsafe await writing.perform(
            .shutdown(descriptor: descriptor, how: Int32(MILLRACE_SHUT_WR)))
        try Socket.check(result, .shutdown)
    }

    // MARK: Cancelling

    /// Where a task waits to write; most connections never need it.
    var writing: Suspension {
        if let writer { return writer }
        let suspension = Suspension(executor)
        if isWatched { suspension.join(reading) }
        writer = suspension
        return suspension
    }

    /// Somebody watches for the cancellation of the calling task, and calls `cancelWaits`.
    func watchWaits() {
        isWatched = true
        _ = reading.watch()
        writer?.join(reading)
    }

    /// The watched task was cancelled.
    func cancelWaits() {
        reading.cancelWatched()
        writer?.cancelWatched()
    }

    /// Runs `body` with one cancellation handler for all that the calling task waits for on this
    /// connection: without it, each wait has one of its own, which costs as much again.
    public func withCancellation<Value, Failure: Error>(
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await TaskScope.run(over: [reading, writing], body)
    }

    // MARK: Closing

    /// Closes the connection: cancels what is under way, gives the receive buffers back. More than
    /// once is the same as once. Tasks that wait on it go on with `ECANCELED`; so does who uses it
    /// afterwards.
    public func close() {
        precondition(executor.loop.isCurrent, "a connection is used on its loop")
        guard !isClosed else { return }
        stop()
        executor.loop.close(descriptor)
    }

    private func stop() {
        isClosed = true
        stream.stop()
        if output.breakage == nil { output.stop() }
        layer?.discard()
    }

    /// Closes a connection on which nothing is under way. With TLS the peer is told that this is
    /// the end (close_notify), as far as the kernel takes that at once; without, it is `close`.
    public func finishAndClose() {
        precondition(executor.loop.isCurrent, "a connection is used on its loop")
        if !isClosed, layer?.isOpen == true { output.finishAtOnce() }
        close()
    }

    /// Closes the connection with a reset: what was not yet sent is dropped.
    public func reset() {
        if !isClosed { _ = millrace_socket_set_linger(descriptor, 0) }
        close()
    }

    /// How many bytes the peer's kernel has acknowledged, by TCP_INFO. The SYN, which the system
    /// counts as one byte on the side that connects, is not counted here; the FIN is, once
    /// `finishWriting` was acknowledged.
    /// With TLS, plain bytes are counted that were written whole: up to the end of a `writeSome`.
    public func acknowledgedByteCount() throws(SystemError) -> UInt64 {
        try checkOpen(for: .setOption)
        let count = try wireAcknowledgedByteCount()
        return layer == nil ? count : marks.reach(count)
    }

    private func wireAcknowledgedByteCount() throws(SystemError) -> UInt64 {
        var info = millrace_tcp_info()
        // SAFETY: the callee fills the structure in.
        try Socket.check(unsafe millrace_socket_tcp_info(descriptor, &info), .setOption)
        // Linux counts the SYN of the side that asked for the connection, not that of the other.
        return isConnectedHere && info.bytes_acked > 0 ? info.bytes_acked - 1 : info.bytes_acked
    }
}
