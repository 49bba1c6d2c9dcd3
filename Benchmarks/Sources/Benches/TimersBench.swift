// SPDX-License-Identifier: MIT

package import BenchSupport

/// What a timer costs when a million others wait, next to heaps in C.
package struct TimersBench: Bench {
    package let name = "timers"
    package let summary = "the timing wheel at a million timers, next to heaps in C"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            ("cancel-far", "one more, anywhere among the others; cancelled 64 later"),
            ("cancel-near", "one more, due before nearly all others; cancelled 64 later"),
            ("rearm-any", "any of them moved anywhere"),
            ("rearm-idle", "any of them moved behind all others"),
            ("expire", "all fire, in order"),
            ("steady", "each that fires is armed again, anywhere"),
        ].map { (way, title) in
            WorkScenario(
                name: "timers/\(way)", title: "a million timers: \(title)",
                unit: "CPU ns/timer", count: 1_000_000, size: 1_000_000, tinySize: 10_000,
                entrants: [
                    .reference("4-ary heap", "primitives_c", "heap4-\(way)"),
                    .reference("binary heap", "primitives_c", "heap2-\(way)"),
                    .own("wheel", "wheel-\(way)"),
                ] + Self.others(way)
            ).scenario(options, on: processors)
        }
    }

    /// What the loop costs without the wheel, or by another way to the same.
    private static func others(_ way: String) -> [WorkEntrant] {
        switch way {
        case "cancel-far": [.own("loop alone", "wheel-cancel-nothing")]
        case "rearm-any": [.own("look alone", "wheel-rearm-nothing")]
        case "rearm-idle": [.own("postponed", "wheel-rearm-postponed")]
        default: []
        }
    }
}
