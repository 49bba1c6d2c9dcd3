// SPDX-License-Identifier: MIT

import BenchSupport
import Testing

@Suite struct StatisticsTests {
    @Test func medians() {
        // A ratio would be taken from another value than the middle one.
        #expect(Statistics.median([3, 1, 2]) == 2)
        #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
        #expect(Statistics.median([]).isNaN)
    }

    @Test func intervalOfFifteen() {
        // The interval would promise another confidence than it has: by the binomial distribution,
        // the 4th and the 12th of 15 values hold the median with 96.5 %.
        let interval = Statistics.interval((1...15).map(Double.init))
        #expect(interval.median == 8)
        #expect(interval.low == 4)
        #expect(interval.high == 12)
        #expect(abs(interval.confidence - 0.9648) < 0.0001)
        #expect(interval.description == "8.000 [4.000, 12.000]")
    }

    @Test func tooFewValues() {
        // Few rounds would be sold as certain.
        let interval = Statistics.interval([1, 2, 3])
        #expect(interval.low == 1)
        #expect(interval.high == 3)
        #expect(interval.confidence == 0.75)
    }

    @Test func intervalsCover() {
        // The true median would lie outside more often than in one case of twenty.
        var generator = SplitMix(state: 7)
        var misses = 0
        for _ in 0..<2_000 {
            let values = (0..<15).map { _ in Double.random(in: 0..<1, using: &generator) }
            let interval = Statistics.interval(values)
            if interval.low > 0.5 || interval.high < 0.5 { misses += 1 }
        }
        #expect(misses < 100)
    }

    @Test func turnsRotate() {
        // The same contender would always go first, or always follow the same other.
        #expect(Alternation.order(of: 3, inRound: 0) == [0, 1, 2])
        #expect(Alternation.order(of: 3, inRound: 1) == [1, 2, 0])
        #expect(Alternation.order(of: 3, inRound: 3) == [0, 1, 2])
    }

    @Test func whoTakesTooLongIsLeftOut() throws {
        // One peer that stands still would end a run of hours, or one of ours would vanish from it.
        var slow = Entrant("slow") { throw BenchError("said nothing", isTimeout: true) }
        slow.isPeer = true
        let quick = Entrant("quick") { Measurement(1) }
        func result() throws -> ScenarioResult {
            let scenario = Scenario(name: "t/t", title: "", unit: "ns", entrants: [slow, quick])
            return try Alternation(scenario, rounds: 3, on: .chosen()).run()
        }
        #expect(throws: BenchError.self) { try result() }
        slow.mayBeLeftOut = true
        let left = try result()
        #expect(left.rows.map(\.entrant) == ["quick"])
        #expect(left.trials.count == 3)
        #expect(Report(left).text.contains("slow: left out, a trial took too long"))
    }

    @Test func pairedRatiosToTheBestPeer() {
        // Ratios would be taken to another reference, or across rounds: drift would not cancel.
        var slow = Entrant("slow") { Measurement(0) }
        slow.isPeer = true
        var fast = Entrant("fast") { Measurement(0) }
        fast.isPeer = true
        let scenario = Scenario(
            name: "t/t", title: "", unit: "ns",
            entrants: [slow, fast, Entrant("ours") { Measurement(0) }])
        let trials = (0..<9).flatMap { round in
            [("slow", 3.0), ("fast", 2.0), ("ours", 2.2)].map { name, cost in
                Trial(
                    entrant: name, round: round, distance: .near,
                    measurement: Measurement(cost * Double(round + 1)))
            }
        }
        let result = ScenarioResult(scenario, trials: trials)
        #expect(result.reference == "fast")
        #expect(result.rows[1].ratio == nil)
        #expect(result.rows[2].ratio.map { abs($0.high - 1.1) < 1e-9 } == true)
        #expect(result.rows[2].ratio.map { abs($0.low - 1.1) < 1e-9 } == true)
    }

    @Test func contendedTrialsAreComparedInsideOneLabel() {
        // Trials of one mode would be divided by trials of the other.
        var peer = Entrant("peer") { Measurement(0) }
        peer.isPeer = true
        var scenario = Scenario(
            name: "t/t", title: "", unit: "ns",
            entrants: [peer, Entrant("ours") { Measurement(0) }])
        scenario.isContended = true
        let trials = (0..<9).flatMap { round in
            ["peer", "ours"].map { name in
                let isOdd = round % 3 == 0 && name == "ours"
                return Trial(
                    entrant: name, round: round, distance: isOdd ? .far : .near,
                    measurement: Measurement(isOdd ? 500 : 100))
            }
        }
        let result = ScenarioResult(scenario, trials: trials)
        #expect(result.comparedWithin == .near)
        #expect(result.rows[1].ratio?.high == 1)
    }

    @Test func labels() {
        // A disturbed probe would pass for one of the two modes.
        #expect(CacheDistance(nanoseconds: 80) == .near)
        #expect(CacheDistance(nanoseconds: 200) == .mixed)
        #expect(CacheDistance(nanoseconds: 380) == .far)
        #expect(CacheDistance(nanoseconds: 2_000) == .mixed)
        #expect(CacheDistance(nanoseconds: -1) == .mixed)
        #expect(CacheDistance.near.merged(with: .far) == .mixed)
        #expect(CacheDistance.far.merged(with: .far) == .far)
    }
}

/// Random numbers that are the same in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
