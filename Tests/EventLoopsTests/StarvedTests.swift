// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops
import Glibc
import Testing

@Suite("Streams that found no buffer")
struct StarvedTests {
    @Test("One that has bytes is begun again, also behind silent ones")
    func behindSilent() throws {
        // If this failed, bytes that are there would wait for those of others, while buffers are
        // free. epoll comes back from a wait that has begun something: only io_uring would sleep.
        let visit = try StarvedVisit(.ioUring, streams: 3)
        visit.backend.dryStreams = 3
        visit.send(to: 2)
        var heldByteCount = 0
        var sleeps = 0
        visit.perform { visit in
            visit.begin()
            visit.streams[2].whenReady(
                visit.job { visit in
                    heldByteCount = visit.streams[2].heldByteCount
                    sleeps = visit.backend.sleeps
                    visit.end()
                })
            visit.endLater()
        }
        try visit.loop.run()
        #expect(visit.loop.statistics.bufferShortages == 3)
        #expect(heldByteCount == 1, "the stream was told of its stop only")
        // The first, of which the dry streams make none.
        #expect(sleeps == 1, "the loop slept over bytes that are there")
    }

    @Test("One that runs dry while the loop stops is told of the stop", arguments: backends)
    func whileStopping(_ choice: BackendChoice) throws {
        // If this failed, who reads would wait for ever behind the loop's end, and keep the loop;
        // or the loop and its streams would keep each other.
        weak var loop: EventLoop?
        try {
            let visit = try StarvedVisit(choice, streams: 1)
            loop = visit.loop
            visit.backend.isDryAtTheEnd = true
            var end: ReceiveStream.End?
            visit.perform { visit in
                visit.begin()
                visit.streams[0].whenReady(visit.job { end = $0.streams[0].end })
                visit.loop.stop()
            }
            try visit.loop.run()
            #expect(visit.loop.statistics.bufferShortages == 1)
            #expect(end == .failed(ECANCELED))
            visit.closeSockets()
        }()
        #expect(loop == nil)
    }
}

/// Streams of which the backend says that there is no buffer.
private final class StarvedVisit {
    let loop: EventLoop
    let backend: PassingBackend
    let streams: [ReceiveStream]
    private let pairs: [[Int32]]
    private var isOver = false

    init(_ choice: BackendChoice, streams count: Int) throws {
        var options = LoopOptions()
        options.receiveBufferCount = 2
        options.receiveBufferByteCount = 100
        let backend = PassingBackend(try choice.open(options: options).backend)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "looked at"), options: options)
        pairs = (0..<count).map { _ in
            var ends: [Int32] = [0, 0]
            // SAFETY: room for two.
            #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            return ends
        }
        streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0[0]) }
        self.backend = backend
        self.loop = loop
    }

    func send(to index: Int) {
        var byte: UInt8 = 1
        // SAFETY: a byte of ours.
        #expect(unsafe write(pairs[index][1], &byte, 1) == 1)
    }

    /// Runs on the loop, in its first turn.
    func perform(_ body: @escaping (StarvedVisit) -> Void) {
        #expect(loop.post(job(body)))
    }

    func begin() {
        streams.forEach { $0.start() }
    }

    /// Ends the visit, if it is not over by then.
    func endLater() {
        // SAFETY: given back by the timer, which fires or is answered when the loop stops.
        let timer = unsafe loop.schedule(
            at: MonotonicInstant.now.advanced(byNanoseconds: 2_000_000_000),
            context: Unmanaged.passRetained(VisitStep(self) { $0.end() }).toOpaque()
        ) { context, _ in
            // SAFETY: as above.
            unsafe Unmanaged<VisitStep>.fromOpaque(context).takeRetainedValue().run()
        }
        #expect(timer != nil)
    }

    func end() {
        guard !isOver else { return }
        isOver = true
        for (stream, pair) in zip(streams, pairs) {
            stream.stop()
            loop.close(pair[0])
            close(pair[1])
        }
        loop.stop()
    }

    /// Closes all ends when the loop is over.
    func closeSockets() {
        for pair in pairs { for descriptor in pair { close(descriptor) } }
    }

    func job(_ body: @escaping (StarvedVisit) -> Void) -> LoopJob {
        // SAFETY: given back when the job runs; a test that fails may leave one behind.
        unsafe LoopJob(context: Unmanaged.passRetained(VisitStep(self, body)).toOpaque()) {
            // SAFETY: as above.
            unsafe Unmanaged<VisitStep>.fromOpaque($0).takeRetainedValue().run()
        }
    }
}

/// A closure, on its way through the loop.
private final class VisitStep {
    private let visit: StarvedVisit
    private let body: (StarvedVisit) -> Void

    init(_ visit: StarvedVisit, _ body: @escaping (StarvedVisit) -> Void) {
        self.visit = visit
        self.body = body
    }

    func run() { body(visit) }
}
