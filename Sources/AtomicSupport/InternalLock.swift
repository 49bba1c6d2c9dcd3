// SPDX-License-Identifier: MIT

#if Model
    public import ModelChecking
#endif

/// A small lock for slow paths inside a primitive: waiter lists, overflow lists, growth.
///
/// | Guarantee | `withLock`                                                                       |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: a preempted holder stalls all others; not recursive                    |
/// | Order     | none among waiters (barging)                                                     |
/// | Cost      | uncontended: one compare-exchange and one exchange, no system call               |
/// | Memory    | the 4-byte word, which lives in the owner's block and starts as zero             |
///
/// Source: U. Drepper, "Futexes Are Tricky", 2011, the lock of section 5. The standard library's
/// `Mutex` is not used: in Swift 6.3 it is a priority-inheriting futex, slow when contended and
/// reported falsely by ThreadSanitizer.
@frozen
@safe
public struct InternalLock: @unchecked Sendable {
    // Layout: 0 free · 1 held, nobody sleeps · 2 held, somebody may sleep
    //
    // Edges: E1  release  unlock exchange → lock compare-exchange or exchange
    //            carries what the lock guards
    //        A failed compare-exchange is relaxed: it learns only that the lock is held.

    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt32>>

    /// A lock on a word of the owner's block.
    @inlinable
    @unsafe
    public init(_ word: UnsafeMutablePointer<Atomic<UInt32>>) {
        // SAFETY: storing an address reads no memory.
        unsafe self.word = word
    }

    /// Runs `body` while no other thread runs one under the same word.
    @inlinable
    @inline(__always)
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Takes the lock; sleeps while another thread has it.
    @inlinable
    @inline(__always)
    public func lock() {
        #if Model
            // SAFETY: the word names the lock.
            if ModelLock.standsIn { return unsafe ModelLock.lock(word) }
        #endif
        // SAFETY: the owner keeps the word alive for as long as it hands out its lock.
        let (isTaken, _) = unsafe word.pointee.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring,  // E1
            failureOrdering: .relaxed)
        if !isTaken { lockSlowly() }
    }

    /// Gives the lock back.
    @inlinable
    @inline(__always)
    public func unlock() {
        #if Model
            // SAFETY: the word names the lock.
            if ModelLock.standsIn { return unsafe ModelLock.unlock(word) }
        #endif
        // SAFETY: as in `lock`.
        let previous = unsafe word.pointee.exchange(0, ordering: .releasing)  // E1
        assert(previous != 0, "unlocked a free lock")
        if previous == 2 {
            // SAFETY: the word outlives the call; see `lock`.
            unsafe Parking.wake(word)
        }
    }

    @usableFromInline
    func lockSlowly() {
        var backoff = Backoff()
        while !backoff.isExhausted {  // Bounded by the back-off's own limit.
            backoff.spin()
            // SAFETY: as in `lock`.
            let (isTaken, _) = unsafe word.pointee.compareExchange(
                expected: 0, desired: 1, successOrdering: .acquiring,  // E1
                failureOrdering: .relaxed)
            if isTaken { return }
        }
        // Ends when a holder unlocks.
        // SAFETY: as in `lock`.
        while unsafe word.pointee.exchange(2, ordering: .acquiring) != 0 {  // E1
            // SAFETY: as in `lock`.
            _ = unsafe Parking.wait(on: word, while: 2)
        }
    }
}
