// SPDX-License-Identifier: MIT

// A bounded queue between two producers and two consumers: a full queue refuses, nothing is lost
// when it is closed.
//
//     swift run -c release example_mpmc_queue

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// What the four threads share.
final class Exchange: Sendable {
    let queue = BoundedMPMCQueue<Int>(capacity: 64)
    let producersLeft = Atomic<Int>(2)
    let sum = Atomic<Int>(0)
    let refusals = Atomic<Int>(0)
}

let exchange = Exchange()
let numbersEach = 50_000

/// Pushes the numbers from `first` on; the last producer to end closes the queue.
@Sendable func produce(from first: Int) {
    for number in first..<(first + numbersEach) {
        var backoff = Backoff()
        while exchange.queue.tryPush(number) != nil {  // Ends when a consumer has made room.
            exchange.refusals.add(1, ordering: .relaxed)
            if backoff.isExhausted { millrace_thread_yield() } else { backoff.spin() }
        }
    }
    let (_, left) = exchange.producersLeft.subtract(1, ordering: .acquiringAndReleasing)
    if left == 0 { exchange.queue.close() }
}

/// Takes numbers until nothing will come any more. A nil alone does not say that: a push may be
/// under way.
@Sendable func consume() {
    var sum = 0
    while !exchange.queue.isDrained {  // Ends behind the last producer's `close`.
        if let number = exchange.queue.tryPop() { sum += number } else { millrace_thread_yield() }
    }
    exchange.sum.add(sum, ordering: .relaxed)
}

ThreadTeam.run(count: 4) { index in
    if index < 2 { produce(from: index * numbersEach) } else { consume() }
}
let sum = exchange.sum.load(ordering: .relaxed)
let expected = (0..<(2 * numbersEach)).reduce(0, +)
print("sum \(sum), expected \(expected): \(sum == expected ? "nothing lost" : "WRONG")")
print("a full queue refused \(exchange.refusals.load(ordering: .relaxed)) pushes")
