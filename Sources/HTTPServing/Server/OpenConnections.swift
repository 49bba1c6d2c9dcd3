// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// How many connections a server has, over all its loops.
final class OpenConnections: Sendable {
    // Relaxed: a number that is compared with a limit, and gives access to nothing.
    private let word = Atomic<Int>(0)

    /// One more; answers how many there are with it.
    func add() -> Int { word.wrappingAdd(1, ordering: .relaxed).newValue }

    /// One less.
    func remove() { word.wrappingSubtract(1, ordering: .relaxed) }

    /// How many there are.
    var count: Int { word.load(ordering: .relaxed) }
}
