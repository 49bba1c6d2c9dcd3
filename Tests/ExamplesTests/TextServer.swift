// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import Glibc
import Testing

/// A server on plain sockets and a thread of its own: sends one text after the other, each to a
/// request of a connection of its own, and closes.
final class TextServer: @unchecked Sendable {
    // Edges: E1  the thread stores `count` → the test loads it   carries the heads
    let address: String
    private let texts: [String]
    private let listener: Int32
    private var handle: UInt64 = 0
    private let count = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private var received: [String] = []

    init(_ texts: [String]) throws {
        self.texts = texts
        var target = millrace_address()
        // SAFETY: NUL-terminated, and lent for the calls.
        try #require(unsafe millrace_address_ipv4(&target, "127.0.0.1", 0))
        listener = millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
        // SAFETY: as above.
        try #require(unsafe millrace_socket_bind(listener, &target) == 0)
        try #require(millrace_socket_listen(listener, 16) == 0)
        // SAFETY: as above.
        try #require(unsafe millrace_socket_local_address(listener, &target) == 0)
        address = "127.0.0.1:\(unsafe millrace_address_port(&target))"  // SAFETY: as above.
        // SAFETY: released by the thread.
        let box = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: the thread takes the reference over.
        let status = unsafe millrace_thread_start(
            &handle,
            { context in
                // SAFETY: the reference that was retained for this thread, taken once.
                guard let context = unsafe context else { return }
                unsafe Unmanaged<TextServer>.fromOpaque(context).takeRetainedValue().run()
            }, box, "texts")
        try #require(status == 0)
    }

    /// Ends, and tells the requests that came.
    func stop() -> [String] {
        isStopping.store(true, ordering: .relaxed)
        millrace_thread_join(handle)
        return Array(received.prefix(count.load(ordering: .acquiring)))  // E1
    }

    private func run() {
        var number = 0
        while !isStopping.load(ordering: .relaxed) {  // Ends with `stop`.
            guard millrace_poll(listener, UInt32(MILLRACE_POLLIN), 10) != 0 else { continue }
            let descriptor = millrace_socket_accept(listener)
            guard descriptor >= 0 else { continue }
            received.append(readHead(descriptor))
            count.store(received.count, ordering: .releasing)  // E1
            if number < texts.count { send(texts[number], descriptor) }
            number += 1
            _ = millrace_close(descriptor)
        }
        _ = millrace_close(listener)
    }

    private func readHead(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            guard millrace_poll(descriptor, UInt32(MILLRACE_POLLIN), 5000) != 0 else { break }
            var piece = [UInt8](repeating: 0, count: 4096)
            // SAFETY: lent for the call.
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe millrace_socket_receive(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else { break }
            bytes += piece[..<Int(count)]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func send(_ text: String, _ descriptor: Int32) {
        let bytes = Array(text.utf8)
        // SAFETY: lent for the call.
        _ = unsafe bytes.withUnsafeBytes {
            unsafe millrace_socket_send(descriptor, $0.baseAddress, $0.count)
        }
    }
}
