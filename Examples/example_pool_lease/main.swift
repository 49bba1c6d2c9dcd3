// SPDX-License-Identifier: MIT

// Leases as values: an object goes back to its pool when its owner dies, also on an early return
// and behind a throw. What was forgotten is named by the pool's report; with the trait CallSites
// also by the line that took it.
//
//     swift run -c release example_pool_lease
//     swift run -c release --traits CallSites example_pool_lease

import AtomicSupport
import ObjectPools
import StressSupport

/// What a request is answered in.
struct Answer {
    var words: [Int] = []
}

struct Refused: Error {}

let pool = Shared(
    ObjectPool<Answer>(capacity: 4, make: { Answer() }, reset: { $0.words.removeAll() }))
let answered = Atomic<Int>(0)
let refused = Atomic<Int>(0)

/// Answers a request, or throws: the lease ends in both cases.
@Sendable func answer(_ request: Int) throws(Refused) -> Int {
    guard var lease = pool.value.tryLease() else { throw Refused() }
    lease.withObject { $0.words.append(request) }
    if request % 10 == 0 { throw Refused() }
    lease.withObject { $0.words.append(request + 1) }
    return lease.withObject { $0.words.reduce(0, +) }
}

ThreadTeam.run(count: 4) { thread in
    for number in 0..<10_000 {
        let request = thread * 10_000 + number
        do {
            let sum = try answer(request)
            precondition(sum == 2 * request + 1, "somebody else's words")
            answered.add(1, ordering: .relaxed)
        } catch {
            refused.add(1, ordering: .relaxed)
        }
    }
}
print("requests: \(answered.load(ordering: .relaxed) + refused.load(ordering: .relaxed))")
print("free after them: \(pool.value.availableCount) of \(pool.value.capacity)")

// A bare handle, e.g. for the kernel to keep, must be released: the report finds it.
let forgotten = pool.value.tryAcquire()
pool.value.forEachLease { lease in
    print("not given back: slot \(lease.handle.index), lease \(lease.handle.generation)")
    if let site = lease.site { print("taken at \(site)") }
}
if let forgotten { _ = pool.value.adopt(forgotten) }  // An owner, which ends here.
print("free at the end: \(pool.value.availableCount) of \(pool.value.capacity)")
