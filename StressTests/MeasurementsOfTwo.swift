// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

// Two threads that push and pop in turn at one queue: nanoseconds for each push and pop that is
// done, of both threads together, the least and the middle of several runs. On a machine whose
// processors are near to each other for seconds, and then far, compare within one run.

private let turns = 1_000_000

/// Prints what a pair of operations costs while another thread does the same.
func printMeasurementsOfTwo() {
    reportTwo("mpmc tryPush + tryPop, two threads") {
        let queue = Shared(BoundedMPMCQueue<UInt64>(capacity: 1024))
        return { _ in
            pairs(push: { queue.value.tryPush($0) }, pop: { queue.value.tryPop() })
        }
    }
    reportTwo("lock-free tryPush + tryPop, two threads") {
        let queue = Shared(LockFreeMPMCQueue<UInt64>(capacity: 1024))
        return { _ in
            pairs(push: { queue.value.tryPush($0) }, pop: { queue.value.tryPop() })
        }
    }
    for queued in [0, 256] {
        reportTwo("relaxed tryPush + tryPop, two threads, \(queued) queued in each lane") {
            let queue = Shared(RelaxedMPMCQueue<UInt64>(laneCount: 2, laneCapacity: 512))
            return { _ in
                var handle = queue.value.makeHandle()
                let home = handle
                for _ in 0..<queued { _ = queue.value.tryPush(1, by: handle) }
                return pairs(
                    push: { queue.value.tryPush($0, by: home) },
                    pop: { queue.value.tryPop(by: &handle) })
            }
        }
    }
}

/// Pushes and pops in turn, and sums what came out. A lane may be full while its elements are
/// taken elsewhere: who is refused pops one more, and then one less.
@inline(__always)
private func pairs(push: (UInt64) -> UInt64?, pop: () -> UInt64?) -> UInt64 {
    var sum: UInt64 = 0
    var ahead = 0
    for turn in 0..<UInt64(turns) {
        while push(turn) != nil {  // Ends: what is popped makes room, here or in the end there.
            guard let element = pop() else { continue }
            sum &+= element
            ahead += 1
        }
        while ahead == 0 {  // Ends: there was an element for each pop.
            guard let element = pop() else { continue }
            sum &+= element
            ahead = 1
        }
        ahead -= 1
    }
    return sum
}

/// Runs a body in two threads, each on a processor, which begin together. `make` makes a fresh
/// queue for each run.
private func reportTwo(_ name: String, _ make: () -> (@Sendable (Int) -> UInt64)) {
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
    let sum = checksum.value.load(ordering: .relaxed)
    print("  \(least) ns, \(middle)  \(name)  (checksum \(sum))")
}

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
