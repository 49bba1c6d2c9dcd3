// SPDX-License-Identifier: MIT

// simulate [STORM] [--seeds A..B | --seed N] [--jobs J] [--repeat R] [--share S] [--timeline L]
//          [--kernel B [--heal COMMAND]] [--list]
//
// Runs the storm STORM, or all, with each seed from A to B, and ends with status 1 if a check
// failed. A seed that failed is made smaller, and its last events are shown. With --kernel the
// seeds run all at once on this system, for `StormTests/kernel.sh`, which spoils its network.

internal import EventLoops
internal import Glibc
internal import LoopSimulation

#if TLS
    let allStorms: [Storm] = [
        ClientStorm.storm, HTTPStorm.storm, EchoStorm.plain, EchoStorm.secure,
    ]
#else
    let allStorms: [Storm] = [ClientStorm.storm, HTTPStorm.storm, EchoStorm.plain]
#endif

struct SimulateOptions {
    var filter = ""
    var seeds: ClosedRange<UInt64> = 1...1000
    var askedJobs: Int?
    var repeats = 1
    var share = 1000
    var timelineLines = 60
    var kernel: BackendChoice?
    var healCommand: String?
    var isListing = false
    var isAskingForHelp = false

    var jobs: Int { askedJobs ?? (kernel == nil ? 2 : 16) }

    static let usage = """
        usage: simulate [STORM] [--seeds A..B | --seed N] [--jobs J] [--repeat R] [--share S]
                        [--timeline L] [--kernel B [--heal COMMAND]] [--list]
          STORM        only those whose name contains this
          --seeds A..B the seeds to run, both ends included; default 1..1000
          --seed N     one seed
          --jobs J     so many threads, each with worlds of its own; default 2
          --repeat R   run each seed so often and compare the hashes of what happened; default 1
          --share S    how much of its work a storm does, in a thousand; default 1000
          --timeline L show the last L events of a seed that failed; default 60
          --kernel B   not in simulated worlds, but on this system: io_uring or epoll; 16 seeds
                       at once unless --jobs says otherwise
          --heal COMMAND
                       what the shell does to make this system's network well
          --list       name the storms
        """

    /// The options of the command line, or nil if they make no sense.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": isAskingForHelp = true
            case "--list": isListing = true
            case "--seeds":
                guard let range = rest.popFirst().flatMap(Self.range) else { return nil }
                seeds = range
            case "--seed":
                guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
                seeds = seed...seed
            case "--jobs":
                guard let jobs = Self.count(rest.popFirst(), in: 1...64) else { return nil }
                askedJobs = jobs
            case "--repeat":
                guard let repeats = Self.count(rest.popFirst(), in: 1...1000) else { return nil }
                self.repeats = repeats
            case "--share":
                guard let share = Self.count(rest.popFirst(), in: 1...1000) else { return nil }
                self.share = share
            case "--kernel":
                guard let choice = rest.popFirst().flatMap({ BackendChoice(rawValue: $0) }) else {
                    return nil
                }
                kernel = choice
            case "--heal":
                guard let command = rest.popFirst() else { return nil }
                healCommand = command
            case "--timeline":
                guard let lines = Self.count(rest.popFirst(), in: 0...100_000) else { return nil }
                timelineLines = lines
            default:
                guard !argument.hasPrefix("-"), filter.isEmpty else { return nil }
                filter = argument
            }
        }
        if healCommand != nil && kernel == nil { return nil }
    }

    private static func count(_ text: String?, in range: ClosedRange<Int>) -> Int? {
        guard let count = text.flatMap({ Int($0) }), range.contains(count) else { return nil }
        return count
    }

    private static func range(_ text: String) -> ClosedRange<UInt64>? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: true)
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]),
            first <= last
        else { return nil }
        return first...last
    }
}

func runSimulate(_ options: SimulateOptions) -> Int32 {
    if options.isAskingForHelp {
        print(SimulateOptions.usage)
        return 0
    }
    let chosen = allStorms.filter { options.filter.isEmpty || $0.name.contains(options.filter) }
    if options.isListing {
        for storm in chosen { print("\(storm.name)\t\(storm.summary)") }
        return 0
    }
    if chosen.isEmpty {
        print("simulate: no storm is called '\(options.filter)'")
        return 2
    }
    var isGood = true
    for storm in chosen where !StormRun(storm, options).run() { isGood = false }
    return isGood ? 0 : 1
}

guard let options = SimulateOptions(Array(CommandLine.arguments.dropFirst())) else {
    print(SimulateOptions.usage)
    exit(2)
}
// SAFETY: there is one thread so far.
if unsafe getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    // The order of sets and dictionaries must not differ from run to run.
    // SAFETY: as above.
    _ = unsafe setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    // SAFETY: copies of strings, which the next program takes over.
    var arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) } + [nil]
    _ = unsafe execv("/proc/self/exe", &arguments)  // SAFETY: as above.
}
CrashNote.install()
exit(runSimulate(options))
