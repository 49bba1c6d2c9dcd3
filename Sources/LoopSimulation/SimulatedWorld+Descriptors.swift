// SPDX-License-Identifier: MIT

internal import CLinuxShims

// Descriptors: opening, closing, options, questions, datagrams, signals.
extension SimulatedWorld {
    func open(family: Int32, type: Int32) -> Int32 {
        let kind: SimulatedSocket.Kind
        switch type {
        case Int32(MILLRACE_SOCK_STREAM): kind = .stream
        case Int32(MILLRACE_SOCK_DGRAM): kind = .datagrams
        default: return -Int32(MILLRACE_EINVAL)
        }
        return install(SimulatedSocket(kind: kind, family: family, identity: newIdentity()))
    }

    /// Two connected ends: of a pipe for a type of zero, else of Unix sockets.
    func openPair(type: Int32) -> (Int32, Int32) {
        let isPipe = type == 0
        let isDatagram = type == Int32(MILLRACE_SOCK_DGRAM)
        let kind: SimulatedSocket.Kind = isPipe ? .pipe : isDatagram ? .datagrams : .stream
        let ends = (0..<2).map { _ in
            SimulatedSocket(kind: kind, family: Int32(MILLRACE_AF_UNIX), identity: newIdentity())
        }
        for end in ends { end.phase = .connected }
        ends[0].peer = ends[1]
        ends[1].peer = ends[0]
        if isPipe {
            // A page of a pipe is not shared by both ends, as a socket's buffers are.
            ends[1].sendBuffer = 32_768
            ends[0].receiveBuffer = 32_768
            ends[1].outgoing = flow(from: ends[1], to: ends[0])
            ends[0].incoming = ends[1].outgoing
        } else if !isDatagram {
            join(ends[0], ends[1])
        }
        return (install(ends[0]), install(ends[1]))
    }

    func close(_ descriptor: Int32) -> Int32 {
        guard let socket = socket(descriptor) else {
            statistics.strayCloses += 1
            return -Int32(MILLRACE_EBADF)
        }
        trace.add(.close, at: time, descriptor, socket.identity)
        close(socket)
        uninstall(descriptor)
        return 0
    }

    func setOption(_ socket: SimulatedSocket, _ option: Int32, _ value: Int32) -> Int32 {
        switch Int(option) {
        case MILLRACE_OPTION_REUSE_PORT: socket.sharesPort = value != 0
        case MILLRACE_OPTION_LINGER: socket.resetsOnClose = value == 0
        // The kernel doubles both, for its own records. socket(7).
        case MILLRACE_OPTION_SEND_BUFFER: socket.sendBuffer = max(2048, Int(value)) * 2
        case MILLRACE_OPTION_RECEIVE_BUFFER: socket.receiveBuffer = max(1024, Int(value)) * 2
        case MILLRACE_OPTION_UNSENT_LIMIT: socket.unsentLimit = value < 0 ? .max : Int(value)
        default: break
        }
        if let flow = socket.outgoing, let peer = socket.peer {
            flow.capacity = SimulatedSocket.capacity(from: socket, to: peer)
        }
        if let flow = socket.incoming, let peer = socket.peer {
            flow.capacity = SimulatedSocket.capacity(from: peer, to: socket)
        }
        return 0
    }

    func ask(_ descriptor: Int32, _ question: Int32) -> Int64 {
        guard let socket = socket(descriptor) else { return -Int64(MILLRACE_EBADF) }
        switch Int(question) {
        case MILLRACE_ASK_ERROR: return Int64(takeError(of: socket))
        case MILLRACE_ASK_FLAGS: return Int64(MILLRACE_FD_CLOEXEC)
        case MILLRACE_ASK_IDENTITY: return socket.identity
        case MILLRACE_ASK_IS_NONBLOCKING: return 1
        default: return -Int64(MILLRACE_EINVAL)
        }
    }

    func address(of socket: SimulatedSocket, isPeer: Bool) -> Result<SimulatedAddress, SocketCode> {
        if isPeer {
            guard socket.phase == .connected || socket.kind == .datagrams,
                let remote = socket.remote
            else { return .failure(SocketCode(-Int32(MILLRACE_ENOTCONN))) }
            return .success(remote)
        }
        return .success(socket.local ?? .loopback(family: socket.family, port: 0).wildcard)
    }

    func information(of socket: SimulatedSocket) -> millrace_tcp_info {
        var info = millrace_tcp_info()
        guard let flow = socket.outgoing else { return info }
        let notSent = socket.unsentByteCount
        // The FIN counts as a byte, unless a box on the way has made it. So does the SYN (RFC 9293,
        // section 3.4), but Linux adds up only that of the side which asked for the connection.
        let hasEnd = flow.isEndArrived && !flow.isCut
        info.bytes_acked = flow.arrivedTotal + (socket.hasConnected ? 1 : 0) + (hasEnd ? 1 : 0)
        info.bytes_sent = flow.sentTotal - UInt64(notSent)
        info.not_sent_bytes = UInt32(clamping: notSent)
        info.unacked_segments = flow.underWay > 0 ? UInt32(flow.underWay / 1460 + 1) : 0
        // TCP_ESTABLISHED, or TCP_CLOSE. tcp(7).
        info.state = socket.isReset ? 7 : 1
        return info
    }

    // MARK: Datagrams

    func sendDatagram(
        _ bytes: [UInt8], from socket: SimulatedSocket, to address: SimulatedAddress?
    ) -> Int32 {
        if socket.pendingError != 0 { return takeError(of: socket) }
        guard bytes.count <= 65_507 else { return -Int32(MILLRACE_EMSGSIZE) }
        if socket.family == Int32(MILLRACE_AF_UNIX) {
            guard let peer = socket.peer, peer.phase != .closed else {
                return -Int32(MILLRACE_ECONNREFUSED)
            }
            guard peer.datagrams.count < SimulatedDatagram.queueMax else {
                return -Int32(MILLRACE_EAGAIN)
            }
            peer.datagrams.append(SimulatedDatagram(bytes: bytes, source: nil))
            touch(peer)
            return Int32(bytes.count)
        }
        guard let address else { return -Self.needsAddress }
        if socket.local == nil {
            _ = bind(socket, to: .loopback(family: socket.family, port: 0))
        }
        let receivers = (bound[address] ?? bound[address.wildcard] ?? [])
            .filter { $0.kind == .datagrams }
        guard let receiver = receivers.first else {
            // The host answers that nobody is there; who is connected is told.
            if socket.remote != nil {
                socket.pendingError = Int32(MILLRACE_ECONNREFUSED)
                touch(socket)
            }
            return Int32(bytes.count)
        }
        receiver.datagrams.append(SimulatedDatagram(bytes: bytes, source: socket.local))
        touch(receiver)
        return Int32(bytes.count)
    }

    /// EDESTADDRREQ.
    private static var needsAddress: Int32 { 89 }

    /// Receives one datagram without its sender; what does not fit is lost.
    @unsafe
    func receiveDatagram(
        _ socket: SimulatedSocket, into memory: UnsafeMutableRawBufferPointer
    ) -> Int64 {
        guard !socket.datagrams.isEmpty else {
            return socket.pendingError != 0 ? Int64(takeError(of: socket)) : -Int64(MILLRACE_EAGAIN)
        }
        let bytes = socket.datagrams.removeFirst().bytes
        let count = min(bytes.count, memory.count)
        // SAFETY: `count` fits.
        unsafe memory.copyBytes(from: bytes[..<count])
        touch(socket.peer)
        return Int64(count)
    }

    /// sendmmsg(2): how many were sent.
    @unsafe
    func sendDatagrams(
        _ socket: SimulatedSocket, _ datagrams: UnsafeMutableBufferPointer<millrace_datagram>
    ) -> Int32 {
        for index in datagrams.indices {  // SAFETY: plain words.
            let message = unsafe datagrams[index].message  // SAFETY: in bounds.
            let bytes = unsafe MemoryPiece.all(of: message).flatMap(\.copy)  // SAFETY: lent.
            var address = socket.remote
            // SAFETY: a name is an address of so many bytes.
            if let name = unsafe message.name {
                unsafe address = SimulatedAddress(
                    bytesAt: name, count: Int(message.name_length))  // SAFETY: as above.
            }
            let result = sendDatagram(bytes, from: socket, to: address)
            if result < 0 { return index > 0 ? Int32(index) : result }
            unsafe datagrams[index].length = UInt32(result)  // SAFETY: in bounds.
        }
        return Int32(datagrams.count)
    }

    /// recvmmsg(2): how many came.
    @unsafe
    func receiveDatagrams(
        _ socket: SimulatedSocket, _ datagrams: UnsafeMutableBufferPointer<millrace_datagram>
    ) -> Int32 {
        if socket.datagrams.isEmpty {
            return socket.pendingError != 0 ? takeError(of: socket) : -Int32(MILLRACE_EAGAIN)
        }
        var count = 0
        while count < datagrams.count, !socket.datagrams.isEmpty {  // Ends: takes one each turn.
            let datagram = socket.datagrams.removeFirst()
            unsafe fill(&datagrams[count], with: datagram)  // SAFETY: in bounds.
            count += 1
        }
        touch(socket.peer)
        return Int32(count)
    }

    @unsafe
    private func fill(_ entry: inout millrace_datagram, with datagram: SimulatedDatagram) {
        var rest = datagram.bytes[...]
        let pieces = unsafe MemoryPiece.all(of: entry.message)  // SAFETY: lent for the call.
        for piece in pieces { rest = rest.dropFirst(piece.overwrite(with: rest)) }
        // SAFETY: a plain word.
        unsafe entry.length = UInt32(datagram.bytes.count - rest.count)
        // SAFETY: a word.
        unsafe entry.message.flags = rest.isEmpty ? 0 : Int32(MILLRACE_MSG_TRUNC)
        // SAFETY: room for an address of `name_length` bytes.
        guard let name = unsafe entry.message.name, let source = datagram.source else { return }
        // SAFETY: a word.
        let count = unsafe min(Int(entry.message.name_length), source.bytes.count)
        // SAFETY: as above.
        unsafe UnsafeMutableRawBufferPointer(start: name, count: count)
            .copyBytes(from: source.bytes[..<count])
        unsafe entry.message.name_length = UInt32(source.bytes.count)  // SAFETY: a word.
    }

    // MARK: Signals

    func openSignals(mask: UInt64) -> Int32 {
        let socket = SimulatedSocket(kind: .signals, family: 0, identity: newIdentity())
        socket.signalMask = mask
        return install(socket)
    }

    func readSignal(_ socket: SimulatedSocket) -> Int32 {
        guard socket.kind == .signals else { return -Int32(MILLRACE_EINVAL) }
        return socket.signals.isEmpty ? -Int32(MILLRACE_EAGAIN) : socket.signals.removeFirst()
    }

    /// Sends a signal to the program in this world: to whoever reads it from a `SignalStream`.
    public func raise(signal: Int32) {
        locked {
            for case let socket? in sockets where socket.kind == .signals {
                guard signal > 0, signal < 64, socket.signalMask & (1 << UInt64(signal)) != 0
                else { continue }
                socket.signals.append(signal)
                touch(socket)
                return
            }
        }
    }
}

/// A negated errno as an error.
struct SocketCode: Error {
    let code: Int32

    init(_ code: Int32) {
        self.code = code
    }
}
