// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The bytes that go out on one connection without their sender waiting: `append` copies them, and
/// what was appended in one turn of the loop leaves in one send.
///
/// | Guarantee | `append`                                                                |
/// |-----------|-------------------------------------------------------------------------|
/// | Progress  | never waits; answers how many bytes it took                             |
/// | Order     | bytes leave in the order in which they were appended                    |
/// | Cost      | one copy; one send for all that has come together                       |
/// | Memory    | none while idle; else two blocks (`LoopOptions.sendBlockByteCount`)     |
/// | Threads   | the loop's own                                                          |
///
/// A send that fails is told to whoever appends or waits next: a byte that was taken is on its way,
/// no more. While a send of this stream is pending, no other writing operation may be under way on
/// the descriptor. A stream with bytes must be stopped, or run empty, before its descriptor closes.
@safe
public final class SendStream {
    // States: idle → queued (in the loop's list) → sending ⇄ sending (more was appended) → idle
    //
    // Invariants: I1  a send is under way exactly while `sending` has a block
    //             I2  while one is, the operation holds a reference to the stream
    //             I3  `filling` is nil or holds at least one byte

    /// Copied bytes in a leased block.
    @safe
    private struct Portion {
        let memory: UnsafeMutableRawPointer
        var start: Int32 = 0
        var end: Int32 = 0

        var count: Int { Int(end - start) }
    }

    /// The loop that the connection lives on.
    public let loop: EventLoop
    /// The socket.
    public var descriptor: Int32 { socket }
    /// Why sending failed, a positive errno; later bytes are refused.
    /// A layer that is closed refuses, too.
    public var failure: Int32? { failureCode ?? layer?.refusal }
    /// Why the connection itself has failed: nothing leaves any more, not even what was taken.
    public var breakage: Int32? { failureCode }

    /// How many bytes the kernel has taken so far.
    public var sentByteCount: UInt64 { sentBytes }

    // Private all of them: a public property is checked for overlapping accesses each time.
    private var socket: Int32
    private var failureCode: Int32?
    private var sentBytes: UInt64 = 0
    private var filling: Portion?
    private var sending: Portion?
    private var operation: OperationID?
    private var isQueued = false
    private var waiter: LoopJob?
    private var waitsForRoom = false
    private var layer: StreamLayer?

    /// What is received on the same socket, if it is to hear that sending failed; nil when it has.
    private var counterpart: ReceiveStream?

    /// A stream with nothing to send. When sending fails, `counterpart` asks the kernel once more
    /// for the end: io_uring may owe it one (`ReceiveStream.sendFailed`).
    public init(loop: EventLoop, descriptor: Int32, counterpart: ReceiveStream? = nil) {
        self.loop = loop
        socket = descriptor
        self.counterpart = counterpart
    }

    /// Makes the stream one with nothing to send, of another socket. Nobody else may have a
    /// reference to it: then no send is under way (I2).
    package func reuse(for descriptor: Int32, counterpart: ReceiveStream) {
        assert(loop.isCurrent)
        precondition(operation == nil && !isQueued, "the stream is still in use")
        assert(filling == nil && sending == nil && waiter == nil && layer == nil)
        socket = descriptor
        self.counterpart = counterpart
        failureCode = nil
        sentBytes = 0
    }

    /// How many bytes were appended and not yet taken by the kernel.
    public var pendingByteCount: Int {
        (filling?.count ?? 0) + (sending?.count ?? 0) + (layer?.pendingByteCount ?? 0)
    }

    /// How many bytes `append` would take now.
    public var room: Int {
        if failureCode != nil { return 0 }
        return layer?.room ?? blockRoom
    }

    /// How many bytes fit into the block that is being filled.
    private var blockRoom: Int { loop.sendBlocks.value.byteCount - Int(filling?.end ?? 0) }

    /// Copies as many of the bytes as there is room for, and answers how many. They leave before
    /// the loop sleeps.
    public func append(_ bytes: RawSpan) -> Int {
        assert(loop.isCurrent)
        if let layer { return append(bytes, to: layer) }
        let count = min(bytes.byteCount, room)
        guard count > 0 else { return 0 }
        // SAFETY: written to in the call alone.
        unsafe fill { memory in
            // SAFETY: the block has room for `count` bytes.
            unsafe bytes.extracting(first: count).withUnsafeBytes {
                unsafe memory.copyMemory(from: $0)  // SAFETY: as above.
            }
            return count
        }
        return count
    }

    /// Lets the block that is being filled take bytes.
    @inline(__always)
    private func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) {
        // SAFETY: leased until it is given back, by `fail` or by `take`.
        var portion = unsafe filling ?? Portion(memory: loop.sendBlocks.value.lease())
        // SAFETY: what lies behind `end` in the block is free.
        let free = unsafe UnsafeMutableRawBufferPointer(
            start: portion.memory + Int(portion.end),
            count: loop.sendBlocks.value.byteCount - Int(portion.end))
        portion.end += Int32(unsafe body(free))  // SAFETY: as above.
        filling = portion
        queue()
    }

    /// Before the loop sleeps, what there is leaves.
    @inline(__always)
    private func queue() {
        guard sending == nil && !isQueued else { return }
        isQueued = true
        loop.queuedSends.value.append(self)
    }

    /// Calls the job once, as soon as `append` takes bytes or sending has failed.
    public func whenRoom(_ job: LoopJob) {
        wait(job, forRoom: true)
    }

    /// Calls the job once, as soon as the kernel has taken every byte or sending has failed.
    public func whenEmpty(_ job: LoopJob) {
        wait(job, forRoom: false)
    }

    private func wait(_ job: LoopJob, forRoom: Bool) {
        assert(loop.isCurrent)
        precondition(waiter == nil, "a send stream has one waiter")
        waiter = job
        waitsForRoom = forRoom
        wakeWaiter()
    }

    /// Forgets the waiter; false if it was called already.
    @discardableResult
    public func cancelWaiter() -> Bool {
        defer { waiter = nil }
        return waiter != nil
    }

    /// Ends the stream: bytes that the kernel has not taken are dropped, what is under way is
    /// cancelled. A waiter is called.
    public func stop() {
        assert(loop.isCurrent)
        fail(Int32(MILLRACE_ECANCELED))
        if let operation { loop.cancel(operation) }
    }

    /// The loop is about to wait: what was appended in this turn leaves. False if sending failed.
    func sendQueued() -> Bool {
        if let layer, failureCode == nil {
            layer.flush()
            takeFromLayer()
        }
        isQueued = false
        if sending == nil { sendFilling() }
        if layer != nil { takeFromLayer() }
        return failureCode == nil
    }

    private func sendFilling() {
        guard failureCode == nil, let portion = filling else { return }
        sending = portion
        filling = nil
        submit(portion)
    }

    private func submit(_ portion: Portion) {
        // SAFETY: the operation holds a reference (I2), released with its completion.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: the block is leased until the completion.
        operation = unsafe loop.submit(
            .send(
                descriptor: descriptor, from: portion.memory + Int(portion.start),
                count: portion.count),
            context: context
        ) { context, _, result, _ in
            // SAFETY: the reference taken above.
            unsafe Unmanaged<SendStream>.fromOpaque(context).takeRetainedValue().take(result)
        }
        if operation == nil {
            unsafe Unmanaged<SendStream>.fromOpaque(context).release()  // SAFETY: not submitted.
            take(-loop.refusalCode)
        }
    }

    private func take(_ result: Int32) {
        operation = nil
        guard var portion = sending else { return }
        portion.start += max(0, result)
        sentBytes &+= UInt64(max(0, result))
        assert(portion.start <= portion.end, "the kernel took more than there was")
        if result > 0 && portion.count > 0 && failureCode == nil {
            sending = portion
            return submit(portion)
        }
        unsafe loop.sendBlocks.value.giveBack(portion.memory)  // SAFETY: the kernel let go of it.
        sending = nil
        if result <= 0 {
            let other = counterpart
            let code = result == 0 ? Int32(MILLRACE_EPIPE) : 0 - result
            fail(code)
            other?.sendFailed(code)
        }
        if let layer, failureCode == nil {
            layer.flush()
            takeFromLayer()
        }
        sendFilling()
        if layer != nil { takeFromLayer() }
        wakeWaiter()
    }

    private func fail(_ code: Int32) {
        if failureCode == nil { failureCode = code }
        counterpart = nil
        // SAFETY: nobody has it.
        if let portion = filling { unsafe loop.sendBlocks.value.giveBack(portion.memory) }
        filling = nil
        let lost = layer
        layer = nil
        lost?.wireHasLeft()
        wakeWaiter()
    }

    private func wakeWaiter() {
        guard isAwaitedThere, let job = waiter else { return }
        waiter = nil
        job()
    }

    private var isAwaitedThere: Bool {
        if failureCode != nil { return true }
        return waitsForRoom ? failure != nil || room > 0 : pendingByteCount == 0
    }

    // MARK: Through a layer

    /// What is appended goes through the layer from here on.
    func insert(_ layer: StreamLayer) {
        assert(loop.isCurrent)
        precondition(self.layer == nil, "a stream has one layer")
        precondition(waiter == nil, "a stream in use takes no layer")
        self.layer = layer
        takeFromLayer()
    }

    private func append(_ bytes: RawSpan, to layer: StreamLayer) -> Int {
        guard failureCode == nil else { return 0 }
        var taken = 0
        while taken < bytes.byteCount {  // Ends: every turn takes bytes, moves some, or leaves.
            // SAFETY: lent for the call.
            let count = unsafe bytes.extracting(droppingFirst: taken).withUnsafeBytes {
                unsafe layer.write($0)  // SAFETY: as above.
            }
            taken += count
            if taken == bytes.byteCount || !takeFromLayer() && count == 0 { break }
        }
        if taken > 0 { queue() }
        return taken
    }

    /// Ends what is written: a layer says so to the peer, behind what was appended.
    public func finish() {
        guard let layer, failureCode == nil else { return }
        layer.finishWhenBack()
        takeFromLayer()
    }

    /// The same for a stream that is stopped next: what the layer says goes to the kernel in the
    /// call. Nothing is said if bytes are still to be sent: they will be lost, so it is no end.
    package func finishAtOnce() {
        guard layer != nil, pendingByteCount == 0 else { return }
        finish()
        guard let portion = filling else { return }
        // SAFETY: in the block, which is leased. A kernel without room takes none of it.
        _ = unsafe millrace_socket_send(socket, portion.memory + Int(portion.start), portion.count)
    }

    /// Moves bytes from the layer to where they leave from; whether there were any.
    @discardableResult
    func takeFromLayer() -> Bool {
        guard let layer else { return false }
        var isMoved = false
        // Ends: every turn moves bytes.
        while failureCode == nil, layer.hasWireBytes, blockRoom > 0 {
            unsafe fill { unsafe layer.fill($0) }  // SAFETY: written to in the call alone.
            isMoved = true
        }
        if isMoved { layer.wireHasLeft() }
        return isMoved
    }

    /// What the waiter waits for may be there. It is called later: whoever changes a layer is in
    /// the middle of something.
    func layerChanged() {
        guard waiter != nil, isAwaitedThere else { return }
        // SAFETY: the job releases the reference.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe Unmanaged<SendStream>.fromOpaque(context).takeRetainedValue().wakeWaiter()
        }
        if !loop.post(job) {
            unsafe Unmanaged<SendStream>.fromOpaque(context).release()  // SAFETY: not posted.
        }
    }
}
