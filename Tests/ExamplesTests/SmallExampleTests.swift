// SPDX-License-Identifier: MIT

import Testing

/// A small example and lines that it must print.
struct SmallExample: CustomTestStringConvertible, Sendable {
    let name: String
    let lines: [String]
    var testDescription: String { name }

    static let all = [
        SmallExample(
            name: "auto_reset_event",
            lines: [
                "rallies: 2000", "two sets let through: true, then false",
                "a task was let through, one was cancelled: true, the flag is there: true",
            ]),
        SmallExample(
            name: "barrier",
            lines: [
                "steps: 20, sum 1048576", "alone at the barrier: gave up", "still arrived: 0",
            ]),
        SmallExample(
            name: "bounded_channel",
            lines: [
                "sum 333383335000, expected 333383335000: nothing lost",
                "never more than 8 in the channels: true",
            ]),
        SmallExample(
            name: "buffer_pool",
            lines: [
                "messages: 20000, in buffers of 37376 bytes", "20000 bytes refused: true",
            ]),
        SmallExample(
            name: "circuit_breaker",
            lines: [
                "20 ms: call failed, the breaker is open",
                "90 ms: not called, the breaker is open",
                "130 ms: probe failed, the breaker is open",
                "800 ms: probe succeeded, the breaker is closed",
                "810 ms: call succeeded, the breaker is closed",
                "behind a probe that was given up: another probe", "then it is closed",
            ]),
        SmallExample(
            name: "condition_variable",
            lines: [
                "sum 500500 of 500500, never more than four: true", "afterwards: nothing in time",
            ]),
        SmallExample(
            name: "drain_allocator",
            lines: [
                "drained: true, blocks out: 0", "served at least a thousand: true",
                "threads refused behind the close: 2",
            ]),
        SmallExample(name: "echo_async", lines: ["echoed: one, two, three"]),
        SmallExample(
            name: "epochs",
            lines: [
                "sum 3750075000, expected 3750075000", "freed 150000 of 150000 nodes",
                "never more than 256 held back: true",
            ]),
        SmallExample(
            name: "event_count", lines: ["both readers saw step 1000", "left waiting: 0"]),
        SmallExample(
            name: "event_loop",
            lines: [
                "the timer rings after at least 20 ms: true", "the bell is readable: true",
                "the loop is over; operations left: 0",
            ]),
        SmallExample(
            name: "fair_lock",
            lines: [
                "turns: 1500, of each: [500, 500, 500]",
                "while it is held: waited in vain, tried -1", "held at the end: false",
            ]),
        SmallExample(
            name: "hazard_pointers",
            lines: [
                "torn or freed under a reader: 0", "replaced 9999, freed 9999",
                "held back by one slow reader: 1, still 10000", "held back at the end: 0",
            ]),
        SmallExample(
            name: "latch",
            lines: [
                "finished before the pistol: false", "all in: true, metres run: 400",
                "false starts: 0, missing: 0",
            ]),
        SmallExample(
            name: "manual_reset_event",
            lines: [
                "sacks ground: 300", "through a shut gate: false",
                "through an open one, twice: true, true", "shut, and shut again: true, false",
            ]),
        SmallExample(
            name: "mpmc_queue", lines: ["sum 4999950000, expected 4999950000: nothing lost"]),
        SmallExample(
            name: "intrusive_queue",
            lines: [
                "sum 600030000, expected 600030000: nothing lost", "60000 requests in 3 nodes",
            ]),
        SmallExample(name: "mpsc_inbox", lines: ["received 60000 of 60000 messages"]),
        SmallExample(
            name: "object_pool",
            lines: ["a released handle is leased: false", "available at the end: 8 of 8"]),
        SmallExample(
            name: "local_pool",
            lines: [
                "answered: 90000", "slots went to a magazine less than 1000 times: true",
                "free after them: 128 of 128", "kept from others: 8", "kept after a flush: 0",
                "free at the end: 128 of 128",
            ]),
        SmallExample(
            name: "oneshot",
            lines: [
                "first answer taken: true, second refused: true", "the answer is 42",
                "no answer to 7: closed",
            ]),
        SmallExample(
            name: "rendezvous",
            lines: [
                "handed over 1000 of 1000", "arrived in order and whole: 1000",
                "passed on although the one before was not: 0",
                "nobody came (timedOut), still held: baton 7",
            ]),
        SmallExample(
            name: "selector",
            lines: ["sum 12502500, expected 12502500: nothing lost", "requests heard: 500 of 500"]),
        SmallExample(
            name: "fixed_memory",
            lines: [
                "served 20000 requests of 20000", "drained: false, blocks out: 1",
                "the forgotten value: 42", "free at the end: true",
            ]),
        SmallExample(
            name: "pool_lease",
            lines: ["requests: 40000", "free after them: 4 of 4", "free at the end: 4 of 4"]),
        SmallExample(
            name: "semaphore",
            lines: [
                "3500 visits, at most 2 at a time", "doors free at the end: 2",
                "one permit too many is taken: false",
            ]),
        SmallExample(
            name: "shared_timer_wheel",
            lines: [
                "answered or timed out: 300, timed out at least 30: true",
                "heartbeats meanwhile: true",
            ]),
        SmallExample(
            name: "notify",
            lines: [
                "versions followed: [200, 200], gone backwards: 0",
                "remembered: true, once: true", "late for the notify of all: true",
            ]),
        SmallExample(
            name: "parking_lot",
            lines: [
                "flags seen by threads: 2000, by tasks: 1000", "nobody is left: true",
            ]),
        SmallExample(
            name: "read_write_lock",
            lines: [
                "changes: 1000, torn reads: 0", "2 readers; a writer waited in vain",
                "held at the end: false",
            ]),
        SmallExample(
            name: "spsc_queue",
            lines: ["sum 500000500000, expected 500000500000: nothing lost"]),
        SmallExample(
            name: "lock_free_queue",
            lines: [
                "lock-free: nothing lost", "bounded: nothing lost",
                "lock-free said 'empty' 0 times and was wrong",
            ]),
        SmallExample(
            name: "stealing_deque",
            lines: ["8388608 of 16777216 are odd: each piece once"]),
        SmallExample(
            name: "stealing_ring", lines: ["sum 5000050000, expected 5000050000: each job once"]),
        SmallExample(
            name: "timer_wheel",
            lines: [
                "armed 100000, cancelled 90000, 10000 left", "fired 10000 in",
                "a token that has fired cancels nothing: true",
            ]),
        SmallExample(
            name: "token_bucket",
            lines: [
                "there at first: 3", "six requests at [0, 0, 0, 100, 200, 300] ms",
                "after a minute: 3", "two: true, two more: false",
                "two more in 100 ms; there now: 1", "of eight threads: 3",
            ]),
        SmallExample(
            name: "udp",
            lines: [
                "came back: 10000 of 10000, sum 49995000",
                "a port that refuses: receive: Connection refused (ECONNREFUSED)",
                "a silent one: receive: Connection timed out (ETIMEDOUT)",
            ]),
        SmallExample(
            name: "broadcast_channel",
            lines: [
                "subscribers that know each version, or that they missed it: 3 of 3",
                #"a late one: ["lagged(missedCount: 984)", "version 985"], and 16 more"#,
            ]),
        SmallExample(
            name: "broadcast_ring",
            lines: [
                "displays with each reading in order, or counted as missed: 2 of 2",
                "the sleeper has missed 9992", "and finds 8; at its end: true",
            ]),
        SmallExample(
            name: "relaxed_queue",
            lines: ["2047 directories, 16376 files: each visited once"]),
        SmallExample(
            name: "unbounded_spsc_queue",
            lines: ["50 bursts, 50000 lines: all written, in order", "segments after the trim: 1"]),
        SmallExample(
            name: "unbounded_queue",
            lines: [
                "jobs 131071 of 131071", "sum 8589869056, expected 8589869056: each job once",
                "more than a segment was open at a time: true",
                "emptied segments that are kept: 0",
            ]),
        SmallExample(
            name: "wait_group",
            lines: [
                "all 3 jobs done: true, sum 14", "and as many tasks: sum 74",
                "a job that never ends: timed out", "left: 0",
            ]),
    ]
}

@Suite("The small examples", .serialized)
struct SmallExampleTests {
    @Test("It ends by itself and prints what it shows", arguments: SmallExample.all)
    func run(_ example: SmallExample) throws {
        // If this failed, the example would not run as its first comment promises.
        let ending = try Program("example_\(example.name)").end(seconds: 20)
        #expect(ending.status == 0)
        #expect(ending.errorOutput == "")
        for line in example.lines { #expect(ending.output.contains(line), "\(ending.output)") }
    }
}
