// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import Testing

/// A plain client socket whose every wait has a limit.
final class Client {
    private let descriptor: Int32
    private var isOpen = true
    /// How long one wait may take.
    private static let millisecondsMax: Int32 = 10_000

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Connects to "127.0.0.1:PORT" or "unix:PATH", as the server prints it.
    init(_ address: String, receiveBuffer: Int32? = nil) throws {
        var target = millrace_address()
        let isUnix = address.hasPrefix("unix:")
        let path = String(address.dropFirst(5))
        let parts = address.split(separator: ":")
        let isRead: Bool
        if isUnix {
            // SAFETY: the string is valid for the call, and its length is given.
            isRead = unsafe millrace_address_unix(&target, path, path.utf8.count)
        } else {
            // SAFETY: the string is NUL-terminated for the call.
            isRead = unsafe millrace_address_ipv4(
                &target, String(parts[0]), UInt16(parts[1]) ?? 0)
        }
        try #require(isRead)
        let family = isUnix ? MILLRACE_AF_UNIX : MILLRACE_AF_INET
        descriptor = millrace_socket_open(Int32(family), Int32(MILLRACE_SOCK_STREAM))
        try #require(descriptor >= 0)
        if let receiveBuffer {
            _ = millrace_socket_set_receive_buffer(descriptor, receiveBuffer)
        }
        // SAFETY: the address is lent for the call.
        var result = unsafe millrace_socket_connect(descriptor, &target)
        if result == -Int32(MILLRACE_EINPROGRESS) {
            try wait(for: POLLOUT)
            result = millrace_socket_take_error(descriptor)
        }
        if result < 0 { throw Failure(description: "connect: errno \(-result)") }
    }

    deinit {
        close()
    }

    func close() {
        if isOpen { _ = millrace_close(descriptor) }
        isOpen = false
    }

    /// Closes with a reset.
    func reset() {
        _ = millrace_socket_set_linger(descriptor, 0)
        close()
    }

    func finishWriting() {
        _ = millrace_socket_shutdown(descriptor, Int32(MILLRACE_SHUT_WR))
    }

    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {  // Ends: every turn sends, or waits at most the limit.
            sent += try sendSome(bytes[sent...])
            if sent < bytes.count { try wait(for: POLLOUT) }
        }
    }

    /// Sends until the kernel takes no more, for so many milliseconds; returns how many bytes.
    func sendUntilStuck(milliseconds: Int32) throws -> Int {
        let block = [UInt8](repeating: 120, count: 65_536)
        var sent = 0
        while true {  // Ends when the peer has not read for the given time.
            sent += try sendSome(block[...])
            if poll(POLLOUT, milliseconds) == 0 { return sent }
        }
    }

    private func sendSome(_ bytes: ArraySlice<UInt8>) throws -> Int {
        // SAFETY: the bytes are lent for the call.
        let result = unsafe bytes.withUnsafeBytes {
            unsafe millrace_socket_send(descriptor, $0.baseAddress, $0.count)
        }
        if result == -Int64(MILLRACE_EAGAIN) { return 0 }
        if result < 0 { throw Failure(description: "send: errno \(-result)") }
        return Int(result)
    }

    /// Receives exactly so many bytes, or all up to the end if no count is given.
    func receive(_ count: Int? = nil) throws -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while count.map({ all.count < $0 }) ?? true {  // Ends: as in `send`.
            try wait(for: POLLIN)
            let room = min(piece.count, count.map { $0 - all.count } ?? piece.count)
            // SAFETY: the bytes are lent for the call.
            let result = unsafe piece.withUnsafeMutableBytes {
                unsafe millrace_socket_receive(descriptor, $0.baseAddress, room)
            }
            if result == -Int64(MILLRACE_EAGAIN) { continue }
            if result < 0 { throw Failure(description: "receive: errno \(-result)") }
            if result == 0 { break }
            all += piece[..<Int(result)]
        }
        return all
    }

    func receiveText(_ count: Int? = nil) throws -> String {
        String(decoding: try receive(count), as: UTF8.self)
    }

    /// Whether nothing comes for so many milliseconds.
    func isQuiet(milliseconds: Int32) -> Bool { poll(POLLIN, milliseconds) == 0 }

    private func wait(for events: Int32) throws {
        guard poll(events, Self.millisecondsMax) > 0 else {
            throw Failure(description: "nothing happened for \(Self.millisecondsMax) ms")
        }
    }

    private func poll(_ events: Int32, _ milliseconds: Int32) -> Int32 {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return unsafe Glibc.poll(&entry, 1, milliseconds)  // SAFETY: one entry, lent for the call.
    }
}
