// SPDX-License-Identifier: MIT

// A pipeline with back-pressure: a thread makes numbers, tasks square them, another thread adds up.
// Each stage waits for the next one's places, so that no more than a handful is ever on its way;
// the end travels down the pipeline by `close`. One task is cancelled in the middle: the number it
// has is passed on or handed back to it, never lost.
//
//     swift run -c release example_bounded_channel

import AtomicSupport
import Channels
import StressSupport

/// The two channels of the pipeline.
final class Pipeline: Sendable {
    let numbers = BoundedChannel<UInt64>(capacity: 4)
    let squares = BoundedChannel<UInt64>(capacity: 4)
    let sum = Atomic<UInt64>(0)
    let handedBack = Atomic<UInt64>(0)
    let queuedMax = Atomic<Int>(0)
    let workersLeft = Atomic<Int>(4)
}

let pipeline = Pipeline()
let numberCount: UInt64 = 10_000

/// Squares numbers until there are no more, or the task is cancelled.
@Sendable func square() async {
    while !Task.isCancelled, let number = try? await pipeline.numbers.receive() {
        if let refusal = await pipeline.squares.send(number * number) {
            pipeline.handedBack.add(refusal.takeElement(), ordering: .relaxed)
        }
    }
    if pipeline.workersLeft.subtract(1, ordering: .relaxed).newValue == 0 {
        pipeline.squares.close()
    }
}

/// Makes the numbers; sleeps while the tasks are behind.
@Sendable func produce() {
    for number in 1...numberCount {
        let refusal = pipeline.numbers.blockingSend(number, until: .never)
        precondition(refusal == nil, "nobody closes but this thread")
        let count = pipeline.numbers.count + pipeline.squares.count
        pipeline.queuedMax.max(count, ordering: .relaxed)
        if number == numberCount / 2 { unlucky.cancel() }
    }
    pipeline.numbers.close()
}

/// Adds up what comes, to the end.
@Sendable func addUp() {
    var sum: UInt64 = 0
    while let square = try? pipeline.squares.blockingReceive(until: .never) { sum += square }
    pipeline.sum.store(sum, ordering: .relaxed)
}

for _ in 0..<3 { Task.detached { await square() } }
let unlucky = Task.detached { await square() }
ThreadTeam.run(count: 2) { index in
    if index == 0 { produce() } else { addUp() }
}

let expected = numberCount * (numberCount + 1) * (2 * numberCount + 1) / 6
let handedBack = pipeline.handedBack.load(ordering: .relaxed)
let sum = pipeline.sum.load(ordering: .relaxed) + handedBack
print("sum \(sum), expected \(expected): \(sum == expected ? "nothing lost" : "WRONG")")
print("never more than 8 in the channels: \(pipeline.queuedMax.load(ordering: .relaxed) <= 8)")
print("handed back to the cancelled task: \(handedBack)")
