// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Glibc
import Testing

@Suite("The end of a connection that the backend keeps to itself")
struct LostEndTests {
    @Test("A send that fails makes the stream look for it", arguments: backends)
    func isFound(_ choice: BackendChoice) throws {
        // If this failed, a connection whose reset the kernel did not tell would stay until its
        // idle limit, or for ever: 2 or 3 of 100,000 that a client resets behind its request.
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let options = LoopOptions()
        let inner = try choice.open(options: options).backend
        let loop = EventLoop(
            SelectedBackend(backend: DeafBackend(inner, options: options), reason: "planted"),
            options: options)
        let visit = Visit(loop, near: ends[0], far: ends[1])
        loop.post(visit.job { $0.begin() })
        try loop.run()
        #expect(visit.end == .finished)
        #expect(visit.wasSilent)
    }
}

/// One connection: its peer is gone, which the stream does not hear; then something is sent.
private final class Visit {
    private let loop: EventLoop
    private let near: Int32
    private let far: Int32
    private let input: ReceiveStream
    private let output: SendStream
    private(set) var end: ReceiveStream.End?
    private(set) var wasSilent = false
    private var isOver = false

    init(_ loop: EventLoop, near: Int32, far: Int32) {
        self.loop = loop
        self.near = near
        self.far = far
        input = ReceiveStream(loop: loop, descriptor: near)
        output = SendStream(loop: loop, descriptor: near, counterpart: input)
    }

    /// What is posted runs on this thread, which is the loop's while the test runs it.
    func job(_ body: @escaping (Visit) -> Void) -> LoopJob {
        // SAFETY: given back when the job runs; a test that fails may leave one behind.
        unsafe LoopJob(context: Unmanaged.passRetained(Step(self, body)).toOpaque()) {
            unsafe Unmanaged<Step>.fromOpaque($0).takeRetainedValue().run()  // SAFETY: as above.
        }
    }

    private func after(_ nanoseconds: UInt64, _ body: @escaping (Visit) -> Void) -> LoopTimer? {
        // SAFETY: as in `job`.
        unsafe loop.schedule(
            at: MonotonicInstant.now.advanced(byNanoseconds: nanoseconds),
            context: Unmanaged.passRetained(Step(self, body)).toOpaque()
        ) { context, isStopped in
            // SAFETY: as above.
            let step = unsafe Unmanaged<Step>.fromOpaque(context).takeRetainedValue()
            if !isStopped { step.run() }
        }
    }

    func begin() {
        input.start()
        input.whenEnded(job { $0.finish() })
        close(far)
        // Time for the end that does not come, then what fails; seconds are too late.
        _ = after(20_000_000) { visit in
            visit.wasSilent = visit.input.end == nil
            let bytes: [UInt8] = [1, 2, 3]
            // SAFETY: copied by the call.
            _ = unsafe visit.output.append(bytes.span.bytes)
            visit.output.whenEmpty(visit.job { _ in })
        }
        _ = after(2_000_000_000) { $0.finish() }
    }

    private func finish() {
        guard !isOver else { return }
        isOver = true
        end = input.end
        input.cancelWaiter()
        input.stop()
        loop.close(near)
        loop.stop()
    }
}

/// A closure, on its way through the loop.
private final class Step {
    private let visit: Visit
    private let body: (Visit) -> Void

    init(_ visit: Visit, _ body: @escaping (Visit) -> Void) {
        self.visit = visit
        self.body = body
    }

    func run() { body(visit) }
}
