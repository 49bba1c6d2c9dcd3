// SPDX-License-Identifier: MIT

import BenchSupport
import Testing

@Suite struct ProgressTests {
    private func scenario(_ name: String, entrants: Int, hasWarmUp: Bool) -> Scenario {
        var scenario = Scenario(
            name: name, title: name, unit: "ns",
            entrants: (0..<entrants).map { Entrant("entrant \($0)") { Measurement(1) } })
        scenario.hasWarmUp = hasWarmUp
        return scenario
    }

    @Test func theRestIsAsSlowAsWhatWasDone() {
        // A run would be said to take minutes that takes an hour.
        var progress = RunProgress(
            [
                (scenario("a", entrants: 3, hasWarmUp: true), 4),
                (scenario("b", entrants: 5, hasWarmUp: false), 1),
            ], now: 1_000)
        #expect(progress.trialCount == 20)
        #expect(progress.announcement(now: 1_000) == "2 scenarios, 20 trials: about 5 s")
        for _ in 0..<5 { progress.beginTrial() }
        // Four are done, in forty seconds; sixteen are not.
        let now: UInt64 = 40_000_001_000
        #expect(progress.rest(now: now) == 160_000_000_000)
        #expect(progress.text(now: now) == "5 of 20 trials, about 3 minutes")
    }
}
