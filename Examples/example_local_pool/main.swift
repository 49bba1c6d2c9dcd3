// SPDX-License-Identifier: MIT

// A magazine for each loop: requests are answered in buffers of a shared pool, and a loop that
// leases again and again asks the pool for a batch now and then only. What its magazine keeps is
// nobody else's until it is flushed.
//
//     swift run -c release example_local_pool

import AtomicSupport
import ObjectPools
import StressSupport

/// What a request is answered in.
struct Answer {
    var words: [Int] = []
}

/// A loop: one thread, which alone uses its magazine.
struct Loop: ~Copyable {
    private let magazine: LocalPoolMagazine<Answer>
    private(set) var answered = 0

    init(over pool: borrowing ObjectPool<Answer>) { magazine = pool.makeLocalMagazine(depth: 16) }

    /// Answers some requests at once: as many leases are alive at a time.
    mutating func answer(_ requests: Range<Int>) {
        guard var lease = magazine.tryLease() else { return }
        lease.withObject { answer in
            precondition(answer.words.isEmpty, "somebody else's words")
            answer.words.append(requests.lowerBound)
        }
        answered += 1
        if requests.count > 1 { answer(requests.dropFirst()) }
    }

    /// Before it sleeps: others may need what it keeps.
    func prepareToSleep() { magazine.flush() }
}

let pool = Shared(
    ObjectPool<Answer>(capacity: 128, make: { Answer() }, reset: { $0.words.removeAll() }))
let answered = Atomic<Int>(0)

ThreadTeam.run(count: 4) { _ in
    var loop = Loop(over: pool.value)
    for turn in 0..<5_000 {
        loop.answer(0..<turn % 8 + 1)
        if turn % 1_000 == 999 { loop.prepareToSleep() }
    }
    answered.add(loop.answered, ordering: .relaxed)
}
let statistics = pool.value.statistics
print("answered: \(answered.load(ordering: .relaxed))")
print("slots went to a magazine less than 1000 times: \(statistics.acquired < 1_000)")
print("free after them: \(pool.value.availableCount) of \(pool.value.capacity)")

do {
    let magazine = pool.value.makeLocalMagazine(depth: 16)
    do { _ = magazine.tryLease() }  // Ends here, but its slot stays.
    print("kept from others: \(pool.value.capacity - pool.value.availableCount)")
    magazine.flush()
    print("kept after a flush: \(pool.value.capacity - pool.value.availableCount)")

    // Who has to go on elsewhere leaves the magazine.
    guard let lease = magazine.tryLease() else { fatalError("a free pool refuses") }
    let handle = lease.detach()
    ThreadTeam.run(count: 1) { _ in pool.value.release(handle) }
}
print("free at the end: \(pool.value.availableCount) of \(pool.value.capacity)")
