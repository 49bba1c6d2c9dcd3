// SPDX-License-Identifier: MIT

package import CLinuxShims
internal import EventLoops

/// Sockets and pipes for checks, made by plain system calls.
package enum Wires {
    /// A failed preparation.
    struct Failure: Error, CustomStringConvertible {
        let what: String
        let code: Int32
        // SAFETY: a static, NUL-terminated string.
        var description: String { "\(what): \(unsafe String(cString: millrace_error_text(code)))" }
    }

    static func check(_ result: Int32, _ what: String) throws -> Int32 {
        if result < 0 { throw Failure(what: what, code: -result) }
        return result
    }

    /// A listener on a free port of loopback, and its address.
    package static func listener(backlog: Int32 = 64) throws -> (Int32, millrace_address) {
        let descriptor = try socket()
        var address = ipv4(port: 0)
        // SAFETY: the address is lent for the calls.
        _ = try check(unsafe millrace_socket_bind(descriptor, &address), "bind")
        _ = try check(millrace_socket_listen(descriptor, backlog), "listen")
        // SAFETY: as above.
        _ = try check(unsafe millrace_socket_local_address(descriptor, &address), "name")
        return (descriptor, address)
    }

    package static func socket() throws -> Int32 {
        try check(
            millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM)), "socket")
    }

    /// Gives a descriptor a number that nobody has.
    static func move(_ descriptor: Int32, to number: Int32) throws -> Int32 {
        try check(millrace_descriptor_move(descriptor, number), "dup3")
    }

    static func ipv4(port: UInt16) -> millrace_address {
        var address = millrace_address()
        // SAFETY: a literal and a structure of ours.
        _ = unsafe millrace_address_ipv4(&address, "127.0.0.1", port)
        return address
    }

    /// Starts a plain non-blocking connect.
    package static func connect(to address: millrace_address) throws -> Int32 {
        let descriptor = try socket()
        var address = address
        // SAFETY: lent for the call.
        let status = unsafe millrace_socket_connect(descriptor, &address)
        guard status == 0 || status == -Int32(MILLRACE_EINPROGRESS) else {
            throw Failure(what: "connect", code: -status)
        }
        return descriptor
    }

    /// Two connected TCP sockets.
    package static func pair() throws -> (Int32, Int32) {
        let (listener, address) = try listener()
        defer { close(listener) }
        let near = try connect(to: address)
        try ready(listener, UInt32(MILLRACE_POLLIN))
        return (near, try check(millrace_socket_accept(listener), "accept"))
    }

    /// Two connected Unix stream sockets.
    package static func unixPair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        _ = try check(
            unsafe millrace_socket_pair(Int32(MILLRACE_SOCK_STREAM), &ends), "socketpair")
        return (ends[0], ends[1])
    }

    /// Two connected UDP sockets.
    static func datagramPair() throws -> (Int32, Int32) {
        let ends = try (0..<2).map { _ in try datagramSocket() }
        var addresses = [millrace_address(), millrace_address()]
        for index in 0..<2 {
            var any = ipv4(port: 0)
            // SAFETY: the addresses are lent for the calls.
            _ = try check(unsafe millrace_socket_bind(ends[index], &any), "bind")
            _ = try check(  // SAFETY: as above.
                unsafe millrace_socket_local_address(ends[index], &addresses[index]), "name")
        }
        for index in 0..<2 {
            // SAFETY: as above.
            _ = try check(
                unsafe millrace_socket_connect(ends[index], &addresses[1 - index]), "connect")
        }
        return (ends[0], ends[1])
    }

    private static func datagramSocket() throws -> Int32 {
        try check(
            millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_DGRAM)), "socket")
    }

    /// Two connected Unix datagram sockets: their sender waits when the receiver's queue is full.
    static func unixDatagramPair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        _ = try check(
            unsafe millrace_socket_pair(Int32(MILLRACE_SOCK_DGRAM), &ends), "socketpair")
        return (ends[0], ends[1])
    }

    /// A file in memory that holds the bytes.
    static func file(_ bytes: [UInt8]) throws -> Int32 {
        let file = try check(millrace_memory_file_open(), "memfd_create")
        var written = 0
        while written < bytes.count {  // Ends: every turn writes or throws.
            // SAFETY: lent for the call.
            let count = unsafe bytes[written...].withUnsafeBytes {
                unsafe millrace_write(file, $0.baseAddress, $0.count)
            }
            guard count > 0 else { throw Failure(what: "write", code: Int32(-count)) }
            written += Int(count)
        }
        return file
    }

    /// The two ends of a pipe: read, write.
    static func pipe() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        _ = try check(unsafe millrace_pipe_open(&ends), "pipe")  // SAFETY: room for two.
        return (ends[0], ends[1])
    }

    static func close(_ descriptor: Int32) {
        _ = millrace_close(descriptor)
    }

    /// Waits until a descriptor is ready.
    package static func ready(_ descriptor: Int32, _ events: UInt32, seconds: Int32 = 10) throws {
        if try check(millrace_poll(descriptor, events, seconds * 1000), "poll") == 0 {
            throw Failure(what: "poll of \(descriptor)", code: Int32(MILLRACE_ETIMEDOUT))
        }
    }

    /// Sends all bytes, waiting when the socket is full.
    package static func send(_ bytes: [UInt8], to descriptor: Int32) throws {
        var sent = 0
        while sent < bytes.count {  // Ends: every turn sends, waits or throws.
            // SAFETY: lent for the call.
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe millrace_socket_send(descriptor, $0.baseAddress, $0.count)
            }
            if count == -Int64(MILLRACE_EAGAIN) {
                try ready(descriptor, UInt32(MILLRACE_POLLOUT))
                continue
            }
            guard count >= 0 else { throw Failure(what: "send", code: Int32(-count)) }
            sent += Int(count)
        }
    }

    /// Receives until `count` bytes or the end.
    static func receive(_ count: Int, from descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < count {  // Ends: every turn receives, waits, or leaves.
            let want = min(piece.count, count - bytes.count)
            // SAFETY: lent for the call.
            let got = unsafe piece.withUnsafeMutableBytes {
                unsafe millrace_socket_receive(descriptor, $0.baseAddress, want)
            }
            if got == -Int64(MILLRACE_EAGAIN) {
                try ready(descriptor, UInt32(MILLRACE_POLLIN))
                continue
            }
            guard got >= 0 else { throw Failure(what: "receive", code: Int32(-got)) }
            if got == 0 { break }
            bytes += piece[..<Int(got)]
        }
        return bytes
    }

    /// Whether the number names an open descriptor.
    static func isOpen(_ descriptor: Int32) -> Bool {
        millrace_descriptor_flags(descriptor) >= 0
    }

    /// Bytes that tell their place.
    static func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
        (start..<start + count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }
}

extension Wires {
    static func isNonBlocking(_ descriptor: Int32) -> Bool {
        millrace_descriptor_is_nonblocking(descriptor) == 1
    }

    static func isCloseOnExec(_ descriptor: Int32) -> Bool {
        let flags = millrace_descriptor_flags(descriptor)
        return flags >= 0 && flags & Int32(MILLRACE_FD_CLOEXEC) != 0
    }

    /// Makes close send a reset.
    static func reset(_ descriptor: Int32) {
        _ = millrace_socket_set_linger(descriptor, 0)
        close(descriptor)
    }
}
