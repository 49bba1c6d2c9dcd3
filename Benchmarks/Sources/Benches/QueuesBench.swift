// SPDX-License-Identifier: MIT

package import BenchSupport

/// What moving a number through a queue costs, next to queues in C++, C, Rust and Go.
///
/// Wall time from when all threads are ready to when the last is done, for each number. The threads
/// are pinned, in turn, to the processors that there are.
package struct QueuesBench: Bench {
    package let name = "queues"
    package let summary = "queues between threads: time for each element, next to C++, Rust and Go"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let shapes = [
            Shape("one", "one thread, a push and a pop in turns", pairs: 1),
            Shape("1p1c", "a producer and a consumer", producers: 1, consumers: 1),
            Shape("pairs2", "two threads, a push and a pop in turns", pairs: 2),
            Shape("2p2c", "two producers, two consumers", producers: 2, consumers: 2),
            Shape("4p4c", "four producers, four consumers", producers: 4, consumers: 4),
            Shape("4p1c", "four producers, a consumer", producers: 4, consumers: 1),
            Shape("1p4c", "a producer, four consumers", producers: 1, consumers: 4),
        ]
        let narrow = shapes.flatMap { shape in
            [16, 1024].map { scenario(shape, capacity: $0, options) }
        }
        // Elements of a cache line: what is copied counts, not only what is exchanged.
        let wide = shapes.filter { $0.threadCount <= 4 }.map {
            scenario($0, capacity: 1024, isWide: true, options)
        }
        return narrow + wide
    }

    private func scenario(
        _ shape: Shape, capacity: Int, isWide: Bool = false, _ options: RunOptions
    ) -> Scenario {
        let contenders = Self.contenders(withPeers: options.withPeers).filter {
            (!$0.isSingle || shape.isSingle) && ($0.isForWide || !isWide)
        }
        let count = options.isTiny ? 4_000 : shape.pairs == 1 ? 4_000_000 : 1_000_000
        let entrants = contenders.map { contender in
            var entrant = Entrant(contender.name) {
                try measure(contender, shape, capacity: capacity, isWide: isWide, count: count)
            }
            entrant.isPeer = contender.isReference
            // Concurrency Kit's commits in the order of its claims: with more threads than
            // processors, each waits for whoever the scheduler has put aside.
            entrant.mayBeLeftOut = contender.name == "ck-mpmc"
            // With others of its kind, each is compared with the nearest relative.
            if options.withPeers { entrant.baseline = contender.baseline }
            return entrant
        }
        var scenario = Scenario(
            name: "queues/\(shape.name)-" + (isWide ? "wide-" : "") + "\(capacity)",
            title: "\(shape.title), room for \(capacity)" + (isWide ? ", 64 bytes each" : ""),
            unit: "ns/element",
            entrants: entrants)
        scenario.isContended = shape.threadCount > 1
        scenario.comparesWithBaselinesOnly = !options.withPeers
        scenario.hasWarmUp = !options.isTiny
        if options.withPeers {
            scenario.prepare = {
                try Peers.check(["queues_cpp", "primitives_crossbeam", "primitives_go"])
            }
        }
        return scenario
    }

    // MARK: Who takes part

    /// A queue of one of the programs.
    private struct Queue {
        let name: String
        let program: String
        /// Whether one thread on each side is all that it allows.
        var isSingle = false
        /// Whether it is one of the peers of which the best is the reference: first in, first out,
        /// for any number of threads.
        var isReference = false
        /// Whether its elements may be of 64 bytes; Concurrency Kit's are pointers, Go's numbers.
        var isForWide = true
        var baseline: String?
    }

    private static func contenders(withPeers: Bool) -> [Queue] {
        let program = "queues_millrace"
        let own = [
            Queue(name: "mpmc", program: program),
            Queue(name: "lock-free", program: program, baseline: "scq-cpp"),
            Queue(name: "unbounded", program: program, baseline: "crossbeam-seg"),
            Queue(name: "relaxed", program: program, baseline: "moodycamel-tokens"),
            Queue(name: "spsc", program: program, isSingle: true, baseline: "boost-spsc"),
            Queue(name: "unbounded-spsc", program: program, isSingle: true, baseline: "boost-spsc"),
        ]
        guard withPeers else { return own }
        let peers = Peers.path("queues_cpp")
        let classic = ["vyukov-cpp", "scq-cpp", "boost-queue", "ck-mpmc"].map {
            Queue(name: $0, program: peers, isReference: true, isForWide: $0 != "ck-mpmc")
        }
        let crossbeam = Peers.path("primitives_crossbeam")
        let others = [
            Queue(name: "crossbeam-array", program: crossbeam, isReference: true),
            Queue(name: "crossbeam-seg", program: crossbeam),
            // Its senders and receivers are goroutines, which sleep when they must wait.
            Queue(name: "go-channel", program: Peers.path("primitives_go"), isForWide: false),
        ]
        let relaxed = ["moodycamel", "moodycamel-tokens"].map { Queue(name: $0, program: peers) }
        let single = ["boost-spsc", "ck-spsc"].map {
            Queue(name: $0, program: peers, isSingle: true, isForWide: $0 != "ck-spsc")
        }
        return classic + others + relaxed + single + own
    }

    // MARK: One trial

    /// Who pushes and who pops.
    private struct Shape {
        let name: String
        let title: String
        var pairs = 0
        var producers = 0
        var consumers = 0

        init(_ name: String, _ title: String, pairs: Int) {
            self.name = name
            self.title = title
            self.pairs = pairs
        }

        init(_ name: String, _ title: String, producers: Int, consumers: Int) {
            self.name = name
            self.title = title
            self.producers = producers
            self.consumers = consumers
        }

        var threadCount: Int { pairs + producers + consumers }
        var isSingle: Bool { pairs == 1 || producers == 1 && consumers == 1 }
        var arguments: [String] {
            pairs > 0
                ? ["--pairs", "\(pairs)"]
                : ["--producers", "\(producers)", "--consumers", "\(consumers)"]
        }
    }

    private func measure(
        _ queue: Queue, _ shape: Shape, capacity: Int, isWide: Bool, count: Int
    ) throws -> Measurement {
        let contender = Contender(queue.name, queue.program, isPeer: false)
        let child = try ChildProcess(
            contender.path(),
            [
                "--queue", queue.name + (isWide ? "-64" : ""), "--count", "\(count)", "--capacity",
                "\(capacity)",
            ] + shape.arguments, cpu: nil, name: queue.name)
        guard let line = try child.readLine(withinSeconds: 60),
            let result = KeyValues(line, word: "result"),
            try child.wait(withinSeconds: 10) == 0
        else { throw BenchError("\(queue.name) gave no result") }
        let expected = UInt64(count) * UInt64(count - 1) / 2
        guard try result.number("checksum") == expected else {
            throw BenchError("\(queue.name) lost or repeated an element")
        }
        return Measurement(Double(try result.number("nanoseconds")) / Double(count))
    }
}
