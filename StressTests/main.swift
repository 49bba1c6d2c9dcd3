// SPDX-License-Identifier: MIT

// stress [FILTER] [--seed N] [--seconds S] [--list] [--measure]
//
// Runs the scenario FILTER, or those whose name or room contains it, each for S seconds (default
// 1), and ends with status 1 if a check failed. Built with `--sanitize=thread`, a data race ends it
// with 66.

internal import AtomicSupport
internal import Glibc

let allScenarios: [Scenario] =
    atomicSupportScenarios + concurrentQueuesScenarios + spscQueueScenarios
    + unboundedSPSCQueueScenarios + lockFreeQueueScenarios + relaxedQueueScenarios
    + broadcastScenarios + broadcastChannelScenarios + dequeScenarios
    + runQueueScenarios + intrusiveQueueScenarios + objectPoolsScenarios + localMagazineScenarios
    + waitPrimitivesScenarios
    + meetingScenarios + lockScenarios + drainAllocatorsScenarios + reclamationScenarios
    + unboundedQueueScenarios + channelsScenarios
    + readWriteLockScenarios + notifyScenarios + conditionScenarios
    + tokenBucketScenarios
    + parkingLotScenarios
    + timerFrontScenarios + timerPostponeScenarios

struct StressOptions {
    var filter = ""
    var seed = MonotonicInstant.now.nanoseconds
    var seconds = 1.0
    var isListing = false
    var isMeasuring = false

    /// The scenario of that name, or those with it in their name or room.
    var scenarios: [Scenario] {
        if let named = allScenarios.first(where: { $0.name == filter }) { return [named] }
        return allScenarios.filter {
            filter.isEmpty || $0.name.contains(filter) || $0.room.contains(filter)
        }
    }

    /// The options of the command line, or nil if they make no sense.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--list": isListing = true
            case "--measure": isMeasuring = true
            case "--seed":
                guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
                seed = value
            case "--seconds":
                guard let value = rest.popFirst().flatMap({ Double($0) }) else { return nil }
                guard value >= 0, value <= 86_400 else { return nil }
                seconds = value
            default:
                guard !argument.hasPrefix("-"), filter.isEmpty else { return nil }
                filter = argument
            }
        }
    }
}

/// Runs one scenario and prints what became of it. Returns whether all its checks held.
func runScenario(_ scenario: Scenario, _ options: StressOptions) -> Bool {
    print("==> \(scenario.room) \(scenario.name), \(scenario.threads) threads")
    print("    \(scenario.summary)")
    fflush(nil)  // A trap must not swallow the name of its scenario.
    let start = MonotonicInstant.now
    let deadline = start.advanced(byNanoseconds: UInt64(options.seconds * 1e9))
    let context = StressContext(seed: options.seed, deadline: deadline)
    let operations = scenario.run(context)
    let milliseconds = MonotonicInstant.now.nanoseconds(since: start) / 1_000_000
    let isGood = context.failureCount == 0
    let result = isGood ? "ok" : "FAILED \(context.failureCount) checks"
    print("    \(result): \(operations) operations in \(milliseconds) ms")
    return isGood
}

/// Does what the options ask for; returns the exit status.
func runStress(_ options: StressOptions) -> Int32 {
    let chosen = options.scenarios
    if options.isMeasuring {
        printMeasurements()
        return 0
    }
    if options.isListing {
        for scenario in chosen {
            print("\(scenario.name)\t\(scenario.room)\t\(scenario.threads)\t\(scenario.summary)")
        }
        return 0
    }
    if chosen.isEmpty {
        print("stress: no scenario is called '\(options.filter)'")
        return 2
    }
    print("stress: seed \(options.seed), \(options.seconds) s for each scenario")
    let failed = chosen.filter { !runScenario($0, options) }
    if failed.isEmpty {
        print("stress: \(chosen.count) scenarios passed")
        return 0
    }
    let names = failed.map(\.name).joined(separator: ", ")
    print("stress: \(failed.count) of \(chosen.count) FAILED with seed \(options.seed): \(names)")
    return 1
}

guard let options = StressOptions(Array(CommandLine.arguments.dropFirst())) else {
    print("usage: stress [FILTER] [--seed N] [--seconds S] [--list] [--measure]")
    exit(2)
}
exit(runStress(options))
