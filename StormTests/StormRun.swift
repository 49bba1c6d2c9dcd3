// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CMallocCount
internal import EventLoops
internal import Glibc
internal import LoopSimulation
internal import StressSupport

/// Runs one storm with many seeds on several threads, and tells what came of it.
final class StormRun: @unchecked Sendable {
    private let storm: Storm
    private let options: SimulateOptions
    private let next: Atomic<UInt64>
    private let lock = OutputLock()
    private let health: NetworkHealth
    // Guarded by `lock`.
    private var statistics = SimulationStatistics()
    /// For each fault, the worlds in which it happened, and the connections that were reset there.
    private var harm = [(worlds: UInt64, resets: UInt64)](
        repeating: (0, 0), count: Fault.allCases.count)
    private var time = Duration.zero
    private var done: UInt64 = 0
    /// Of all traces, in whatever order the seeds were run.
    private var hash: UInt64 = 0
    private var failed: [(seed: UInt64, complaints: [String])] = []
    private var lastReport = MonotonicInstant.now

    init(_ storm: Storm, _ options: SimulateOptions) {
        self.storm = storm
        self.options = options
        next = Atomic(options.seeds.lowerBound)
        health = NetworkHealth(command: options.healCommand)
    }

    /// Runs every seed; whether all checks held.
    func run() -> Bool {
        let start = MonotonicInstant.now
        print("==> \(storm.name): \(storm.summary)")
        print("    seeds \(options.seeds.lowerBound) to \(options.seeds.upperBound)")
        ThreadTeam.run(count: options.jobs) { job in self.work(job) }
        let seconds = Double(MonotonicInstant.now.nanoseconds(since: start)) / 1e9
        report(seconds)
        for (seed, complaints) in failed.sorted(by: { $0.seed < $1.seed }).prefix(5) {
            explain(seed, complaints)
        }
        return failed.isEmpty
    }

    private func work(_ job: Int) {
        while true {  // Ends when the seeds are used up.
            // Relaxed: the number is all that passes.
            let (seed, _) = next.wrappingAdd(1, ordering: .relaxed)
            guard options.seeds.contains(seed) else { return }
            CrashNote.begin(job: job, "\(storm.name), seed \(seed)")
            note(seed, result(of: settings(seed)))
            CrashNote.end(job: job)
        }
    }

    /// How many allocations a run of a seed leaves behind. What a first run leaves may be there for
    /// all that follow; so one that leaves some is asked twice more.
    private func leftover(_ settings: StormSettings) -> Int64 {
        var left: Int64 = 0
        for _ in 0..<2 {
            let before = test_live_allocation_count()
            _ = once(settings)
            left = test_live_allocation_count() - before
            if left <= 0 { break }
        }
        return left
    }

    /// Runs a seed as often as asked; that the runs differ is a complaint too.
    private func result(of settings: StormSettings) -> StormResult {
        let before = test_live_allocation_count()
        var result = once(settings)
        // What the result itself holds is a block of counts, unless it has something to say.
        let mayLeak = test_live_allocation_count() - before > 1 && result.complaints.isEmpty
        if mayLeak, options.kernel == nil {
            let left = leftover(settings)
            if left > 0 { result.complaints.append("\(left) allocations are left behind") }
        }
        for _ in 1..<options.repeats {
            let again = once(settings)
            if again.traceHash != result.traceHash || again.traceCount != result.traceCount {
                result.complaints.append("a second run of the same seed was another")
            }
        }
        return result
    }

    private func settings(_ seed: UInt64) -> StormSettings {
        var settings = StormSettings(seed: seed, share: options.share)
        if let choice = options.kernel { settings.place = .kernel(choice, onHeal: health.restore) }
        return settings
    }

    private func once(_ settings: StormSettings) -> StormResult {
        do {
            return try storm.run(settings)
        } catch {
            return StormResult(
                complaints: ["it could not be run: \(error)"], traceHash: 0, traceCount: 0,
                time: .zero, statistics: SimulationStatistics(), timeline: [])
        }
    }

    private func note(_ seed: UInt64, _ result: StormResult) {
        lock.withLock {
            statistics += result.statistics
            for fault in Fault.allCases where result.statistics[fault] > 0 {
                harm[fault.rawValue].worlds += 1
                harm[fault.rawValue].resets += result.statistics.resets
            }
            time += result.time
            done += 1
            hash &+= (result.traceHash ^ seed) &* 0x9E37_79B9_7F4A_7C15
            if !result.complaints.isEmpty {
                failed.append((seed, result.complaints))
                print("    seed \(seed): \(result.complaints[0])")
                fflush(nil)  // Whoever reads a pipe hears of it now.
            }
            let now = MonotonicInstant.now
            guard now.nanoseconds(since: lastReport) > 5_000_000_000 else { return }
            lastReport = now
            print("    \(done) seeds, \(statistics.completions) completions")
            fflush(nil)
        }
    }

    private func report(_ seconds: Double) {
        if let kernel = options.kernel {
            print(
                "    \(done) seeds on \(kernel.rawValue), \(statistics.completions) completions in"
                    + " \(tenths(seconds)) s")
        } else {
            reportWorlds(seconds)
        }
        let end = failed.isEmpty ? "all held" : "\(failed.count) FAILED"
        print("simulate: \(storm.name): \(done) seeds, \(end)")
    }

    private func reportWorlds(_ seconds: Double) {
        let hours = Double(time.components.seconds) / 3600
        print("    \(done) seeds, \(tenths(hours)) hours, \(statistics.waits) turns")
        print(
            "    \(statistics.completions) completions, \(statistics.connections) connections,"
                + " \(statistics.resets) resets in \(tenths(seconds)) s")
        print("    a fault: how often, in how many worlds, connections that were reset in these")
        for fault in Fault.allCases {
            let (worlds, resets) = harm[fault.rawValue]
            print("      \(fault): \(statistics[fault]), \(worlds), \(resets)")
        }
        print("      cancellations that met a completion: \(statistics.crossedCancellations)")
        print("    hash of all events: \(String(hash, radix: 16))")
    }

    private func tenths(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }

    // MARK: A seed that failed

    /// Takes away what the failure does not need, and shows the rest.
    private func explain(_ seed: UInt64, _ complaints: [String]) {
        print("==> \(storm.name), seed \(seed)")
        for complaint in complaints { print("    \(complaint)") }
        // What the kernel did, no seed repeats.
        if options.kernel != nil { return }
        CrashNote.begin(job: 0, "\(storm.name), seed \(seed), made shorter")
        defer { CrashNote.end(job: 0) }
        var small = shrink(settings(seed))
        small.traceLinesMax = options.timelineLines
        let result = result(of: small)
        let faults = Fault.allCases.filter { small.plan[$0] > 0 }.map { "\($0)" }
        print("    needs: \(faults.joined(separator: ", ")); \(small.share) ‰ of the work")
        for complaint in result.complaints { print("    still: \(complaint)") }
        for line in result.timeline { print("      \(line)") }
        let share = options.share == 1000 ? "" : " --share \(options.share)"
        print("    again: ./dev simulate \(storm.name) --seed \(seed)\(share)")
    }

    private func shrink(_ settings: StormSettings) -> StormSettings {
        var small = settings
        func fails(_ settings: StormSettings) -> Bool {
            !result(of: settings).complaints.isEmpty
        }
        for fault in Fault.allCases where small.plan[fault] > 0 {
            var without = small
            without.withoutFaults.insert(fault)
            if fails(without) { small = without }
        }
        while small.share > 1 {  // Ends: halves each turn.
            var less = small
            less.share /= 2
            guard fails(less) else { break }
            small = less
        }
        return small
    }
}
