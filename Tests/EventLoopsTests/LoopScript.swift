// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

/// Steps on a loop that the test's own thread runs, one after the other: each runs as soon as what
/// it waits for is so.
final class LoopScript {
    let loop: EventLoop
    private var steps: [Step] = []
    private var told: () -> Void = {}
    private let deadline = MonotonicInstant.now.advanced(byNanoseconds: 20_000_000_000)

    private struct Step {
        let what: String
        let isDue: () -> Bool
        let body: () -> Void
    }

    init(_ loop: EventLoop) {
        self.loop = loop
    }

    /// Adds a step: `body` as soon as `isDue`, which is asked in every turn.
    func when(_ what: String, _ isDue: @escaping () -> Bool, _ body: @escaping () -> Void) {
        steps.append(Step(what: what, isDue: isDue, body: body))
    }

    /// Adds a step that runs so many turns later.
    func after(turns: UInt64, _ body: @escaping () -> Void) {
        var start: UInt64?
        when(
            "\(turns) turns",
            { [loop] in
                if start == nil { start = loop.statistics.turns }
                return loop.statistics.turns >= (start ?? 0) + turns
            }, body)
    }

    /// A job that calls what was given last; the test keeps the script meanwhile.
    func job(_ body: @escaping () -> Void) -> LoopJob {
        told = body
        // SAFETY: the test keeps the script.
        return unsafe LoopJob(context: Unmanaged.passUnretained(self).toOpaque()) {
            // SAFETY: as above.
            unsafe Unmanaged<LoopScript>.fromOpaque($0).takeUnretainedValue().told()
        }
    }

    /// Begins an operation that does not end by itself: a poll of a socket that nobody writes to.
    func occupy(_ descriptor: Int32) {
        // SAFETY: names no memory, and nobody looks at the context.
        let poll = unsafe loop.submit(
            .poll(descriptor: descriptor, events: UInt32(MILLRACE_POLLIN)),
            context: Unmanaged.passUnretained(self).toOpaque()
        ) { _, _, _, _ in }
        #expect(poll != nil)
    }

    /// Runs the loop until all steps have run, at most twenty seconds.
    func run() throws {
        goOn()
        try loop.run()
    }

    private func goOn() {
        // SAFETY: given back when the job runs; a test that fails may leave one behind.
        let job = unsafe LoopJob(context: Unmanaged.passRetained(self).toOpaque()) {
            // SAFETY: as above.
            unsafe Unmanaged<LoopScript>.fromOpaque($0).takeRetainedValue().step()
        }
        if !loop.post(job) { Issue.record("the loop is over") }
    }

    private func step() {
        guard let step = steps.first else { return loop.stop() }
        if step.isDue() {
            steps.removeFirst()
            step.body()
        } else if .now >= deadline {
            Issue.record("it took too long: \(step.what)")
            return loop.stop()
        }
        goOn()
    }
}
