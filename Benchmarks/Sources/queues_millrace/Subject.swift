// SPDX-License-Identifier: MIT

/// A queue with the loops of a trial: one call for each loop, not for each element.
final class Subject {
    let push: (_ first: UInt64, _ count: UInt64) -> Void
    let pop: (_ count: UInt64) -> UInt64
    let pairs: (_ first: UInt64, _ count: UInt64) -> UInt64

    init(
        push: @escaping (UInt64, UInt64) -> Void, pop: @escaping (UInt64) -> UInt64,
        pairs: @escaping (UInt64, UInt64) -> UInt64
    ) {
        self.push = push
        self.pop = pop
        self.pairs = pairs
    }
}
