// SPDX-License-Identifier: MIT

// A table of prices that many read together and one changes alone. While a reader is inside, the
// next writer waits, and readers that come later wait behind it; then the phases take turns.
//
//     swift run -c release example_read_write_lock

import AtomicSupport
import StressSupport
import WaitPrimitives

/// Two prices that always differ by one.
struct Prices: Sendable {
    var buying = 100
    var selling = 101
    var changes = 0
}

let prices = Shared(FairReadWriteLock(Prices()))
let tornReads = Atomic<Int>(0)
let roundCount = 500

let task = Task.detached {
    for _ in 0..<roundCount {
        try await prices.value.withWriteLock { table in
            table.buying += 1
            table.selling += 1
            table.changes += 1
        }
    }
}
ThreadTeam.run(count: 3) { index in
    for _ in 0..<roundCount {
        if index == 0 {
            prices.value.withWriteLock { table in
                table.buying -= 1
                table.selling -= 1
                table.changes += 1
            }
        } else {
            let spread = prices.value.withReadLock { $0.selling - $0.buying }
            if spread != 1 { tornReads.add(1, ordering: .relaxed) }
        }
    }
}
try await task.value
let changes = prices.value.withReadLockIfFree { $0.changes } ?? 0
print("changes: \(changes), torn reads: \(tornReads.load(ordering: .relaxed))")

// Readers are inside together; a writer waits for them, here not long enough.
prices.value.withReadLockIfFree { _ in
    prices.value.withReadLockIfFree { _ in
        let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
        let late = prices.value.withWriteLock(until: shortly) { $0.changes }
        let count = prices.value.readerCount
        print("\(count) readers; a writer waited \(late == nil ? "in vain" : "?")")
    }
}
print("held at the end: \(prices.value.isWriting || prices.value.readerCount > 0)")
