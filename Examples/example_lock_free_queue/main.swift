// SPDX-License-Identifier: MIT

// What a thread that stops in the middle of an operation does to the others. Many more threads than
// processors push and take numbers; each is preempted now and then, wherever it is. The lock-free
// queue goes on: a thread that stops keeps one slot, and nobody else's element is hidden behind it.
// Each thread takes once after each push that was accepted, so that something is always there: the
// program counts how often a queue says nevertheless that there is nothing.
//
//     swift run -c release example_lock_free_queue

import AtomicSupport
import ConcurrentQueues
import StressSupport

/// What the threads share, and what they found.
final class Exchange: Sendable {
    let lockFree = LockFreeMPMCQueue<UInt64>(capacity: 64)
    let bounded = BoundedMPMCQueue<UInt64>(capacity: 64)
    let pushed = Atomic<UInt64>(0)
    let taken = Atomic<UInt64>(0)
    let falselyEmpty = Atomic<Int>(0)
}

let threadCount = 16
let turnCount: UInt64 = 400_000

/// Pushes a number and takes one, again and again. A nil is wrong: of the numbers that were pushed,
/// one less than that at most has been taken.
func turns(
    _ exchange: Exchange, push: (UInt64) -> UInt64?, pop: () -> UInt64?
) {
    var (pushed, taken): (UInt64, UInt64) = (0, 0)
    for number in 1...turnCount {
        if push(number) == nil { pushed &+= number } else { continue }
        while true {  // Ends: somebody's number is there for each that was pushed.
            if let number = pop() {
                taken &+= number
                break
            }
            exchange.falselyEmpty.add(1, ordering: .relaxed)
        }
    }
    exchange.pushed.wrappingAdd(pushed, ordering: .relaxed)
    exchange.taken.wrappingAdd(taken, ordering: .relaxed)
}

let one = Exchange()
ThreadTeam.run(count: threadCount) { _ in
    turns(one, push: { one.lockFree.tryPush($0) }, pop: { one.lockFree.tryPop() })
}
let other = Exchange()
ThreadTeam.run(count: threadCount) { _ in
    turns(other, push: { other.bounded.tryPush($0) }, pop: { other.bounded.tryPop() })
}

for (name, exchange) in [("lock-free", one), ("bounded", other)] {
    let isWhole =
        exchange.pushed.load(ordering: .relaxed) == exchange.taken.load(ordering: .relaxed)
    print("\(name): \(isWhole ? "nothing lost" : "WRONG")")
}
print("lock-free said 'empty' \(one.falselyEmpty.load(ordering: .relaxed)) times and was wrong")
print(
    "bounded said so \(other.falselyEmpty.load(ordering: .relaxed)) times: who stopped hid others'")
