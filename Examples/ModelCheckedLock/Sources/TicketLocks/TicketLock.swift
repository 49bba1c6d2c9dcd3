// SPDX-License-Identifier: MIT

// The seam: a build with the trait `Model` takes the atomics from ModelChecking. The lock below is
// the same source in both.
#if Model
    internal import ModelChecking
#else
    internal import Glibc
    internal import Synchronization
#endif

/// A lock that lets threads in in the order in which they came.
///
/// | Guarantee | `lock` / `tryLock` / `unlock`                                                 |
/// |-----------|-------------------------------------------------------------------------------|
/// | Progress  | `lock` waits for all who came before; the others never wait; not recursive    |
/// | Order     | first come, first served                                                      |
/// | Cost      | one read-modify-write for each lock, one store for each unlock                |
///
/// Source: J. Mellor-Crummey, M. Scott, "Algorithms for Scalable Synchronization on Shared-Memory
/// Multiprocessors", ACM TOCS 1991, section 2.2.
public struct TicketLock: ~Copyable, Sendable {
    // Edges: E1  unlock store → lock or tryLock load   carries what the lock guards
    //        The next ticket is relaxed: it is a number and carries no data.

    private let next = Atomic<UInt32>(0)
    private let serving = Atomic<UInt32>(0)

    /// A free lock.
    public init() {}

    /// Takes the lock; waits until all who came before have given it back.
    public func lock() {
        let ticket = next.wrappingAdd(1, ordering: .relaxed).oldValue
        // Ends when the holder before has unlocked.
        while serving.load(ordering: .acquiring) != ticket {  // E1
            yieldToHolder()
        }
    }

    /// Takes the lock if it is free, and says whether it was.
    public func tryLock() -> Bool {
        let ticket = serving.load(ordering: .acquiring)  // E1
        // Nobody has this ticket yet: then nobody holds the lock.
        return next.compareExchange(
            expected: ticket, desired: ticket &+ 1, ordering: .relaxed
        ).exchanged
    }

    /// Gives the lock back. Only its holder may call it.
    public func unlock() {
        let ticket = serving.load(ordering: .relaxed)
        serving.store(ticket &+ 1, ordering: .releasing)  // E1
    }
}

/// What a waiting loop does between two looks.
private func yieldToHolder() {
    #if Model
        // Says that this loop waits: it goes on when another thread has written.
        ModelThreads.yield()
    #else
        _ = sched_yield()
    #endif
}
