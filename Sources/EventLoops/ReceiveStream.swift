// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The bytes that come in on one connection, with credit: at most `credit` buffers are held, and
/// the kernel is asked for no more until half of them are back.
///
/// One slow reader thus never drains the buffers that all connections of a loop share. Completions
/// that arrive after the pause are queued behind the others; the order of the bytes is never
/// changed. All calls on the loop's thread.
@safe
public final class ReceiveStream {
    // States: idle → armed ⇄ (pausing → paused) · armed → starved → armed · any → ended
    //         starved only below the credit; a stream that runs dry above it waits for its reader.
    //
    // Invariants: I1  an operation is under way exactly in `armed` and `pausing`
    //             I2  while one is, the stream holds a reference to itself
    //             I3  chunks are in the order in which they were received

    /// How a stream came to its end.
    public enum End: Hashable, Sendable {
        /// The peer has sent everything.
        case finished
        /// The connection broke, with this errno.
        case failed(Int32)
    }

    private enum State { case idle, armed, pausing, paused, starved, ended }

    /// Received bytes, in a buffer of the backend or, once spilled, in memory of their own.
    @safe
    private struct Chunk {
        var buffer: UInt16
        var start: Int32
        var end: Int32
        var spilled: UnsafeMutableRawPointer?
    }

    /// The loop that the connection lives on.
    public let loop: EventLoop
    /// The socket.
    public let descriptor: Int32
    /// How many buffers the stream may hold.
    public let credit: Int

    private var state = State.idle
    private var operation: OperationID?
    private var chunks: [Chunk] = []
    private var firstChunk = 0
    private var isStopped = false
    private var isOverdrawn = false
    private var cancelledInTurn: UInt64 = 0
    private var waiter: LoopJob?
    /// How the stream ended; bytes received before may still be unread.
    public private(set) var end: End?

    /// A stream that has not started.
    public init(loop: EventLoop, descriptor: Int32, credit: Int? = nil) {
        self.loop = loop
        self.descriptor = descriptor
        self.credit = max(2, credit ?? loop.options.receiveCredit)
    }

    /// How many buffers the stream holds, spilled ones too.
    public var heldBufferCount: Int { chunks.count - firstChunk }

    /// How many places the list of chunks has; for tests, which see that it does not grow.
    package var slotCount: Int { chunks.count }

    /// Whether `consume` would find bytes or the end.
    public var isReady: Bool { heldBufferCount > 0 || end != nil }

    /// Asks the kernel for bytes; the first call starts the stream.
    public func start() {
        assert(loop.isCurrent)
        if state == .idle { rearm() }
    }

    /// Lends the oldest received bytes to `body`, which answers how many it is done with. Nil if
    /// there are none: then look at `end`, or `whenReady`.
    public func consume<Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Int
    ) throws(Failure) -> Int? {
        assert(loop.isCurrent)
        guard heldBufferCount > 0 else { return nil }
        let chunk = chunks[firstChunk]
        // SAFETY: the buffer is this stream's until it is recycled below.
        let memory = unsafe chunk.spilled ?? address(of: chunk.buffer)
        // SAFETY: the chunk lies within the memory.
        let bytes = unsafe UnsafeRawBufferPointer(
            start: memory + Int(chunk.start), count: Int(chunk.end - chunk.start))
        let used = unsafe try body(bytes.bytes)  // SAFETY: lent for the call only.
        precondition(used >= 0 && used <= chunk.end - chunk.start, "more bytes used than there are")
        chunks[firstChunk].start += Int32(used)
        if chunks[firstChunk].start == chunk.end { dropFirst() }
        return used
    }

    /// Calls the job once, as soon as there are bytes or the end. One waiter at a time.
    public func whenReady(_ job: LoopJob) {
        assert(loop.isCurrent)
        precondition(waiter == nil, "a stream has one reader")
        waiter = job
        wakeWaiter()
    }

    /// Forgets the waiter; false if it was called already.
    @discardableResult
    public func cancelWaiter() -> Bool {
        defer { waiter = nil }
        return waiter != nil
    }

    /// Ends the stream: gives the buffers back, cancels what is under way. A waiter is called.
    public func stop() {
        assert(loop.isCurrent)
        isStopped = true
        while heldBufferCount > 0 { dropFirst() }  // Ends: each turn drops one.
        if end == nil { end = .failed(Int32(MILLRACE_ECANCELED)) }
        switch state {
        case .armed, .pausing:
            if let operation { loop.cancel(operation) }
        case .starved:
            loop.starved.removeAll { $0 === self }  // Rare: only when buffers ran dry.
            state = .ended
        case .idle, .paused, .ended:
            state = .ended
        }
        wakeWaiter()
    }

    private func dropFirst() {
        let chunk = chunks[firstChunk]
        if let memory = unsafe chunk.spilled {  // SAFETY: looks at the pointer only.
            unsafe memory.deallocate()  // SAFETY: allocated by `spill`, dropped once.
        } else {
            loop.recycle(chunk.buffer)
        }
        firstChunk += 1
        if firstChunk == chunks.count {
            chunks.removeAll(keepingCapacity: true)
            firstChunk = 0
        } else if firstChunk >= 32 && firstChunk * 2 >= chunks.count {
            chunks.removeFirst(firstChunk)  // Moves at most as many as were dropped.
            firstChunk = 0
        }
        if isOverdrawn && (heldBufferCount <= credit || isStopped) { leaveOverdrawn() }
        if state == .paused && heldBufferCount <= credit / 2 { rearm() }
    }

    private func leaveOverdrawn() {
        isOverdrawn = false
        loop.overdrawn.removeAll { $0 === self }
    }

    private func address(of buffer: UInt16) -> UnsafeMutableRawPointer {
        // SAFETY: only the address is taken.
        guard let address = unsafe loop.backend.buffers[buffer].baseAddress else {
            preconditionFailure("a receive buffer has no memory")
        }
        return unsafe address  // SAFETY: as above.
    }

    /// Gives the buffers beyond the credit back and keeps their bytes in memory of its own. The
    /// bound is what the kernel delivers before a pause takes effect (on io_uring a burst is 32
    /// buffers).
    func spill() {
        isOverdrawn = false
        for index in min(firstChunk + credit, chunks.count)..<chunks.count {
            let chunk = chunks[index]
            guard unsafe chunk.spilled == nil else { continue }  // SAFETY: looks at the pointer.
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: Int(chunk.end), alignment: 16)
            // SAFETY: both hold `end` bytes; the buffer is this stream's until it is recycled.
            unsafe memory.copyMemory(from: address(of: chunk.buffer), byteCount: Int(chunk.end))
            unsafe chunks[index].spilled = memory  // SAFETY: freed by `dropFirst`.
            loop.recycle(chunk.buffer)
        }
    }

    /// Starts the kernel's operation (again).
    func rearm() {
        guard !isStopped, end == nil else { return state = .ended }
        // SAFETY: the operation holds a reference (I2), released with its last completion.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: as above; the request names no memory.
        operation = unsafe loop.submit(
            .receiveStream(descriptor: descriptor), context: context
        ) { context, id, result, flags in
            // SAFETY: the reference taken above.
            let stream = unsafe Unmanaged<ReceiveStream>.fromOpaque(context)
            let completion = Completion(id: id, result: result, flags: flags)
            unsafe stream.takeUnretainedValue().take(completion)  // SAFETY: as above.
            if !completion.hasMore { unsafe stream.release() }  // SAFETY: balanced once (I2).
        }
        if operation == nil {
            unsafe Unmanaged<ReceiveStream>.fromOpaque(context).release()  // SAFETY: not submitted.
            finish(.failed(loop.refusalCode))
            wakeWaiter()
        } else {
            state = .armed
        }
    }

    private func take(_ completion: Completion) {
        if let buffer = completion.buffer { append(buffer, byteCount: completion.result) }
        if completion.hasMore {
            if heldBufferCount >= credit { pause() }
        } else {
            operation = nil
            takeLast(completion.result)
        }
        wakeWaiter()
    }

    /// Cancels the operation, and again in each turn that still brings bytes: the kernel does not
    /// find a multishot operation while it is between two of its shots.
    private func pause() {
        guard state == .armed || state == .pausing, let operation else { return }
        guard state == .armed || cancelledInTurn != loop.statistics.turns else { return }
        state = .pausing
        cancelledInTurn = loop.statistics.turns
        loop.cancel(operation)
    }

    private func append(_ buffer: UInt16, byteCount: Int32) {
        if isStopped || byteCount <= 0 {
            loop.recycle(buffer)
        } else {
            // SAFETY: no memory yet.
            unsafe chunks.append(Chunk(buffer: buffer, start: 0, end: byteCount, spilled: nil))
            if heldBufferCount > credit && !isOverdrawn {
                isOverdrawn = true
                loop.overdrawn.append(self)
            }
        }
    }

    private func takeLast(_ result: Int32) {
        if isStopped { return state = .ended }
        switch result {
        case 0:
            finish(.finished)
        case -Int32(MILLRACE_ENOBUFS):
            loop.statistics.bufferShortages &+= 1
            guard heldBufferCount < credit else { return state = .paused }
            state = .starved
            loop.starved.append(self)
        case 1..., -Int32(MILLRACE_ECANCELED):
            // Paused for want of credit, or the kernel ended the multishot by itself.
            state = .paused
            if heldBufferCount <= credit / 2 { rearm() }
        default:
            finish(.failed(0 - result))
        }
    }

    private func finish(_ end: End) {
        self.end = end
        state = .ended
    }

    private func wakeWaiter() {
        guard isReady, let job = waiter else { return }
        waiter = nil
        job()
    }
}
