// SPDX-License-Identifier: MIT

import CLinuxShims
import EventLoops
import Testing

@Suite("Requests tried once")
struct AttemptTests {
    @Test("Not ready is nil, and every other answer is a result")
    func pipe() throws {
        // If this failed, a backend on readiness would complete too soon, or never.
        var ends: [Int32] = [0, 0]
        let status = unsafe millrace_pipe_open(&ends)  // SAFETY: room for two.
        try #require(status == 0)
        defer { for end in ends { _ = millrace_close(end) } }
        // SAFETY: none of these names memory.
        let poll = unsafe Trial(.poll(descriptor: ends[0], events: UInt32(MILLRACE_POLLIN)))
        let badPoll = unsafe Trial(.poll(descriptor: -1, events: 1))
        let badClose = unsafe Trial(.close(descriptor: -1))
        // SAFETY: as above.
        let shutdown = unsafe Trial(.shutdown(descriptor: ends[0], how: 1))
        let accept = unsafe Trial(.acceptStream(listener: ends[0]))
        #expect(poll.once == nil)
        let byte: [UInt8] = [1]
        let written = unsafe millrace_write(ends[1], byte, 1)  // SAFETY: one byte.
        #expect(written == 1)
        #expect(poll.once == Int32(MILLRACE_POLLIN))
        #expect(badPoll.once == -Int32(MILLRACE_EBADF))
        #expect(badClose.once == -Int32(MILLRACE_EBADF))
        #expect(shutdown.once == -Int32(MILLRACE_ENOTSOCK))
        #expect(accept.once == -Int32(MILLRACE_ENOTSOCK))
    }

    @Test("A connection is made, used and ended by attempts alone")
    func connection() throws {
        // If this failed, a backend on readiness would be wrong about one kind of request.
        let listener = millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
        let near = millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
        defer { for descriptor in [listener, near] { _ = millrace_close(descriptor) } }
        let address = Place(millrace_address())
        // SAFETY: a literal, and memory of this test.
        let isListening =
            unsafe millrace_address_ipv4(address.start, "127.0.0.1", 0)
            && millrace_socket_bind(listener, address.start) == 0
            && millrace_socket_listen(listener, 4) == 0
            && millrace_socket_local_address(listener, address.start) == 0
        try #require(isListening)
        let accept = unsafe Trial(.acceptStream(listener: listener))  // SAFETY: no memory.
        // SAFETY: the address lives with this test.
        let connect = unsafe Trial(.connect(descriptor: near, address: address.start))
        #expect(accept.once == nil)
        #expect(connect.whenReady == 0)
        let far = accept.whenReady ?? -1
        try #require(far >= 0)
        defer { _ = millrace_close(far) }

        let bytes = Place<UInt64>(0x0807_0605_0403_0201)
        let start = unsafe UnsafeMutableRawPointer(bytes.start)  // SAFETY: lives with the test.
        // SAFETY: eight bytes.
        let receive = unsafe Trial(.receive(descriptor: far, into: start, count: 8))
        let send = unsafe Trial(.send(descriptor: near, from: start, count: 8))
        // SAFETY: no memory.
        let stream = unsafe Request.receiveStream(descriptor: far, byteCountMax: .max)
        #expect(receive.once == nil)
        #expect(send.whenReady == 8)
        // The kernel may deliver a little later. SAFETY: no memory.
        let arrival = unsafe Trial(.poll(descriptor: far, events: UInt32(MILLRACE_POLLIN)))
        #expect(arrival.whenReady == Int32(MILLRACE_POLLIN))
        bytes.value = 0
        let dry = unsafe Trial(stream).whenReady  // SAFETY: no memory.
        #expect(dry == -Int32(MILLRACE_ENOBUFS))
        // SAFETY: three of eight bytes.
        let three = unsafe UnsafeMutableRawBufferPointer(start: start, count: 3)
        let taken = unsafe stream.attempt(into: three)  // SAFETY: as above.
        #expect(taken == 3 && bytes.value == 0x03_0201)
        #expect(receive.once == 5 && bytes.value == 0x08_0706_0504)
        // SAFETY: no memory.
        let end = unsafe Trial(.shutdown(descriptor: near, how: Int32(MILLRACE_SHUT_WR)))
        #expect(end.once == 0)
        #expect(receive.whenReady == 0)
    }

    @Test("A request says what to wait for")
    func readiness() {
        // If this failed, a backend on readiness would wait for the wrong event.
        // SAFETY: no memory.
        let stream = unsafe Request.receiveStream(descriptor: 3, byteCountMax: .max)
        let poll = unsafe Request.poll(descriptor: 3, events: 5)  // SAFETY: no memory.
        let close = unsafe Request.close(descriptor: 3)  // SAFETY: no memory.
        // SAFETY: words.
        let areStreams = unsafe [stream.isStream, poll.isStream, close.isStream]
        #expect(areStreams == [true, false, false])
        let filling = unsafe [stream.fillsBuffers, poll.fillsBuffers]  // SAFETY: as above.
        #expect(filling == [true, false])
        // SAFETY: plain words.
        let events = unsafe [stream.readiness, poll.readiness, close.readiness]
        #expect(events == [UInt32(MILLRACE_POLLIN), 5, 0])
    }
}

/// A request to be tried; its memory lives with the test.
@safe
private struct Trial {
    private let request: Request

    // SAFETY: nothing is dereferenced before `once`.
    @unsafe
    init(_ request: Request) { unsafe self.request = unsafe request }

    // SAFETY: who made the trial vouched for the memory.
    var once: Int32? { unsafe request.attempt() }

    /// Tries, and waits for what the request says, at most ten seconds; nil if that was in vain.
    var whenReady: Int32? {
        for _ in 0..<100 {
            if let result = once { return result }
            // SAFETY: plain words.
            _ = unsafe millrace_poll(request.descriptor, request.readiness, 100)
        }
        return nil
    }
}

/// Memory that a request may name.
@safe
private final class Place<Value> {
    let start: UnsafeMutablePointer<Value>

    var value: Value {
        get { unsafe start.pointee }  // SAFETY: initialized by `init`.
        set { unsafe start.pointee = newValue }  // SAFETY: as above.
    }

    init(_ value: Value) {
        unsafe start = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        unsafe start.initialize(to: value)  // SAFETY: room for one.
    }

    deinit {
        unsafe start.deallocate()  // SAFETY: allocated in `init`; the values are trivial.
    }
}
