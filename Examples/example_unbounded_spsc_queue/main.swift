// SPDX-License-Identifier: MIT

// A log: one thread has bursts of lines to log and must not wait for the one that writes them. The
// queue grows in a burst, and uses its segments again in the next one; at the end the producer
// gives back what is left over.
//
//     swift run -c release example_unbounded_spsc_queue

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// A line of the log.
struct Line {
    var burst: Int
    var number: Int
}

/// What the two threads share.
final class Log: Sendable {
    let queue = UnboundedSPSCQueue<Line>(segmentCapacity: 64)
    let written = Atomic<Int>(0)
    let misplaced = Atomic<Int>(0)
    let mostSegments = Atomic<Int>(0)
    let segmentsLeft = Atomic<Int>(0)
}

let log = Log()
let burstCount = 50
let lineCount = 1_000

/// Logs all bursts; between two of them there is time to write.
@Sendable func produce() {
    var most = 0
    for burst in 0..<burstCount {
        for number in 0..<lineCount {
            let refused = log.queue.tryPush(Line(burst: burst, number: number))
            precondition(refused == nil, "the queue has no limit")
        }
        most = max(most, log.queue.allocatedSegmentCount)
        while !log.queue.isEmpty { millrace_thread_yield() }
    }
    log.mostSegments.store(most, ordering: .relaxed)
    log.queue.trim()
    log.segmentsLeft.store(log.queue.allocatedSegmentCount, ordering: .relaxed)
    log.queue.close()
}

/// Writes the lines, a batch at a time, until there will be no more.
@Sendable func write() {
    var expected = 0
    var misplaced = 0
    while !log.queue.isDrained {  // Ends behind the producer's `close`.
        let count = log.queue.drain(max: 100) { line in
            if line.burst * lineCount + line.number != expected { misplaced += 1 }
            expected += 1
        }
        if count == 0 { millrace_thread_yield() }
    }
    log.written.store(expected, ordering: .relaxed)
    log.misplaced.store(misplaced, ordering: .relaxed)
}

ThreadTeam.run(count: 2) { index in
    if index == 0 { produce() } else { write() }
}
let written = log.written.load(ordering: .relaxed)
let isWhole =
    written == burstCount * lineCount && log.misplaced.load(ordering: .relaxed) == 0
print("\(burstCount) bursts, \(written) lines: \(isWhole ? "all written, in order" : "WRONG")")
print("at most \(log.mostSegments.load(ordering: .relaxed)) segments of 64 lines were needed")
print("segments after the trim: \(log.segmentsLeft.load(ordering: .relaxed))")
