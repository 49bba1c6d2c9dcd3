// SPDX-License-Identifier: MIT

import CLinuxShims
import Testing

/// Sockets for tests that call a backend themselves. Whoever gets one closes it.
enum Sockets {
    static func tcpSocket() throws -> Int32 {
        let socket = millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
        try #require(socket >= 0)
        return socket
    }

    static func localAddress(of socket: Int32) throws -> millrace_address {
        var address = millrace_address()
        // SAFETY: lent for the call.
        try #require(unsafe millrace_socket_local_address(socket, &address) == 0)
        return address
    }

    /// A listener, and as many connections that nobody has accepted.
    static func crowdedListener(
        _ count: Int, backlog: Int32 = 128
    ) throws -> (Int32, [Int32]) {
        let listener = try tcpSocket()
        var address = millrace_address()
        // SAFETY: a literal, and a structure of ours that is lent for each call.
        let isListening =
            unsafe millrace_address_ipv4(&address, "127.0.0.1", 0)
            && millrace_socket_bind(listener, &address) == 0
            && millrace_socket_listen(listener, backlog) == 0
        try #require(isListening)
        address = try localAddress(of: listener)
        var clients: [Int32] = []
        for _ in 0..<count {
            let client = try tcpSocket()
            clients.append(client)
            // SAFETY: lent for the call.
            let status = unsafe millrace_socket_connect(client, &address)
            try #require(status == 0 || status == -Int32(MILLRACE_EINPROGRESS))
            try #require(millrace_poll(client, UInt32(MILLRACE_POLLOUT), 10_000) == 1)
        }
        return (listener, clients)
    }

    /// Two connected TCP sockets.
    static func tcpPair() throws -> (Int32, Int32) {
        let (listener, clients) = try crowdedListener(1)
        defer { _ = millrace_close(listener) }
        try #require(millrace_poll(listener, UInt32(MILLRACE_POLLIN), 10_000) == 1)
        let accepted = millrace_socket_accept(listener)
        try #require(accepted >= 0)
        return (clients[0], accepted)
    }

    /// Two connected Unix stream sockets.
    static func unixPair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        let status = unsafe millrace_socket_pair(Int32(MILLRACE_SOCK_STREAM), &ends)
        try #require(status == 0)
        return (ends[0], ends[1])
    }

    static func send(_ count: Int, to descriptor: Int32) {
        let bytes = [UInt8](repeating: 1, count: count)
        // SAFETY: as many bytes.
        let sent = unsafe millrace_socket_send(descriptor, bytes, count)
        #expect(sent == Int64(count))
    }

    /// Takes what is there.
    static func drain(_ descriptor: Int32) {
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        // SAFETY: room for as many. Ends: the socket does not block.
        while unsafe millrace_socket_receive(descriptor, &piece, piece.count) > 0 {}
    }
}
