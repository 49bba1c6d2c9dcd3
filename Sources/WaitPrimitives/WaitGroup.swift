// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A count of pieces of work under way, and any number of waiters for the moment when all are done.
///
/// | Guarantee | `add` / `done` / `wait`                                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `add`: wait-free; `done`: lock-free, but a short lock when it ends what somebody |
/// |           | waits for; `wait`: a short lock                                                  |
/// | Order     | all waiters pass when the count reaches zero, in their order                     |
/// | Memory    | one block of 128 bytes; a waiting task costs one heap block, a thread none       |
/// | Edges     | whatever was done before any `done` of the phase is seen after `wait`            |
/// | Threads   | any number in all roles                                                          |
///
/// Source: the wait group of Go. Ours may be used again at once: waiters that have not yet run keep
/// the phase that they waited for. When `wait` has returned, no `done` touches the group any more.
///
/// Not for a count that is known at the start and reaches zero once: use `Latch`. Not for workers
/// that wait for each other: use `CyclicBarrier`. Not for the child tasks of one task: use a task
/// group. Not for a limit on what is under way: use `CountingSemaphore`.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue and changes nothing else.
///
/// ```swift
/// let group = WaitGroup()
/// group.add(2)
/// group.done()
/// group.done()
/// print(group.count)  // 0
/// ```
@frozen
@safe
public struct WaitGroup: ~Copyable, @unchecked Sendable {
    // Layout, invariants and edges: see ZeroGate.swift in AtomicSupport.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let gate: ZeroGate

    /// A group without work.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount))
    }

    /// A group in the caller's memory: at least `storageByteCount` bytes that begin on a cache line
    /// and outlive the group.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock) {
        // SAFETY: the block is zeroed and as long as `gate` lives.
        unsafe gate = ZeroGate(at: block.base)
        self.block = block
    }

    /// How many pieces of work are under way just now.
    @inlinable
    public var count: Int { gate.count }

    /// Announces `count` pieces of work.
    @inlinable
    public func add(_ count: Int = 1) { gate.add(count) }

    /// Says that `count` pieces are done. More than were announced is misuse and traps.
    @inlinable
    public func done(_ count: Int = 1) { gate.subtract(count) }

    /// Sleeps until all is done. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Bool {
        gate.parkThread(until: deadline)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() { gate.checkInvariants() }
    #endif
}

extension WaitGroup: WaitSource {
    /// Lets the node through if all is done, or queues it until then.
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
