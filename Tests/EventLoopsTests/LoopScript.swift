// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops
import Testing

/// Steps on a loop that the test's own thread runs, one after the other: each runs as soon as what
/// it waits for is so.
final class LoopScript {
    let loop: EventLoop
    private var steps: [Step] = []
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
