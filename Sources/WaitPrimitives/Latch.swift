// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A count that goes down once, and a gate that is open from then on.
///
/// | Guarantee | `countDown` / `isOpen` / `wait`                                                  |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `isOpen`: wait-free; `countDown`: lock-free, but a short lock when it opens the  |
/// |           | gate for somebody who waits; `wait`: a short lock                                |
/// | Order     | all waiters pass when the count reaches zero, in their order                     |
/// | Cost      | `countDown`: one compare-exchange. A waiting task costs one heap block, a        |
/// |           | waiting thread none                                                              |
/// | Memory    | one block of 128 bytes                                                           |
/// | Edges     | what was done before any `countDown` is seen after `wait`, or when `isOpen`      |
/// | Threads   | any number in all roles                                                          |
///
/// Source: the count-down latch of D. Lea's java.util.concurrent, 2004. When ours lets a `wait`
/// return, no `countDown` touches it any more: the waiter may free it. `isOpen` does not say that.
///
/// Not for work whose amount is not known beforehand, nor for several rounds: use `WaitGroup`. Not
/// for threads that wait for each other in rounds: use `CyclicBarrier`.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue and changes nothing else.
///
/// ```swift
/// let latch = Latch(count: 2)
/// latch.countDown()
/// latch.countDown()
/// print(latch.isOpen)  // true
/// ```
@frozen
@safe
public struct Latch: ~Copyable, @unchecked Sendable {
    // Layout, invariants and edges: see ZeroGate.swift in AtomicSupport. Nobody adds: the count
    // only falls, and zero is the end.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let gate: ZeroGate

    /// A latch that opens after `count` steps, from zero (open at once) to `ZeroGate.countMax`.
    public init(count: Int) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), count: count)
    }

    /// A latch in the caller's memory: at least `storageByteCount` bytes that begin on a cache line
    /// and outlive the latch.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, count: Int) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, count: count)
    }

    /// How many bytes `init(storage:count:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, count: Int) {
        precondition(count >= 0, "a latch counts down from a number that is not negative")
        // SAFETY: the block is zeroed and as long as `gate` lives.
        unsafe gate = ZeroGate(at: block.base)
        gate.add(count)
        self.block = block
    }

    /// How many steps are missing just now.
    @inlinable
    public var count: Int { gate.count }

    /// Whether the count has reached zero.
    @inlinable
    public var isOpen: Bool { gate.isZero }

    /// Takes `count` steps. More than are missing is misuse and traps.
    @inlinable
    public func countDown(_ count: Int = 1) { gate.subtract(count) }

    /// Sleeps until the latch is open. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Bool {
        gate.parkThread(until: deadline)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() { gate.checkInvariants() }
    #endif
}

extension Latch: WaitSource {
    /// Lets the node through if the latch is open, or queues it until then.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        unsafe gate.enqueue(node)  // SAFETY: passed on to the caller.
    }

    /// Gives a wait up.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe gate.withdraw(node)  // SAFETY: passed on to the caller.
    }
}
