// SPDX-License-Identifier: MIT

internal import CLinuxShims

// For backends on a kernel interface that tells when a descriptor is ready (poll, epoll, kqueue):
// they keep requests, wait, and try those whose descriptor is. What is tried is the same for all.
extension Request {
    /// Whether the request completes many times: each time but the last with `Completion.hasMore`.
    @inlinable
    public var isStream: Bool {
        switch unsafe self {  // SAFETY: reads which case it is.
        case .acceptStream, .receiveStream: true
        default: false
        }
    }

    /// Whether it receives into the backend's buffers: each completion with a positive result
    /// carries one.
    @inlinable
    public var fillsBuffers: Bool {
        switch unsafe self {  // SAFETY: reads which case it is.
        case .receiveStream: true
        default: false
        }
    }

    /// The events of poll(2) that make `attempt` worth trying again after it answered nil. Zero if
    /// it never does.
    public var readiness: UInt32 {
        switch unsafe self {  // SAFETY: reads plain words.
        case .acceptStream, .receive, .receiveStream, .receiveDatagrams: UInt32(MILLRACE_POLLIN)
        case .connect, .send, .sendMessage, .sendFile, .sendDatagrams: UInt32(MILLRACE_POLLOUT)
        case .poll(_, let events): events
        case .shutdown, .close: 0
        }
    }

    /// Does what is asked, once and without waiting. The answer is a completion's result: a count,
    /// a descriptor, a set of events, zero, or a negated errno; nil if the descriptor is not ready.
    ///
    /// The first attempt of a `connect` starts it and later ones ask how it went, so it is tried
    /// once when it is submitted. Every other request may be tried at any time.
    ///
    /// ```swift
    /// guard let result = request.attempt() else { return wait(for: request.readiness) }
    /// finish(Completion(id: id, result: result))
    /// ```
    ///
    /// - Parameter buffer: where a request that `fillsBuffers` receives to: one of
    ///   `ReceiveBuffers`. Without one it answers `ENOBUFS`. Other requests do not look at it.
    @unsafe
    public func attempt(into buffer: UnsafeMutableRawBufferPointer? = nil) -> Int32? {
        switch unsafe self {  // SAFETY: reads the words of the request.
        case .acceptStream(let listener):
            return acceptOne(from: listener)
        case .connect(let descriptor, let address):
            let status = unsafe millrace_socket_connect(descriptor, address)  // SAFETY: promise 4.
            let isUnderWay =
                status == -Int32(MILLRACE_EINPROGRESS) || status == -Int32(MILLRACE_EALREADY)
            return isUnderWay ? nil : status
        case .receive(let descriptor, let memory, let count):
            // SAFETY: promise 4 of the contract.
            return answer(unsafe millrace_socket_receive(descriptor, memory, count))
        case .receiveStream(let descriptor, _):
            // SAFETY: the caller lends the buffer for the call.
            guard let buffer = unsafe buffer, buffer.count > 0 else {
                return -Int32(MILLRACE_ENOBUFS)
            }
            // SAFETY: as above.
            return answer(
                unsafe millrace_socket_receive(descriptor, buffer.baseAddress, buffer.count))
        case .send(let descriptor, let memory, let count):
            // SAFETY: promise 4.
            return answer(unsafe millrace_socket_send(descriptor, memory, count))
        case .sendMessage(let descriptor, let message):
            // SAFETY: promise 4.
            return answer(unsafe millrace_socket_send_message(descriptor, message))
        case .sendFile(let descriptor, let file, let offset, let count):
            return answer(millrace_socket_send_file(descriptor, file, offset, count))
        case .receiveDatagrams(let descriptor, let datagrams, let count):
            // SAFETY: promise 4.
            let result = unsafe millrace_socket_receive_datagrams(
                descriptor, datagrams, UInt32(clamping: count))
            return answer(Int64(result))
        case .sendDatagrams(let descriptor, let datagrams, let count):
            // SAFETY: promise 4.
            let result = unsafe millrace_socket_send_datagrams(
                descriptor, datagrams, UInt32(clamping: count))
            return answer(Int64(result))
        case .shutdown(let descriptor, let how):
            return millrace_socket_shutdown(descriptor, how)
        case .close(let descriptor):
            return millrace_close(descriptor)
        case .poll(let descriptor, let events):
            // poll(2) passes over negative numbers.
            guard descriptor >= 0 else { return -Int32(MILLRACE_EBADF) }
            let found = millrace_poll_now(descriptor, events)
            return found == 0 ? nil : found
        }
    }
}

/// Nil for "not now".
private func answer(_ result: Int64) -> Int32? {
    result == -Int64(MILLRACE_EAGAIN) ? nil : Int32(clamping: result)
}

/// Accepts one connection, and passes over a bounded number of those that broke before.
private func acceptOne(from listener: Int32) -> Int32? {
    for _ in 0..<64 {
        let result = millrace_socket_accept(listener)
        if result == -Int32(MILLRACE_ECONNABORTED) { continue }
        return answer(Int64(result))
    }
    return -Int32(MILLRACE_ECONNABORTED)
}
