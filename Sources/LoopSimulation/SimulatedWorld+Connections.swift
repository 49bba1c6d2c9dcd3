// SPDX-License-Identifier: MIT

internal import CLinuxShims

// How connections come to be: binding, listening, connecting, accepting, names.
extension SimulatedWorld {
    func bind(_ socket: SimulatedSocket, to address: SimulatedAddress) -> Int32 {
        guard socket.local == nil else { return -Int32(MILLRACE_EINVAL) }
        var address = address
        if address.family != Int32(MILLRACE_AF_UNIX) && address.port == 0 {
            address = address.withPort(freePort(like: address))
        }
        let others = (bound[address] ?? []).filter { $0.kind == socket.kind }
        guard others.allSatisfy({ $0.sharesPort && socket.sharesPort }) else {
            return -Int32(MILLRACE_EADDRINUSE)
        }
        socket.local = address
        bound[address, default: []].append(socket)
        return 0
    }

    private func freePort(like address: SimulatedAddress) -> UInt16 {
        var port = nextPort
        while bound[address.withPort(port)] != nil {  // Ends: fewer are bound than there are.
            port = port == .max ? 32_768 : port + 1
        }
        nextPort = port == .max ? 32_768 : port + 1
        return port
    }

    func unbind(_ socket: SimulatedSocket) {
        guard let local = socket.local else { return }
        bound[local]?.removeAll { $0 === socket }
        if bound[local]?.isEmpty ?? false { bound[local] = nil }
    }

    func listen(_ socket: SimulatedSocket, backlog: Int) -> Int32 {
        guard socket.kind == .stream else { return -Int32(MILLRACE_EOPNOTSUPP) }
        guard socket.phase == .fresh || socket.phase == .listening else {
            return -Int32(MILLRACE_EINVAL)
        }
        if socket.local == nil {
            _ = bind(socket, to: .loopback(family: socket.family, port: 0))
        }
        socket.phase = .listening
        socket.backlogMax = max(0, backlog) + 1
        return 0
    }

    /// Takes a connection out of the backlog: its descriptor or a negated errno.
    func accept(_ socket: SimulatedSocket) -> Int32 {
        guard socket.kind != .datagrams else { return -Int32(MILLRACE_EOPNOTSUPP) }
        guard socket.phase == .listening else { return -Int32(MILLRACE_EINVAL) }
        guard !socket.backlog.isEmpty else { return -Int32(MILLRACE_EAGAIN) }
        if happens(.noDescriptor) { return -Int32(MILLRACE_EMFILE) }
        let accepted = socket.backlog.removeFirst()
        let descriptor = install(accepted)
        trace.add(.accept, at: time, socket.descriptor ?? -1, Int64(descriptor))
        return descriptor
    }

    // MARK: Connecting

    func connect(_ socket: SimulatedSocket, to address: SimulatedAddress) -> Int32 {
        if socket.kind == .datagrams {
            socket.remote = address
            return 0
        }
        guard socket.kind == .stream else { return -Int32(MILLRACE_ENOTSOCK) }
        switch socket.phase {
        case .listening, .closed: return -Int32(MILLRACE_EINVAL)
        case .connecting: return -Int32(MILLRACE_EALREADY)
        case .connected:
            defer { socket.isConnectTold = true }
            return socket.isConnectTold ? -Self.isConnected : takeError(of: socket)
        case .fresh: break
        }
        if socket.pendingError != 0 { return takeError(of: socket) }
        if socket.local == nil {
            socket.local = SimulatedAddress.loopback(
                family: socket.family, port: freePort(like: address))
        }
        socket.remote = address
        socket.phase = .connecting
        schedule(.knock(socket, attempt: 0), at: arrival(at: currentTime + latency()))
        if clock == .live { runDueEvents() }
        // Success may be told at once; a refusal is told to who asks again.
        guard socket.phase == .connected else { return -Int32(MILLRACE_EINPROGRESS) }
        socket.isConnectTold = true
        return 0
    }

    /// EISCONN.
    private static var isConnected: Int32 { 106 }

    /// SO_ERROR, negated; it is told once.
    func takeError(of socket: SimulatedSocket) -> Int32 {
        defer { socket.pendingError = 0 }
        return -socket.pendingError
    }

    /// A connect has reached the host that it goes to.
    func knock(_ socket: SimulatedSocket, attempt: Int) {
        guard socket.phase == .connecting, let address = socket.remote else { return }
        trace.add(.knock, at: time, socket.descriptor ?? -1, Int64(attempt))
        if attempt == 0 {
            if happens(.silentHost) {
                return schedule(
                    .failed(socket, code: Int32(MILLRACE_ETIMEDOUT)),
                    at: currentTime + 127_000_000_000)
            }
            if happens(.unreachableHost) {
                return schedule(
                    .failed(socket, code: Int32(MILLRACE_EHOSTUNREACH)),
                    at: currentTime + latency() * 100)
            }
        }
        guard let listener = listener(at: address), !happens(.refusedConnect) else {
            return schedule(
                .failed(socket, code: Int32(MILLRACE_ECONNREFUSED)), at: currentTime + latency())
        }
        guard listener.backlog.count < listener.backlogMax else {
            // The host drops what it has no room for; the other side tries again after 1, 2, 4 … s.
            if attempt >= 6 {
                return schedule(
                    .failed(socket, code: Int32(MILLRACE_ETIMEDOUT)), at: currentTime + 1)
            }
            return schedule(
                .knock(socket, attempt: attempt + 1), at: currentTime + 1_000_000_000 << attempt)
        }
        let accepted = SimulatedSocket(
            kind: .stream, family: socket.family, identity: newIdentity())
        accepted.sendBuffer = listener.sendBuffer
        accepted.receiveBuffer = listener.receiveBuffer
        accepted.local = address
        accepted.remote = socket.local
        join(socket, accepted)
        accepted.phase = .connected
        listener.backlog.append(accepted)
        touch(listener)
        let answer = arrival(at: currentTime + latency())
        accepted.outgoing?.lastArrival = answer
        schedule(.connected(socket, peer: accepted), at: answer)
    }

    /// One of those who listen at an address, or at every address with its port.
    private func listener(at address: SimulatedAddress) -> SimulatedSocket? {
        for key in [address, address.wildcard] {
            let listeners = (bound[key] ?? []).filter { $0.phase == .listening }
            if listeners.count == 1 { return listeners[0] }
            if !listeners.isEmpty { return listeners[random.below(listeners.count)] }
        }
        return nil
    }

    /// Lays both directions between two sockets.
    func join(_ near: SimulatedSocket, _ far: SimulatedSocket) {
        near.peer = far
        far.peer = near
        near.outgoing = flow(from: near, to: far)
        far.outgoing = flow(from: far, to: near)
        near.incoming = far.outgoing
        far.incoming = near.outgoing
    }

    func flow(from writer: SimulatedSocket, to reader: SimulatedSocket) -> SimulatedFlow {
        let flow = SimulatedFlow(capacity: SimulatedSocket.capacity(from: writer, to: reader))
        flow.writer = writer
        flow.reader = reader
        return flow
    }

    /// The answer has come.
    func connected(_ socket: SimulatedSocket, peer: SimulatedSocket) {
        guard socket.phase == .connecting else { return }
        trace.add(.connected, at: time, socket.descriptor ?? -1, peer.identity)
        socket.phase = .connected
        socket.hasConnected = true
        statistics.connections += 1
        touch(socket)
    }

    /// A connect has failed; the socket can be told so once, and tried again.
    func failed(_ socket: SimulatedSocket, code: Int32) {
        guard socket.phase == .connecting else { return }
        trace.add(.failed, at: time, socket.descriptor ?? -1, Int64(code))
        socket.phase = .fresh
        socket.pendingError = code
        touch(socket)
    }

    // MARK: Names

    /// Fills in a name's addresses: how many, or minus 1000 plus EAI_NONAME (-2).
    @unsafe
    func resolve(
        _ host: String, port: UInt16, _ found: UnsafeMutableBufferPointer<millrace_address>
    ) -> Int32 {
        guard let addresses = names[host], !happens(.unknownName) else { return -1002 }
        var count = 0
        for address in addresses.prefix(found.count) {
            unsafe found[count] = address.withPort(port).storage  // SAFETY: below the count.
            count += 1
        }
        return Int32(count)
    }
}
