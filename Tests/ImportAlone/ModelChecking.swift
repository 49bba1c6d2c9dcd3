// SPDX-License-Identifier: MIT

import ModelChecking

/// Two threads add one by a load and a store: one of the two may be lost.
func addTwice(_ model: Model) {
    let sum = Atomic(0)
    for _ in 0..<2 {
        model.thread { sum.store(sum.load(ordering: .relaxed) + 1, ordering: .relaxed) }
    }
    model.finally { model.check(sum.load(ordering: .relaxed) == 2) }
}
let result = explore(program: addTwice)
print("ModelChecking: a lost update is \(result.holds ? "not found" : "found")")
