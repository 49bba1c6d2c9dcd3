// SPDX-License-Identifier: MIT

import AtomicSupport
import BackendConformance
import CLinuxShims
import EventLoops
import Testing

@Suite("What io_uring alone must do", .serialized)
struct IOUringTests {
    @Test("Completions that wait in the kernel are counted")
    func countsOverflows() throws {
        // If this failed, who looks for a queue that is too small would look in the wrong place.
        let bare = try BareRing(capacity: 4)
        #expect(bare.wait() == 0)
        #expect(bare.overflows == 0)
        bare.makeReady()
        // Four of them fill the queue when the fifth is submitted; the others come with the wait.
        for _ in 0..<8 { bare.poll() }
        #expect(bare.wait() == 4)
        #expect(bare.overflows == 1)
        #expect(bare.wait(forAll: 4) == 4)
    }

    @Test("A loop is woken also when the completion queue was full")
    func wakesAfterOverflow() throws {
        // If this failed, a burst of completions would make a loop deaf to other threads.
        let bare = try BareRing(capacity: 4)
        #expect(bare.wait() == 0)
        bare.makeReady()
        for _ in 0..<8 { bare.poll() }
        bare.backend.wake()
        // The kernel has ended the poll of the wake-up: there was no room for its completion.
        #expect(bare.wait(forAll: 8) == 8)
        for _ in 0..<3 { bare.wait() }
        for _ in 0..<3 {
            bare.backend.wake()
            #expect(bare.time { bare.wait(milliseconds: 5000) } < 2000)
        }
    }

    @Test("One poll waits for wake-ups, whatever happens")
    func onePollForWakeUps() throws {
        // If this failed, each turn, wake-up or cancellation would leave a poll in the kernel.
        let bare = try BareRing(capacity: 8)
        for _ in 0..<50 {
            bare.backend.cancel(bare.poll())
            #expect(bare.wait(forAll: 1) == 1)
            bare.backend.wake()
            #expect(bare.time { bare.wait(milliseconds: 5000) } < 2000)
        }
        // More polls than the queue has room for would have filled it with one wake-up.
        #expect(bare.overflows == 0)
    }

    @Test("Early completions and a full queue fit into the batch")
    func earlyAndFull() throws {
        // If this failed, completions would be written beyond the batch's memory.
        let bare = try BareRing(capacity: 4)
        #expect(bare.wait() == 0)
        bare.makeReady()
        for _ in 0..<5 { bare.poll() }
        for _ in 0..<2 { bare.shutdownNothing() }
        #expect(bare.wait() == 4)
        #expect(bare.wait(forAll: 3) == 3)
    }

    @Test("A busy loop that may gather waits for as many as last time")
    func gathers() throws {
        // If this failed, the option would save no system call, or an idle loop never slept.
        let bare = try BareRing(capacity: 64, gather: 100_000_000)
        #expect(bare.wait() == 0)
        #expect(bare.time { bare.wait(milliseconds: 50) } >= 45)
        bare.makeReady()
        for _ in 0..<2 { bare.poll() }
        #expect(bare.wait(milliseconds: 5000) == 2)
        bare.poll()
        var count = 0
        let time = bare.time { count = bare.wait(milliseconds: 5000) }
        #expect(count == 1 && time >= 90 && time < 2000)
        // One came last time: there is nothing to gather.
        #expect(bare.time { bare.wait(milliseconds: 250) } >= 240)
    }

    @Test("A loop that does not gather sleeps behind a busy turn")
    func asksOnce() throws {
        // If this failed, each busy turn would cost a system call that finds nothing.
        let bare = try BareRing(capacity: 64)
        bare.makeReady()
        for _ in 0..<2 { bare.poll() }
        #expect(bare.wait(milliseconds: 5000) == 2)
        #expect(bare.time { bare.wait(milliseconds: 50) } >= 45)
    }

    @Test("A send without a copy is forgotten when it is over")
    func forgetsCopyless() throws {
        // If this failed, each such send would leave an entry behind for ever. A loop uses no name
        // again; here it shows what is remembered of it.
        let bare = try BareRing(capacity: 64, zeroCopyByteCountMin: 1)
        let socket = try bare.openMirror()
        defer { _ = millrace_close(socket) }
        let id = bare.send(100, to: socket)
        #expect(bare.wait(forAll: 1) == 1)
        #expect(bare.last?.result == 100 && bare.last?.hasMore == false)
        bare.receiveStream(socket, as: id)
        #expect(bare.wait(forAll: 1) == 1)
        #expect(bare.last?.result == 100 && bare.last?.buffer != nil)
        bare.backend.cancel(id)
        #expect(bare.wait(forAll: 1) == 1)
    }
}

/// A backend without a loop, and a pipe to poll.
@safe
private final class BareRing {
    private let visit: BackendVisit
    private(set) var last: Completion?
    private var ends: [Int32] = [0, 0]
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: 1000, alignment: 16)

    init(capacity: Int, gather: UInt64 = 0, zeroCopyByteCountMin: Int = .max) throws {
        var options = LoopOptions()
        options.submissionQueueCapacity = capacity
        options.completionQueueCapacity = capacity
        options.batchWaitNanoseconds = gather
        options.zeroCopyByteCountMin = zeroCopyByteCountMin
        visit = try BackendVisit(.ioUring, options: options)
        // SAFETY: room for two.
        #expect(unsafe millrace_pipe_open(&ends) == 0)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 7, count: 1000)  // SAFETY: ours.
    }

    deinit {
        for end in ends { _ = millrace_close(end) }
        // The memory is left behind: a send that failed may still name it.
    }

    var backend: any EventBackend { visit.backend }

    var overflows: UInt64 { backend.statistics.completionOverflows }

    func makeReady() {
        let byte: [UInt8] = [1]
        #expect(unsafe millrace_write(ends[1], byte, 1) == 1)  // SAFETY: one byte.
    }

    @discardableResult
    func poll() -> OperationID {
        // SAFETY: no memory is named.
        unsafe visit.start(.poll(descriptor: ends[0], events: UInt32(MILLRACE_POLLIN)))
    }

    /// An operation that is over at once: a pipe cannot be shut down.
    func shutdownNothing() {
        _ = unsafe visit.start(.shutdown(descriptor: ends[0], how: 1))  // SAFETY: no memory.
    }

    func send(_ count: Int, to descriptor: Int32) -> OperationID {
        // SAFETY: the memory is never freed.
        unsafe visit.start(.send(descriptor: descriptor, from: memory, count: count))
    }

    func receiveStream(_ descriptor: Int32, as id: OperationID) {
        // SAFETY: no memory is named.
        unsafe backend.submit(
            .receiveStream(descriptor: descriptor, byteCountMax: .max), as: id)
    }

    /// One wait; how many completions it brought.
    @discardableResult
    func wait(milliseconds: UInt64 = 0) -> Int {
        let deadline =
            milliseconds == 0
            ? MonotonicInstant(nanoseconds: 0)
            : .now.advanced(byNanoseconds: milliseconds * 1_000_000)
        let completions = visit.wait(until: deadline)
        if let last = completions.last { self.last = last }
        return completions.count
    }

    /// Waits until so many completions came, at most a hundred times; how many did.
    func wait(forAll goal: Int) -> Int {
        var count = 0
        for _ in 0..<100 where count < goal { count += wait(milliseconds: 20) }
        return count
    }

    /// How many milliseconds something takes.
    func time(_ body: () -> Void) -> UInt64 {
        let start = MonotonicInstant.now
        body()
        return MonotonicInstant.now.nanoseconds(since: start) / 1_000_000
    }

    /// A datagram socket that is connected to itself.
    func openMirror() throws -> Int32 {
        let socket = millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_DGRAM))
        var address = millrace_address()
        // SAFETY: a literal, and memory of this call.
        let isOpen =
            unsafe socket >= 0 && millrace_address_ipv4(&address, "127.0.0.1", 0)
            && millrace_socket_bind(socket, &address) == 0
            && millrace_socket_local_address(socket, &address) == 0
            && millrace_socket_connect(socket, &address) == 0
        try #require(isOpen)
        return socket
    }
}
