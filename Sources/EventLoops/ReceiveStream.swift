// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The bytes that come in on one connection, with credit: at most `credit` pieces and about
/// `creditByteCount` bytes are held, and the kernel is asked for no more until half of them are
/// back.
///
/// One slow reader thus never drains the buffers that all connections of a loop share. Completions
/// that arrive after the pause are queued behind the others; the order of the bytes is never
/// changed. When another stream finds no buffer, the bytes that this one holds move to memory of
/// its own. All calls on the loop's thread; a stream that was started must be stopped.
@safe
public final class ReceiveStream {
    // States: idle → armed ⇄ (pausing → paused) · armed → starved → armed · any → ended
    //         starved only below the credit; a stream that runs dry above it waits for its reader.
    //
    // Invariants: I1  an operation is under way exactly in `armed` and `pausing`
    //             I2  while one is, the stream holds a reference to itself
    //             I3  `first`, then `rest` from `restStart` on, are in the order of reception;
    //                 `rest` is empty if `first` is nil
    //             I4  the loop lists the stream from `start` until it is stopped

    /// What the waiter waits for.
    private enum Awaited { case bytes, end, opening, wireEnd }

    private enum State { case idle, armed, pausing, paused, starved, ended }

    /// The loop that the connection lives on.
    public let loop: EventLoop
    /// The socket.
    public var descriptor: Int32 { socket }
    /// How many pieces the stream may hold.
    public var credit: Int { Int(pieceCredit) }
    /// How many bytes it may hold, but for a buffer.
    public let creditByteCount: Int

    /// How the stream ended; bytes received before may still be unread.
    public var end: End? {
        guard let layer, !isStopped else { return ending }
        return layer.end
    }

    // Private all of them: a public property is checked for overlapping accesses each time, and so
    // is `rest`, which is therefore looked at only if `restCount` is not zero.
    private var socket: Int32
    private var pieceCredit: Int32
    private var ending: End?
    private var heldBytes = 0
    private var restCount: Int32 = 0
    private var state = State.idle
    private var operation: OperationID?
    private var first: ReceivedChunk?
    private var rest: [ReceivedChunk] = []
    private var restStart: Int32 = 0
    private var isStopped = false
    private var isPinned = false
    /// Somebody has the first piece, for a call.
    private var isReading = false
    /// What is lent of a layer's bytes: a copy, because a layer may drop its own any time.
    private var lentCopy: UnsafeMutableRawBufferPointer?
    private var cancelledInTurn: UInt64 = 0
    /// The neighbours in the loop's list of streams.
    var nextStream: ReceiveStream?
    unowned var previousStream: ReceiveStream?
    private var waiter: LoopJob?
    private var awaited = Awaited.bytes
    private var layer: StreamLayer?
    private var doubt = EndDoubt()

    /// A stream that has not started. Nil takes the loop's limits.
    public init(
        loop: EventLoop, descriptor: Int32, credit: Int? = nil, creditByteCount: Int? = nil
    ) {
        self.loop = loop
        socket = descriptor
        pieceCredit = Self.pieces(credit, loop)
        self.creditByteCount = max(1, creditByteCount ?? loop.options.receiveCreditByteCount)
    }

    private static func pieces(_ credit: Int?, _ loop: EventLoop) -> Int32 {
        Int32(clamping: max(2, credit ?? loop.options.receiveCredit))
    }

    /// Makes the stream one that has not started, of another socket. Nobody else may have a
    /// reference to it: then it was stopped, and its operation is over (I2).
    package func reuse(for descriptor: Int32, credit: Int?) {
        assert(loop.isCurrent)
        precondition(isStopped && operation == nil && !isPinned, "the stream is still in use")
        assert(first == nil && restCount == 0 && waiter == nil && layer == nil)
        socket = descriptor
        pieceCredit = Self.pieces(credit, loop)
        ending = nil
        state = .idle
        isStopped = false
        cancelledInTurn = 0
        doubt = EndDoubt()
    }

    /// How many pieces the stream holds, spilled ones too.
    public var heldBufferCount: Int { (first == nil ? 0 : 1) + Int(restCount) }

    /// How many received bytes wait to be consumed.
    public var heldByteCount: Int { heldBytes }

    /// How many places the list of chunks has; for tests, which see that it does not grow.
    package var slotCount: Int { rest.count }

    /// Whether `consume` would find bytes or the end.
    public var isReady: Bool {
        guard let layer, !isStopped else { return first != nil || ending != nil }
        return unsafe layer.end != nil || layer.readable.count > 0  // SAFETY: a number.
    }

    /// Whether the layer, if there is one, is open, or the end is there.
    public var isOpenOrEnded: Bool { end != nil || layer?.isOpen ?? true }

    /// What stands between the socket and the reader; nil for nothing, and when it is stopped.
    public var currentLayer: StreamLayer? { layer }

    /// Whether the peer's system has ended its side, or the connection broke, whatever a layer
    /// makes of it.
    public var isWireEnded: Bool { ending != nil }

    /// Whether received bytes wait to be consumed.
    public var hasUnread: Bool {
        guard let layer, !isStopped else { return first != nil }
        return unsafe layer.readable.count > 0  // SAFETY: a number.
    }

    /// Asks the kernel for bytes; the first call starts the stream.
    public func start() {
        assert(loop.isCurrent)
        guard state == .idle, !isStopped else { return }
        loop.list(self)
        rearm()
    }

    /// Lends the oldest received bytes to `body`, which answers how many it is done with. Nil if
    /// there are none: then look at `end`, or `whenReady`. If `body` stops the stream, it has the
    /// bytes until it returns.
    public func consume<Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Int
    ) throws(Failure) -> Int? {
        assert(loop.isCurrent)
        precondition(!isPinned && !isReading, "the stream's bytes are lent already")
        if let layer { return try consume(from: layer, body) }
        guard let chunk = first else { return nil }
        // SAFETY: lent for the call.
        let used = unsafe try lend(chunk) { bytes throws(Failure) in unsafe try body(bytes.bytes) }
        if !isStopped { drop(used) }
        return used
    }

    /// Who has the piece keeps it until it returns, also if it stops the stream.
    @inline(__always)
    private func lend<Failure: Error>(
        _ chunk: ReceivedChunk, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        isReading = true
        defer {
            isReading = false
            if isStopped { dropFirst() }
        }
        return unsafe try body(memory(of: chunk))  // SAFETY: given back behind the call.
    }

    private func consume<Failure: Error>(
        from layer: StreamLayer, _ body: (RawSpan) throws(Failure) -> Int
    ) throws(Failure) -> Int? {
        precondition(!layer.isLent, "the stream's bytes are lent already")
        let bytes = unsafe layer.readable  // SAFETY: valid until they are consumed.
        guard bytes.count > 0 else { return nil }
        layer.isLent = true
        defer { layer.isLent = false }
        let used = unsafe try body(bytes.bytes)  // SAFETY: as above.
        if !isStopped { use(used, of: layer) }
        return used
    }

    /// Where a chunk lies.
    private func memory(of chunk: ReceivedChunk) -> UnsafeRawBufferPointer {
        // SAFETY: the buffer is this stream's until it is released.
        let memory = unsafe chunk.spilled ?? address(of: chunk.buffer)
        // SAFETY: the chunk lies within the memory.
        return unsafe UnsafeRawBufferPointer(
            start: memory + Int(chunk.start), count: Int(chunk.end - chunk.start))
    }

    /// Lends the oldest received bytes until `unpin`: their memory stays where it is, so that the
    /// kernel may send from it. Nil if there are none. One pin at a time; no `consume` meanwhile.
    ///
    /// What is lent may not come back for a long time, if the peer that it is sent to does not
    /// read. When most of the loop's buffers are out, the bytes are therefore moved to memory of
    /// the stream's own before they are lent: the last buffers stay for streams that go on.
    @unsafe
    public func pin() -> UnsafeRawBufferPointer? {
        assert(loop.isCurrent)
        precondition(!isPinned && !isReading, "the stream's bytes are lent already")
        if loop.areBuffersScarce { spill() }
        if let layer, !isStopped {
            return unsafe pin(layer.readable)  // SAFETY: copied at once.
        }
        guard !isStopped, let chunk = first else { return nil }
        isPinned = true
        return unsafe memory(of: chunk)  // SAFETY: the buffer is this stream's until `unpin`.
    }

    private func pin(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard bytes.count > 0 else { return nil }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        unsafe copy.copyMemory(from: bytes)  // SAFETY: as many bytes were allocated.
        unsafe lentCopy = copy  // SAFETY: freed by `unpin`.
        isPinned = true
        return UnsafeRawBufferPointer(copy)
    }

    /// Takes back what `pin` lent; the first `used` bytes are done with. Also after `stop`.
    public func unpin(used: Int) {
        assert(loop.isCurrent)
        precondition(isPinned, "nothing is lent")
        isPinned = false
        if let copy = unsafe lentCopy {  // SAFETY: looks at the pointer.
            precondition(used >= 0 && used <= copy.count, "more bytes used than there are")
            unsafe copy.deallocate()  // SAFETY: allocated by `pin`, given back once.
            unsafe lentCopy = nil  // SAFETY: as above.
            // Nothing is left of it if the layer was closed meanwhile.
            guard let layer, !isStopped else { return }
            return unsafe use(min(used, layer.readable.count), of: layer)  // SAFETY: a number.
        }
        guard !isStopped else { return dropFirst() }
        drop(used)
    }

    /// Whether the first chunk's memory is lent.
    private var isFirstLent: Bool {
        unsafe isReading || isPinned && lentCopy == nil  // SAFETY: compares with nil.
    }

    private func drop(_ used: Int) {
        guard let chunk = first else { return }
        precondition(used >= 0 && used <= chunk.end - chunk.start, "more bytes used than there are")
        heldBytes -= used
        if chunk.start + Int32(used) == chunk.end {
            dropFirst()
        } else {
            first?.start += Int32(used)
        }
    }

    /// Calls the job once, as soon as there are bytes or the end. One waiter at a time.
    public func whenReady(_ job: LoopJob) {
        wait(job, for: .bytes)
    }

    /// Calls the job once, as soon as the end is there; bytes may be unread then. The end is not
    /// seen while the credit is used up: the kernel is not asked. In place of the waiter for bytes.
    public func whenEnded(_ job: LoopJob) {
        wait(job, for: .end)
    }

    /// Calls the job once, as soon as the layer is open or the end is there. In place of the waiter
    /// for bytes.
    public func whenOpen(_ job: LoopJob) {
        wait(job, for: .opening)
    }

    /// Calls the job once, as soon as `isWireEnded`. In place of the waiter for bytes.
    public func whenWireEnded(_ job: LoopJob) {
        wait(job, for: .wireEnd)
    }

    private func wait(_ job: LoopJob, for awaited: Awaited) {
        assert(loop.isCurrent)
        precondition(waiter == nil, "a stream has one reader")
        waiter = job
        self.awaited = awaited
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
        guard !isStopped else { return }
        isStopped = true
        if state != .idle { loop.unlist(self) }
        if restCount > 0 { for chunk in rest[Int(restStart)...] { giveBack(chunk) } }
        rest = []
        restStart = 0
        restCount = 0
        if !isFirstLent { dropFirst() }  // Bytes that are lent stay until they come back.
        layer = nil
        heldBytes = 0
        // Who was not told of a sound end must not take this for one: bytes may be lost with it,
        // and the wire's end is none of what a layer carries.
        if case .failed = ending {} else { ending = .failed(Int32(MILLRACE_ECANCELED)) }
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
        guard let chunk = first else { return }
        giveBack(chunk)
        first = nil
        if restCount > 0 { shiftRest() }
        if state == .paused { rearmIfDue() }
    }

    private func giveBack(_ chunk: ReceivedChunk) {
        if let memory = unsafe chunk.spilled {  // SAFETY: looks at the pointer only.
            unsafe memory.deallocate()  // SAFETY: allocated by `spill`, given back once.
        } else {
            loop.release(chunk.buffer)
        }
    }

    private func shiftRest() {
        first = rest[Int(restStart)]
        restStart += 1
        restCount -= 1
        if restCount == 0 {
            rest.removeAll(keepingCapacity: true)
            restStart = 0
        } else if restStart >= 32 && Int(restStart) * 2 >= rest.count {
            rest.removeFirst(Int(restStart))  // Moves at most as many as were dropped.
            restStart = 0
        }
    }

    private func rearmIfDue() {
        if heldBufferCount <= credit / 2 && heldBytes <= creditByteCount / 2 { rearm() }
    }

    private func address(of buffer: UInt16) -> UnsafeMutableRawPointer {
        // SAFETY: only the address is taken.
        guard let address = unsafe loop.buffers[buffer].baseAddress else {
            preconditionFailure("a receive buffer has no memory")
        }
        return unsafe address  // SAFETY: as above.
    }

    /// Moves the bytes that are held to memory of the stream's own and gives the buffers back:
    /// another stream needs them. The bound is the credit, and what the kernel delivers before a
    /// pause takes effect.
    func spill() {
        if !isFirstLent, var chunk = first {
            spill(&chunk)
            first = chunk
        }
        guard restCount > 0 else { return }
        for index in Int(restStart)..<rest.count { spill(&rest[index]) }
    }

    private func spill(_ chunk: inout ReceivedChunk) {
        guard unsafe chunk.spilled == nil else { return }  // SAFETY: looks at the pointer.
        let count = Int(chunk.end - chunk.start)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        // SAFETY: `count` bytes lie there; the buffer is this stream's until it is released.
        unsafe memory.copyMemory(
            from: address(of: chunk.buffer) + Int(chunk.start), byteCount: count)
        loop.release(chunk.buffer)
        loop.counters.spilledBytes &+= UInt64(count)
        // SAFETY: freed by `dropFirst`.
        chunk = unsafe ReceivedChunk(
            buffer: chunk.buffer, start: 0, end: Int32(count), spilled: memory)
    }

    /// Starts the kernel's operation (again).
    func rearm() {
        guard !isStopped, ending == nil else { return state = .ended }
        // SAFETY: the operation holds a reference (I2), released with its last completion.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: as above; the request names no memory.
        operation = unsafe loop.submit(
            .receiveStream(
                descriptor: descriptor, byteCountMax: max(1, creditByteCount - heldBytes)),
            context: context
        ) { context, id, result, flags in
            // SAFETY: the reference taken above.
            let stream = unsafe Unmanaged<ReceiveStream>.fromOpaque(context)
            let completion = Completion(id: id, result: result, flags: flags)
            unsafe stream._withUnsafeGuaranteedRef { $0.take(completion) }  // SAFETY: as above.
            if !completion.hasMore { unsafe stream.release() }  // SAFETY: balanced once (I2).
        }
        if operation == nil {
            unsafe Unmanaged<ReceiveStream>.fromOpaque(context).release()  // SAFETY: not submitted.
            finish(.failed(loop.refusalCode))
            guard let layer else { return wakeWaiter() }
            tellEnd(to: layer)
            layerChanged()
        } else {
            state = .armed
        }
    }

    private func take(_ completion: Completion) {
        if let buffer = completion.buffer {
            append(buffer, byteCount: completion.result, isKept: completion.keepsBuffer)
        }
        if completion.hasMore && isStopped {
            // The cancellation came between two shots, where the kernel does not find it.
            if let operation { loop.cancel(operation) }
        } else if completion.hasMore {
            if heldBufferCount >= credit || heldBytes >= creditByteCount { pause() }
        } else {
            operation = nil
            takeLast(completion.result)
        }
        if let layer, !isStopped { hand(to: layer) }
        if waiter != nil { wakeWaiter() }
    }

    /// Cancels the operation, and again in each turn that still brings bytes: the kernel does not
    /// find a multishot operation while it is between two of its shots.
    private func pause() {
        guard state == .armed || state == .pausing, let operation else { return }
        guard state == .armed || cancelledInTurn != loop.counters.turns else { return }
        state = .pausing
        cancelledInTurn = loop.counters.turns
        loop.cancel(operation)
    }

    /// From here on an end is looked at more closely when it arrives, until this side is about to
    /// end its own (`EndDoubt`).
    package func doubtEnd(_ doubts: Bool) {
        doubt.isOn = doubts
    }

    /// A send on the same socket has failed. If the connection is broken, asks the kernel anew for
    /// the end.
    ///
    /// A multishot receive does not always hear of a reset. Seen on Linux 6.18, two or three times
    /// in 100,000: the receive waits on a socket that is closed, as if of two wake-ups that fell
    /// together only the bytes had been looked at. A new one finds the end at once.
    package func sendFailed(_ code: Int32) {
        guard code != Int32(MILLRACE_ECANCELED) else { return }
        doubt.sendFailed(code)
        guard state == .armed, !isStopped, ending == nil else { return }
        pause()
    }

    private func append(_ buffer: UInt16, byteCount: Int32, isKept: Bool) {
        let start = loop.take(buffer, byteCount: byteCount, isKept: isKept)
        guard !isStopped && byteCount > 0 else { return loop.release(buffer) }
        // SAFETY: no memory yet.
        let chunk = unsafe ReceivedChunk(
            buffer: buffer, start: start, end: start + byteCount, spilled: nil)
        heldBytes += Int(byteCount)
        if first == nil {
            first = chunk
        } else if !extendLast(with: chunk) {
            rest.append(chunk)
            restCount += 1
        }
    }

    /// Bytes that lie behind the last ones in the same buffer are one piece with them, unless those
    /// are lent.
    private func extendLast(with chunk: ReceivedChunk) -> Bool {
        let isAlone = restCount == 0
        guard let last = isAlone ? first : rest.last, last.buffer == chunk.buffer,
            last.end == chunk.start, unsafe last.spilled == nil,  // SAFETY: looks at the pointer.
            !(isAlone && isFirstLent)
        else { return false }
        if isAlone { first?.end = chunk.end } else { rest[rest.count - 1].end = chunk.end }
        loop.release(chunk.buffer)
        return true
    }

    private func takeLast(_ result: Int32) {
        if isStopped { return state = .ended }
        switch result {
        case 0:
            let isBroken = layer == nil && doubt.isBreak(of: socket)
            finish(isBroken ? .failed(Int32(MILLRACE_ECONNRESET)) : .finished)
        case -Int32(MILLRACE_ENOBUFS):
            loop.counters.bufferShortages &+= 1
            // Whoever holds its credit, of pieces or of bytes, waits for its reader: a backend that
            // cannot count ahead may have brought more than the bytes of the credit.
            guard heldBufferCount < credit && heldBytes < creditByteCount else {
                return state = .paused
            }
            state = .starved
            loop.starved.append(self)
        case 1..., -Int32(MILLRACE_ECANCELED):
            // Paused for want of credit, or the kernel ended the multishot by itself.
            state = .paused
            rearmIfDue()
        default:
            finish(.failed(0 - result))
        }
    }

    private func finish(_ end: End) {
        ending = end
        state = .ended
    }

    private func wakeWaiter() {
        guard isAwaitedThere, let job = waiter else { return }
        waiter = nil
        job()
    }

    private var isAwaitedThere: Bool {
        switch awaited {
        case .bytes: isReady
        case .end: end != nil
        case .opening: isOpenOrEnded
        case .wireEnd: isWireEnded
        }
    }

    // MARK: Through a layer

    /// What is received goes through the layer from here on.
    func insert(_ layer: StreamLayer) {
        assert(loop.isCurrent)
        precondition(self.layer == nil, "a stream has one layer")
        precondition(!isPinned && !isStopped && waiter == nil, "a stream in use takes no layer")
        self.layer = layer
        hand(to: layer)
    }

    /// What is received from here on is lent as it is; what the layer has is lost. For who only
    /// waits for the end.
    public func removeLayer() {
        assert(loop.isCurrent)
        precondition(!isPinned && waiter == nil, "a stream in use keeps its layer")
        layer = nil
    }

    /// Hands what came to the layer, as far as it takes it.
    private func hand(to layer: StreamLayer) {
        layer.isReceiving = true
        defer { layer.isReceiving = false }
        while !isStopped, let chunk = first {  // Ends: every turn takes bytes or leaves.
            // SAFETY: lent for the call.
            let taken = unsafe lend(chunk) { unsafe layer.receive($0) }
            if taken == 0 { break }
            if !isStopped { drop(taken) }
        }
        tellEnd(to: layer)
    }

    /// Tells the layer that nothing comes any more: behind all that came, unless the connection is
    /// broken, or the layer waits for bytes to leave and they never will.
    private func tellEnd(to layer: StreamLayer) {
        guard !isStopped, layer.end == nil else { return }
        if let ending, first == nil || ending != .finished {
            layer.wireEnded(ending)
            // SAFETY: a number.
        } else if first != nil, let code = layer.breakage, unsafe layer.readable.count == 0 {
            layer.wireEnded(.failed(code))
        }
    }

    private func use(_ count: Int, of layer: StreamLayer) {
        layer.consume(count)
        goOn()
    }

    /// The layer may take more than before.
    func goOn() {
        guard let layer, !isStopped else { return }
        hand(to: layer)
        layerChanged()
    }

    /// What the waiter waits for may be there. It is called later: whoever changes a layer is in
    /// the middle of something.
    func layerChanged() {
        guard waiter != nil, isAwaitedThere else { return }
        // SAFETY: the job releases the reference.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe Unmanaged<ReceiveStream>.fromOpaque(context).takeRetainedValue().wakeWaiter()
        }
        if !loop.post(job) {
            unsafe Unmanaged<ReceiveStream>.fromOpaque(context).release()  // SAFETY: not posted.
        }
    }
}
