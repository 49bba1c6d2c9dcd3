// SPDX-License-Identifier: MIT

import BackendConformance
import CLinuxShims
import CTestSupport
import EventLoops
import Testing

@Suite("What epoll takes in one turn, and into one buffer")
struct EpollTests {
    @Test("A listener accepts sixty-four connections in one turn")
    func acceptBudget() throws {
        // If this failed, a flood of connections would keep the loop from all others.
        let visit = try BackendVisit(.epoll, bufferCount: 1, byteCount: 10)
        let (listener, _, clients) = try crowdedListener(80)
        defer { for descriptor in clients + [listener] { _ = millrace_close(descriptor) } }
        let stream = visit.acceptStream(listener)
        var counts: [Int] = []
        var accepted: [Int32] = []
        while accepted.count < 80 && !(counts.last == 0) {  // Ends: each turn takes, or gives up.
            let came = visit.next()
            counts.append(came.count)
            accepted += came.map(\.result)
        }
        #expect(counts.first == 64)
        #expect(accepted.count == 80 && accepted.allSatisfy { $0 >= 0 })
        for descriptor in accepted where descriptor >= 0 { _ = millrace_close(descriptor) }
        visit.backend.cancel(stream)
        #expect(visit.next().map(\.result) == [-Int32(MILLRACE_ECANCELED)])
    }

    @Test("A stream that took what there was keeps still, also when no buffer is left")
    func lastBuffer() throws {
        // If this failed, a stream would end for want of a buffer that it has no bytes for, or
        // would miscount its last byte.
        let visit = try BackendVisit(.epoll, bufferCount: 1, byteCount: 10)
        let (near, far) = try Wires.unixPair()
        defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
        let stream = visit.receiveStream(near, byteCountMax: 8)
        #expect(visit.turn().isEmpty)
        try Wires.send(bytes(7), to: far)
        let first = visit.next()
        #expect(first.map(\.result) == [7])
        #expect(first.map(\.hasMore) == [true])
        #expect(first.map(\.keepsBuffer) == [false])
        for _ in 0..<3 { #expect(visit.turn().isEmpty) }
        visit.backend.recycle(0)
        try Wires.send(bytes(1), to: far)
        let last = visit.next()
        #expect(last.map(\.result) == [1])
        #expect(last.map(\.hasMore) == [false])
        #expect((first + last).allSatisfy { $0.id == stream && $0.buffer == 0 })
        for _ in 0..<3 { #expect(visit.turn().isEmpty) }
    }

    @Test("A buffer is filled further as long as half of it is free")
    func halfBuffer() throws {
        // If this failed, small messages would take a buffer each, or large ones be cut small.
        let visit = try BackendVisit(.epoll, bufferCount: 2, byteCount: 10)
        let (near, far) = try Wires.unixPair()
        defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
        _ = visit.receiveStream(near, byteCountMax: .max)
        var came: [Completion] = []
        for count in [4, 1, 1, 1] {
            try Wires.send(bytes(count), to: far)
            came += visit.next()
        }
        #expect(came.map(\.result) == [4, 1, 1, 1])
        #expect(came.map(\.keepsBuffer) == [true, true, false, true])
        #expect(came.map(\.buffer) == [0, 0, 0, 1])
    }

    @Test("Bytes behind an urgent one are taken in the same go")
    func urgent() throws {
        // If this failed, a connection on which an urgent byte came (telnet and FTP send them)
        // would rest with bytes to be read until the next ones come.
        let visit = try BackendVisit(.epoll, bufferCount: 4, byteCount: 100)
        let (near, far) = try Wires.pair()
        defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
        _ = visit.receiveStream(near, byteCountMax: .max)
        #expect(visit.turn().isEmpty)
        // SAFETY: as many bytes.
        #expect(unsafe test_send_urgent(far, [1, 2, 3] as [UInt8], 3) == 3)
        try Wires.send(bytes(4), to: far)
        var count: Int32 = 0
        for _ in 0..<2 where count < 6 { count += visit.next().reduce(0) { $0 + $1.result } }
        #expect(count == 6, "the urgent byte itself is not one of the stream")
    }

    @Test("A poll beside a connect that is given up is still told")
    func cancelledConnect() throws {
        // If this failed, who waits for a socket would wait for ever when somebody else gives its
        // connect up.
        let visit = try BackendVisit(.epoll, bufferCount: 1, byteCount: 10)
        let (listener, address, clients) = try crowdedListener(1, backlog: 0)
        let socket = try Wires.socket()
        defer { for descriptor in clients + [listener, socket] { _ = millrace_close(descriptor) } }
        let connect = visit.connect(socket, to: address)
        let poll = visit.poll(socket, UInt32(MILLRACE_POLLOUT))
        for _ in 0..<3 { #expect(visit.turn().isEmpty, "the connect was to stay pending") }
        visit.backend.cancel(connect)
        #expect(visit.next().map(\.id) == [connect])
        #expect(visit.turn().isEmpty)
        // Makes the kernel give the connect up.
        _ = millrace_socket_shutdown(socket, Int32(MILLRACE_SHUT_RDWR))
        let told = visit.next()
        #expect(told.map(\.id) == [poll])
        #expect(told.allSatisfy { $0.result & Int32(MILLRACE_POLLHUP) != 0 })
    }

    /// A listener, its address, and as many connections that nobody has accepted.
    private func crowdedListener(
        _ count: Int, backlog: Int32 = 128
    ) throws -> (Int32, millrace_address, [Int32]) {
        let (listener, address) = try Wires.listener(backlog: backlog)
        var clients: [Int32] = []
        for _ in 0..<count {
            clients.append(try Wires.connect(to: address))
            try Wires.ready(clients[clients.count - 1], UInt32(MILLRACE_POLLOUT))
        }
        try Wires.ready(listener, UInt32(MILLRACE_POLLIN))
        return (listener, address, clients)
    }

    private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 1, count: count) }
}
