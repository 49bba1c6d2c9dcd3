// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

// Two threads that push and pop in turn at one queue: nanoseconds for each push and pop, of both
// threads together, the least and the middle of several runs. On a machine whose processors are
// near to each other for seconds, and then far, compare within one run.

/// Prints what a pair of operations costs while another thread does the same.
func printMeasurementsOfTwo() {
    let turns = 2_000_000
    reportTwo("mpmc tryPush + tryPop, two threads", turns) {
        let queue = Shared(BoundedMPMCQueue<UInt64>(capacity: 1024))
        return { _ in
            var sum: UInt64 = 0
            for turn in 0..<turns {
                _ = queue.value.tryPush(UInt64(turn))
                sum &+= queue.value.tryPop() ?? 0
            }
            return sum
        }
    }
    reportTwo("lock-free tryPush + tryPop, two threads", turns) {
        let queue = Shared(LockFreeMPMCQueue<UInt64>(capacity: 1024))
        return { _ in
            var sum: UInt64 = 0
            for turn in 0..<turns {
                _ = queue.value.tryPush(UInt64(turn))
                sum &+= queue.value.tryPop() ?? 0
            }
            return sum
        }
    }
}

/// Runs a body in two threads, each on a processor, which begin together. `make` makes a fresh
/// queue for each run.
private func reportTwo(
    _ name: String, _ turns: Int, _ make: () -> (@Sendable (Int) -> UInt64)
) {
    var results: [Double] = []
    let checksum = Shared(Atomic<UInt64>(0))
    for _ in 0..<9 {
        let body = make()
        let nanoseconds = Shared(Atomic<UInt64>(0))
        ThreadTeam.run(count: 2, isPinned: true) { thread in
            let start = MonotonicInstant.now
            let sum = body(thread)
            let elapsed = MonotonicInstant.now.nanoseconds(since: start)
            checksum.value.wrappingAdd(sum, ordering: .relaxed)
            nanoseconds.value.wrappingAdd(elapsed, ordering: .relaxed)
        }
        // The mean time of the two, for twice as many pairs.
        results.append(Double(nanoseconds.value.load(ordering: .relaxed)) / Double(turns) / 4)
    }
    results.sort()
    let (least, middle) = (rounded(results[0]), rounded(results[results.count / 2]))
    print(
        "  \(least) ns, \(middle)  \(name)  (checksum \(checksum.value.load(ordering: .relaxed)))")
}

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
