// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

@Suite("What epoll takes in one turn, and into one buffer")
struct EpollTests {
    @Test("A listener accepts sixty-four connections in one turn")
    func acceptBudget() throws {
        // If this failed, a flood of connections would keep the loop from all others.
        let visit = try EpollVisit(bufferCount: 1, byteCount: 10)
        let (listener, clients) = try crowdedListener(80)
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
        let visit = try EpollVisit(bufferCount: 1, byteCount: 10)
        let (near, far) = try pair()
        defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
        let stream = visit.receiveStream(near, byteCountMax: 8)
        #expect(visit.turn().isEmpty)
        send(7, to: far)
        let first = visit.next()
        #expect(first.map(\.result) == [7])
        #expect(first.map(\.hasMore) == [true])
        #expect(first.map(\.keepsBuffer) == [false])
        for _ in 0..<3 { #expect(visit.turn().isEmpty) }
        visit.backend.recycle(0)
        send(1, to: far)
        let last = visit.next()
        #expect(last.map(\.result) == [1])
        #expect(last.map(\.hasMore) == [false])
        #expect((first + last).allSatisfy { $0.id == stream && $0.buffer == 0 })
        for _ in 0..<3 { #expect(visit.turn().isEmpty) }
    }

    @Test("A buffer is filled further as long as half of it is free")
    func halfBuffer() throws {
        // If this failed, small messages would take a buffer each, or large ones be cut small.
        let visit = try EpollVisit(bufferCount: 2, byteCount: 10)
        let (near, far) = try pair()
        defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
        _ = visit.receiveStream(near, byteCountMax: .max)
        var came: [Completion] = []
        for count in [4, 1, 1, 1] {
            send(count, to: far)
            came += visit.next()
        }
        #expect(came.map(\.result) == [4, 1, 1, 1])
        #expect(came.map(\.keepsBuffer) == [true, true, false, true])
        #expect(came.map(\.buffer) == [0, 0, 0, 1])
    }

    /// A listener, and as many connections that nobody has accepted.
    private func crowdedListener(_ count: Int) throws -> (Int32, [Int32]) {
        let listener = millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
        var address = millrace_address()
        // SAFETY: a literal, and a structure of ours that is lent for each call.
        let isListening =
            unsafe millrace_address_ipv4(&address, "127.0.0.1", 0)
            && millrace_socket_bind(listener, &address) == 0
            && millrace_socket_listen(listener, 128) == 0
            && millrace_socket_local_address(listener, &address) == 0
        try #require(isListening)
        var clients: [Int32] = []
        for _ in 0..<count {
            let client = millrace_socket_open(
                Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
            try #require(client >= 0)
            clients.append(client)
            // SAFETY: lent for the call.
            let status = unsafe millrace_socket_connect(client, &address)
            try #require(status == 0 || status == -Int32(MILLRACE_EINPROGRESS))
            try #require(millrace_poll(client, UInt32(MILLRACE_POLLOUT), 10_000) == 1)
        }
        return (listener, clients)
    }

    private func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        let status = unsafe millrace_socket_pair(Int32(MILLRACE_SOCK_STREAM), &ends)
        try #require(status == 0)
        return (ends[0], ends[1])
    }

    private func send(_ count: Int, to descriptor: Int32) {
        let bytes = [UInt8](repeating: 1, count: count)
        // SAFETY: as many bytes.
        let sent = unsafe millrace_socket_send(descriptor, bytes, count)
        #expect(sent == Int64(count))
    }
}

/// epoll without a loop: the test calls it.
private final class EpollVisit {
    let backend: any EventBackend
    private var batch = CompletionBatch(capacity: 256)
    private var index: UInt64 = 0

    init(bufferCount: Int, byteCount: Int) throws {
        var options = LoopOptions()
        options.receiveBufferCount = bufferCount
        options.receiveBufferByteCount = byteCount
        backend = try BackendChoice.epoll.open(options: options).backend
        try backend.attach()
    }

    private func newID() -> OperationID {
        index += 1
        return OperationID(rawValue: 1 << 32 | index)
    }

    func acceptStream(_ listener: Int32) -> OperationID {
        let id = newID()
        unsafe backend.submit(.acceptStream(listener: listener), as: id)  // SAFETY: no memory.
        return id
    }

    func receiveStream(_ descriptor: Int32, byteCountMax: Int) -> OperationID {
        let id = newID()
        // SAFETY: no memory.
        unsafe backend.submit(
            .receiveStream(descriptor: descriptor, byteCountMax: byteCountMax), as: id)
        return id
    }

    /// What one wait brings that does not sleep.
    func turn() -> [Completion] { wait(until: .now) }

    /// What the next wait brings that brings something; nothing after ten seconds.
    func next() -> [Completion] {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while .now < deadline {  // Ends at the deadline.
            let completions = wait(until: deadline)
            if !completions.isEmpty { return completions }
        }
        return []
    }

    private func wait(until deadline: MonotonicInstant) -> [Completion] {
        backend.wait(until: deadline, into: &batch)
        var completions: [Completion] = []
        for index in 0..<batch.count { completions.append(batch[index]) }
        batch.removeAll()
        return completions
    }
}
