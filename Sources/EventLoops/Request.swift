// SPDX-License-Identifier: MIT

public import CLinuxShims

/// What a loop asks its backend to do. Memory that a request points to belongs to the operation
/// until its last completion.
///
/// The result of a completion is what the system call of that name returns: a count, a descriptor
/// or zero, or a negated errno. A request that `isStream` completes many times; each completion but
/// the last carries `Completion.hasMore`.
@frozen
@unsafe
public enum Request {
    /// Accepts connections until cancelled or failed: a stream of descriptors (non-blocking, close-
    /// on-exec).
    case acceptStream(listener: Int32)
    /// Connects a socket.
    case connect(descriptor: Int32, address: UnsafePointer<millrace_address>)
    /// Receives into the caller's memory, once. Zero is the end of the stream.
    case receive(descriptor: Int32, into: UnsafeMutableRawPointer, count: Int)
    /// Receives into the backend's buffers until cancelled, failed, ended (a last completion of
    /// zero), or out of buffers (`ENOBUFS`), or until `byteCountMax` bytes have come (a last
    /// completion with a positive count; at most a buffer more). Each completion with a positive
    /// count carries a buffer, which must be recycled. A backend that cannot count ahead goes on
    /// until it is cancelled.
    case receiveStream(descriptor: Int32, byteCountMax: Int)
    /// Sends once; the result may be less than the count.
    case send(descriptor: Int32, from: UnsafeRawPointer, count: Int)
    /// Sends several pieces once; the result may be less than their sum.
    case sendMessage(descriptor: Int32, UnsafePointer<millrace_message>)
    /// Sends a piece of a file without copying it through the program, once: sendfile(2). The
    /// result may be less than the count, and is zero at the file's end. Reading the file from a
    /// disk may hold the loop up. A peer that is gone raises SIGPIPE, which a running loop ignores.
    case sendFile(descriptor: Int32, file: Int32, offset: UInt64, count: Int)
    /// Receives at least one datagram and as many more as are there: the result is how many of the
    /// `count` entries were filled. recvmmsg(2).
    case receiveDatagrams(
        descriptor: Int32, UnsafeMutablePointer<millrace_datagram>, count: Int)
    /// Sends datagrams, at least one; the result is how many. sendmmsg(2).
    case sendDatagrams(descriptor: Int32, UnsafeMutablePointer<millrace_datagram>, count: Int)
    /// Shuts one or both directions down.
    case shutdown(descriptor: Int32, how: Int32)
    /// Closes a descriptor. The loop has cancelled what was under way on it.
    case close(descriptor: Int32)
    /// Waits until a descriptor that somebody else reads or writes is ready; the result is the set
    /// of events.
    case poll(descriptor: Int32, events: UInt32)

    /// The descriptor that the request is about.
    @inlinable
    public var descriptor: Int32 {
        // SAFETY: reads the words of the request.
        switch unsafe self {
        case .acceptStream(let descriptor): descriptor
        case .connect(let descriptor, _): descriptor
        case .receive(let descriptor, _, _): descriptor
        case .receiveStream(let descriptor, _): descriptor
        case .send(let descriptor, _, _): descriptor
        case .sendMessage(let descriptor, _): descriptor
        case .sendFile(let descriptor, _, _, _): descriptor
        case .receiveDatagrams(let descriptor, _, _): descriptor
        case .sendDatagrams(let descriptor, _, _): descriptor
        case .shutdown(let descriptor, _): descriptor
        case .close(let descriptor): descriptor
        case .poll(let descriptor, _): descriptor
        }
    }
}
