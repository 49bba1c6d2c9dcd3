// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// An operation that waits until its descriptor is ready.
@unsafe
struct PendingOperation {
    enum Kind: UInt8 {
        case none, acceptStream, receive, receiveStream, receiveDatagrams, poll, connect
        case send, sendMessage, sendFile, sendDatagrams
    }

    var id: OperationID
    var kind: Kind
    var descriptor: Int32
    /// Where the bytes, the message or the datagrams lie.
    var memory: UnsafeMutableRawPointer?
    /// How many bytes or datagrams; for `poll` the events.
    var count: Int
    /// For `sendFile`: the file and the place in it.
    var file: Int32 = -1
    var offset: UInt64 = 0
    /// The slot of the operation behind this one in its queue.
    var next: UInt32

    /// Whether it waits for room, not for something to read.
    var isWriting: Bool {
        // SAFETY: reads the record.
        switch unsafe kind {
        case .connect, .send, .sendMessage, .sendFile, .sendDatagrams: true
        case .none, .acceptStream, .receive, .receiveStream, .receiveDatagrams, .poll: false
        }
    }

    /// Makes the system call without waiting: its result, or nil if the descriptor is not ready.
    func attempt() -> Int32? {
        let result = unsafe call()  // SAFETY: as there.
        return result == -Int64(MILLRACE_EAGAIN) ? nil : Int32(clamping: result)
    }

    private func call() -> Int64 {
        // SAFETY: in every case, what the record names is the operation's (promise 4).
        switch unsafe kind {
        case .connect: unsafe connectResult
        // SAFETY: as above.
        case .receive: unsafe millrace_socket_receive(descriptor, memory, count)
        // SAFETY: as above.
        case .send: unsafe millrace_socket_send(descriptor, memory, count)
        case .sendMessage:
            // SAFETY: as above.
            unsafe millrace_socket_send_message(
                descriptor, memory?.assumingMemoryBound(to: millrace_message.self))
        // SAFETY: as above.
        case .sendFile: unsafe millrace_socket_send_file(descriptor, file, offset, count)
        case .receiveDatagrams:
            // SAFETY: as above.
            unsafe Int64(millrace_socket_receive_datagrams(descriptor, datagrams, entries))
        case .sendDatagrams:
            // SAFETY: as above.
            unsafe Int64(millrace_socket_send_datagrams(descriptor, datagrams, entries))
        case .none, .acceptStream, .receiveStream, .poll:
            preconditionFailure("this kind of operation is more than one call")
        }
    }

    private var connectResult: Int64 {
        // SAFETY: reads the record.
        let descriptor = unsafe descriptor
        let isOver = millrace_poll_now(descriptor, UInt32(MILLRACE_POLLOUT)) != 0
        return Int64(isOver ? millrace_socket_take_error(descriptor) : -Int32(MILLRACE_EAGAIN))
    }

    private var datagrams: UnsafeMutablePointer<millrace_datagram>? {
        // SAFETY: the request named datagrams.
        unsafe memory?.assumingMemoryBound(to: millrace_datagram.self)
    }

    // SAFETY: reads the record.
    private var entries: UInt32 { unsafe UInt32(clamping: count) }
}
