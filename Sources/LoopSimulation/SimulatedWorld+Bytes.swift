// SPDX-License-Identifier: MIT

internal import CLinuxShims

// What passes over a connection, and how it ends.
extension SimulatedWorld {
    /// Sends the pieces of a message: how many bytes were taken, or a negated errno.
    func send(_ socket: SimulatedSocket, _ pieces: [MemoryPiece]) -> Int64 {
        if socket.kind == .datagrams {
            return Int64(sendDatagram(pieces.flatMap(\.copy), from: socket, to: socket.remote))
        }
        if let refusal = refusal(toSendOn: socket) { return Int64(refusal) }
        guard let flow = socket.outgoing else { return -Int64(MILLRACE_EPIPE) }
        let count = pieces.reduce(0) { $0 + $1.count }
        if count == 0 { return 0 }
        guard socket.isWritable else { return -Int64(MILLRACE_EAGAIN) }
        if happens(.reset) {
            breakConnection(of: socket)
            return Int64(takeError(of: socket))
        }
        var left = min(count, flow.room)
        if left > 1 && happens(.shortSend) { left = 1 + random.below(left - 1) }
        let sent = left
        for piece in pieces where left > 0 {
            let part = min(left, piece.count)
            flow.append(piece.prefix(part))
            left -= part
        }
        trace.add(.send, at: time, socket.descriptor ?? -1, Int64(sent))
        deliver(sent, over: flow)
        return Int64(sent)
    }

    private func refusal(toSendOn socket: SimulatedSocket) -> Int32? {
        if socket.kind == .signals { return -Int32(MILLRACE_EINVAL) }
        if socket.pendingError != 0 { return takeError(of: socket) }
        if socket.isReset { return -Int32(MILLRACE_EPIPE) }
        if socket.phase == .connecting { return -Int32(MILLRACE_EAGAIN) }
        if socket.outgoing?.isEndQueued ?? false { return -Int32(MILLRACE_EPIPE) }
        return nil
    }

    /// Puts bytes on their way: in pieces, each behind what was sent before.
    private func deliver(_ count: Int, over flow: SimulatedFlow) {
        if happens(.earlyEnd), let writer = flow.writer {
            flow.cut()
            return end(writer)
        }
        var left = count
        while left > 0 {  // Ends: each turn takes a byte or more.
            let piece = clock == .live || random.below(8) != 0 ? left : 1 + random.below(left)
            schedule(.bytes(flow, count: piece), at: arrival(over: flow))
            left -= piece
        }
    }

    private func arrival(over flow: SimulatedFlow) -> UInt64 {
        let usual = arrival(at: currentTime + latency(), after: flow.lastArrival)
        flow.lastArrival = clock == .live ? usual : max(usual, flow.lastArrival + 1)
        return flow.lastArrival
    }

    /// Receives: a count, zero at the end, or a negated errno.
    @unsafe
    func receive(_ socket: SimulatedSocket, into memory: UnsafeMutableRawBufferPointer) -> Int64 {
        switch socket.kind {
        case .signals: return -Int64(MILLRACE_EINVAL)
        case .datagrams: return unsafe receiveDatagram(socket, into: memory)  // SAFETY: passed on.
        case .stream, .pipe: break
        }
        guard socket.phase != .listening else { return -Int64(MILLRACE_ENOTCONN) }
        if let flow = socket.incoming, flow.arrived > 0, !socket.isReadingShut {
            var wanted = min(memory.count, flow.arrived)
            if wanted > 1 && happens(.shortReceive) { wanted = 1 + random.below(wanted - 1) }
            let hadRoom = flow.room > 0
            // SAFETY: within the memory that the caller lends.
            let count = unsafe flow.take(
                into: UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted]))
            trace.add(.receive, at: time, socket.descriptor ?? -1, Int64(count))
            if !hadRoom || flow.writer?.unsentLimit != .max { touch(flow.writer) }
            return Int64(count)
        }
        if socket.incoming?.isEndArrived ?? false { return 0 }  // Whatever came behind it.
        if socket.pendingError != 0 { return Int64(takeError(of: socket)) }
        if socket.isReset || socket.isReadingShut { return 0 }
        let isWaiting = socket.incoming != nil || socket.phase == .connecting
        return isWaiting ? -Int64(MILLRACE_EAGAIN) : -Int64(MILLRACE_ENOTCONN)
    }

    // MARK: Ends

    func shutdown(_ socket: SimulatedSocket, how: Int32) -> Int32 {
        guard socket.kind != .pipe && socket.kind != .signals else {
            return -Int32(MILLRACE_ENOTSOCK)
        }
        guard socket.phase == .connected || socket.kind == .datagrams else {
            return -Int32(MILLRACE_ENOTCONN)
        }
        if how != Int32(MILLRACE_SHUT_WR) { socket.isReadingShut = true }
        if how != Int32(MILLRACE_SHUT_RD) { end(socket) }
        touch(socket)
        return 0
    }

    /// Sends the end of a socket's outgoing bytes, behind what is under way.
    func end(_ socket: SimulatedSocket) {
        guard let flow = socket.outgoing, !flow.isEndQueued else { return }
        flow.isEndQueued = true
        trace.add(.end, at: time, socket.descriptor ?? -1, 0)
        schedule(.end(flow), at: arrival(over: flow))
    }

    /// Sends a reset to whoever is on the other side, and forgets what is under way to him.
    func sendReset(from socket: SimulatedSocket) {
        socket.outgoing?.cut()
        guard let peer = socket.peer, peer.phase != .closed else { return }
        trace.add(.reset, at: time, socket.descriptor ?? -1, 0)
        schedule(.reset(peer), at: currentTime + latency())
    }

    /// Something on the way has broken the connection: both sides are reset.
    func breakConnection(of socket: SimulatedSocket) {
        sendReset(from: socket)
        reset(socket)
    }

    /// A reset has arrived.
    func reset(_ socket: SimulatedSocket) {
        guard socket.phase == .connected || socket.phase == .connecting, !socket.isReset else {
            return
        }
        statistics.resets += 1
        trace.add(.reset, at: time, socket.descriptor ?? -1, 1)
        socket.isReset = true
        socket.phase = .connected
        // Behind the peer's end it means that he takes nothing any more.
        let isEnded = socket.incoming?.isEndArrived ?? false
        socket.pendingError = Int32(isEnded ? MILLRACE_EPIPE : MILLRACE_ECONNRESET)
        socket.outgoing?.cut()
        socket.incoming?.cut()
        touch(socket)
    }

    /// Closes a socket without its descriptor: what is under way still arrives, as long as nobody
    /// resets.
    func close(_ socket: SimulatedSocket) {
        unbind(socket)
        // One whose answer is still under way is connected for the other side.
        let wasConnected =
            socket.phase == .connected || (socket.phase == .connecting && socket.peer != nil)
        let hasUnread = (socket.incoming?.arrived ?? 0) > 0
        for waiting in socket.backlog {
            waiting.phase = .closed
            sendReset(from: waiting)
        }
        socket.backlog = []
        if wasConnected && !socket.isReset && socket.kind == .stream
            && (socket.resetsOnClose || hasUnread)
        {
            sendReset(from: socket)
        } else if wasConnected && (socket.kind == .pipe || !socket.isReset) {
            end(socket)  // A connection that was reset is gone: no end follows.
        }
        socket.phase = .closed
        socket.incoming?.forgetArrived()
        forget(socket)
        // A pipe's writer learns at once that nobody reads.
        if socket.kind == .pipe, socket.incoming != nil, let writer = socket.peer {
            writer.isReset = true
            touch(writer)
        }
        touch(socket.peer)
    }

    // MARK: Events

    /// Lets everything happen whose time has come.
    func runDueEvents() {
        // Ends: what is scheduled for the same time is bounded by what happened.
        while let event = queue.popDue(at: currentTime) { run(event) }
    }

    private func run(_ event: WorldEvent) {
        switch event {
        case .bytes(let flow, let count): arrive(count, over: flow)
        case .end(let flow):
            trace.add(.arrival, at: time, flow.reader?.descriptor ?? -1, 0)
            flow.isEndArrived = true
            touch(flow.reader)
        case .reset(let socket): reset(socket)
        case .knock(let socket, let attempt): knock(socket, attempt: attempt)
        case .connected(let socket, let peer): connected(socket, peer: peer)
        case .failed(let socket, let code): failed(socket, code: code)
        case .blocking(let body, let argument):
            hasCalledOut = true
            unsafe body(argument)  // SAFETY: `run_blocking` was given both.
        case .script(let body):
            hasCalledOut = true
            body()
        }
    }

    private func arrive(_ count: Int, over flow: SimulatedFlow) {
        guard !flow.isCut else { return }
        guard let reader = flow.reader, reader.phase != .closed else {
            // Bytes for somebody who has closed are answered by a reset.
            flow.discard()
            if let writer = flow.writer { schedule(.reset(writer), at: currentTime + latency()) }
            return
        }
        flow.arrive(count)
        statistics.bytes += UInt64(count)
        trace.add(.arrival, at: time, reader.descriptor ?? -1, Int64(count))
        touch(reader)
    }
}
