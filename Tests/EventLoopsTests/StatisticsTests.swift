// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Glibc
import Testing

@Suite("What a loop says that it has done")
struct StatisticsTests {
    @Test("Statistics tell what the loop did", arguments: backends)
    func told(_ choice: BackendChoice) throws {
        // Wrong: who looks for what a program costs looks in the wrong place.
        let options = LoopOptions()
        let backend = PassingBackend(try choice.open(options: options).backend)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "looked at"), options: options)
        let visit = PollVisit(loop)
        defer { visit.closePipe() }
        // Before it runs a loop is awake: whoever posts to it wakes nobody.
        loop.post(visit.job { $0.begin() })
        #expect(loop.wakeUps == 0)
        try loop.run()
        let told = loop.statistics
        #expect(visit.polled == 2 && visit.fired == 3)
        #expect(told.turns == backend.waits)
        // The last wait of the running loop is cut short by the stop: it has no deadline.
        #expect(told.sleeps == backend.sleeps + 1)
        #expect(told.submitted == 2 && told.completions == 2 && told.staleCompletions == 0)
        #expect(told.completions == backend.completions)
        #expect(told.completionsMax == backend.completionsMax && told.completionsMax > 0)
        #expect(told.timersFired == 3 && told.jobs == 1)
        #expect(told.wakeUps == 0 && told.bufferShortages == 0 && told.spilledBytes == 0)
        // Each wait of the loop is one call of the ring.
        if choice == .ioUring { #expect(told.backend.waits == backend.waits) }
    }

    @Test("A completion that comes twice is counted once, as stale", arguments: [5])
    func stale(_ count: Int) throws {
        // Wrong: a backend that completes an operation twice is not found out.
        let options = LoopOptions()
        let epoll = try BackendChoice.epoll.open(options: options).backend
        let backend = FaultyBackend(epoll, .completesTwice, options: options)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "planted"), options: options)
        let visit = PollVisit(loop)
        defer { visit.closePipe() }
        loop.post(
            visit.job { visit in for _ in 0..<count { visit.poll { visit.stop(behind: count) } } })
        try loop.run()
        #expect(loop.statistics.staleCompletions == UInt64(count))
        #expect(loop.statistics.completions == UInt64(count))
    }

    @Test("A full submission queue is counted each time")
    func fullQueues() throws {
        // If this failed, who looks for the system calls that a short queue costs would be misled.
        var options = LoopOptions()
        options.submissionQueueCapacity = 4
        let loop = try EventLoop(choice: .ioUring, options: options)
        let visit = PollVisit(loop)
        defer { visit.closePipe() }
        loop.post(
            visit.job { visit in for _ in 0..<20 { visit.poll { visit.stop(behind: 20) } } })
        try loop.run()
        // With the one that waits for wake-ups there were 21 entries, of which four fit.
        #expect(loop.statistics.backend.fullSubmissionQueues == 5)
    }

    @Test("Two descriptors that are closed in one turn are closed under two names")
    func closing() throws {
        // Wrong: of two closes under one name a backend remembers one, and a descriptor stays open.
        let options = LoopOptions()
        let backend = PassingBackend(try BackendChoice.epoll.open(options: options).backend)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "looked at"), options: options)
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        #expect(unsafe millrace_pipe_open(&ends) == 0)
        let script = LoopScript(loop)
        script.when("nothing", { true }) { for descriptor in ends { loop.close(descriptor) } }
        try script.run()
        #expect(Set(backend.closes).count == 2)
        #expect(loop.operationCount == 0)
    }

    @Test("A descriptor that is being closed is an operation under way", arguments: backends)
    func countedClose(_ choice: BackendChoice) throws {
        // If this failed, who waits until nothing is under way would go on before its descriptors
        // are closed.
        let loop = try EventLoop(choice: choice)
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        #expect(unsafe millrace_pipe_open(&ends) == 0)
        let descriptors = ends
        let script = LoopScript(loop)
        script.when("nothing", { true }) {
            for (index, descriptor) in descriptors.enumerated() {
                loop.close(descriptor)
                #expect(loop.operationCount == index + 1)
            }
        }
        script.when("both to be closed", { loop.operationCount == 0 }) {}
        try script.run()
    }

    @Test("Jobs beyond the inbox are counted like those in it", arguments: [1, 4])
    func overflowed(_ capacity: Int) throws {
        // If this failed, who looks for what threads hand over would not see a burst, or see it
        // twice.
        var options = LoopOptions()
        options.inboxCapacity = capacity
        let loop = try EventLoop(choice: .epoll, options: options)
        let visit = PollVisit(loop)
        defer { visit.closePipe() }
        var ran = 0
        for _ in 0..<10 { loop.post(visit.job { _ in ran += 1 }) }
        loop.post(visit.job { _ in loop.stop() })
        try loop.run()
        #expect(ran == 10 && loop.statistics.jobs == 11)
    }

    @Test("A timer for the point that does not come lets the loop sleep", arguments: backends)
    func never(_ choice: BackendChoice) throws {
        // If this failed, one limit of "for ever" would keep a processor busy.
        let options = LoopOptions()
        let backend = PassingBackend(try choice.open(options: options).backend)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "looked at"), options: options)
        let visit = PollVisit(loop)
        defer { visit.closePipe() }
        // The poll ends the sleep, and its handler stops the loop: no wait of this loop is cut
        // short, so each one that may sleep has a deadline to come.
        loop.post(
            visit.job { visit in
                visit.waitForEver()
                visit.poll { visit.stop(behind: 1) }
            })
        try loop.run()
        #expect(loop.statistics.sleeps > 0)
        #expect(backend.sleeps == Int(loop.statistics.sleeps))
    }
}

/// Polls of a pipe that can be read, then three timers, then the stop.
private final class PollVisit {
    private let loop: EventLoop
    private var ends: [Int32] = [0, 0]
    private(set) var polled = 0
    private(set) var fired = 0

    init(_ loop: EventLoop) {
        self.loop = loop
        // SAFETY: room for two.
        #expect(unsafe millrace_pipe_open(&ends) == 0)
        var byte: UInt8 = 1
        // SAFETY: a byte of ours.
        #expect(unsafe write(ends[1], &byte, 1) == 1)
    }

    func closePipe() {
        for descriptor in ends { close(descriptor) }
    }

    func job(_ body: @escaping (PollVisit) -> Void) -> LoopJob {
        // SAFETY: given back when the job runs.
        unsafe LoopJob(context: Unmanaged.passRetained(Run { body(self) }).toOpaque()) {
            unsafe Unmanaged<Run>.fromOpaque($0).takeRetainedValue().body()  // SAFETY: as above.
        }
    }

    func begin() {
        for _ in 0..<2 { poll { [self] in if polled == 2 { fire() } } }
    }

    func poll(_ body: @escaping () -> Void) {
        // SAFETY: given back with the only completion.
        let context = unsafe Unmanaged.passRetained(
            Run { [self] in
                polled += 1
                body()
            }
        ).toOpaque()
        // SAFETY: as above; the request names no memory.
        _ = unsafe loop.submit(
            .poll(descriptor: ends[0], events: UInt32(MILLRACE_POLLIN)), context: context
        ) { context, _, _, _ in
            unsafe Unmanaged<Run>.fromOpaque(context).takeRetainedValue().body()  // SAFETY: ditto.
        }
    }

    func stop(behind count: Int) {
        if polled == count { loop.stop() }
    }

    private func fire() {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 2_000_000)
        // SAFETY: given back by the timer, which fires in any case.
        let context = unsafe Unmanaged.passRetained(
            Run { [self] in
                fired += 1
                if fired == 3 { loop.stop() } else { fire() }
            }
        ).toOpaque()
        // SAFETY: as above.
        _ = unsafe loop.schedule(at: deadline, context: context) { context, _ in
            unsafe Unmanaged<Run>.fromOpaque(context).takeRetainedValue().body()  // SAFETY: ditto.
        }
    }

    /// Sets a timer that only the loop's end answers.
    func waitForEver() {
        // SAFETY: given back when the loop stops.
        let context = unsafe Unmanaged.passRetained(Run {}).toOpaque()
        // SAFETY: as above.
        let timer = unsafe loop.schedule(at: .never, context: context) { context, _ in
            unsafe Unmanaged<Run>.fromOpaque(context).takeRetainedValue().body()  // SAFETY: ditto.
        }
        #expect(timer != nil)
    }
}

/// A closure, on its way through the loop.
private final class Run {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}
