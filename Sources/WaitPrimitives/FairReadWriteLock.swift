// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A value that many read at a time or one changes alone; who waits gets in within two phases of
/// the other kind, threads and tasks alike.
///
/// | Guarantee | `withReadLock` / `withWriteLock` and their `…IfFree` forms                       |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `…IfFree`: lock-free up to the body. Otherwise a wait for those before it; a     |
/// |           | holder that is preempted stalls them. Not recursive, in either access: it would  |
/// |           | wait for ever once a writer waits in between                                     |
/// | Order     | phase-fair: while both wait, one writer and all readers take turns. Writers are  |
/// |           | FIFO. A reader waits for one writer at most, and for the readers before it; the  |
/// |           | n-th writer in line for n phases of readers and n − 1 writers. Nobody barges     |
/// | Cost      | uncontended: two compare-exchanges, on one word that all readers write: readers  |
/// |           | do not scale beyond it. A waiting task costs one heap block, a thread none       |
/// | Memory    | one block: 128 bytes and the value, which begins on a cache line of its own      |
/// | Edges     | what a writer did is seen by whoever comes after it, what a reader did by the    |
/// |           | next writer                                                                      |
/// | Threads   | any number; a thread never blocks in the async forms                             |
///
/// Source: B. Brandenburg, J. Anderson, "Reader-Writer Synchronization for Shared-Memory
/// Multiprocessor Real-Time Systems", 2009, for the order; the word and the lists are ours, with
/// cancellation: when a writer gives up, the readers that waited for it only join those that read.
///
/// Not for sections of a few instructions: readers meet on one word, and `FairLock` costs the same.
/// Not for values that readers look at much more often than they change and that can be replaced
/// as a whole: use an epoch or a hazard pointer (`MemoryReclamation`).
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue. If the lock was handed to
/// it first, its wait succeeds and the body runs.
///
/// The value is `Sendable`, because many threads look at it at the same time.
///
/// ```swift
/// let routes = FairReadWriteLock(["/": 1])
/// routes.withWriteLock { $0["/about"] = 2 }
/// print(routes.withReadLock { $0.count })  // 2
/// ```
@frozen
@safe
public struct FairReadWriteLock<Value: ~Copyable & Sendable>: ~Copyable, @unchecked Sendable {
    // Layout: the gate (ReadWriteGate.swift), padded · the value
    //
    // Invariants: I1  the value is written by the writer that the gate knows, and read by its
    //                 readers (no state shows who) and those of the gate
    //
    // Edges: those of ReadWriteGate, from each end to the next beginning.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let gate: ReadWriteGate

    /// A free lock around a value.
    public init(_ value: consuming sending Value) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), value: value)
    }

    /// A free lock in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, _ value: consuming sending Value) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, value: value)
    }

    /// How many bytes `init(storage:_:)` needs.
    public static var storageByteCount: Int {
        var layout = BlockLayout()
        _ = layout.appendPadded(UInt8.self, count: ReadWriteGate.byteCount)
        _ = layout.appendPadded(Value.self)
        return layout.byteCount
    }

    private init(block: consuming SharedBlock, value: consuming Value) {
        unsafe gate = ReadWriteGate(at: block.base)  // SAFETY: zeroed, and as long as `gate` lives.
        // SAFETY: the block has room for a value on its second line, and nothing is there.
        unsafe block.pointer(at: CacheLine.byteCount, to: Value.self).initialize(to: value)
        self.block = block
    }

    deinit {
        assert(gate.guess == 0, "a lock ends while it is held")
        // SAFETY: the value was initialized in `init`, and nobody uses it any more.
        unsafe address.deinitialize(count: 1)
    }

    @inlinable
    @unsafe
    var address: UnsafeMutablePointer<Value> {
        // SAFETY: the value lies behind the gate's line.
        unsafe block.pointer(at: CacheLine.byteCount, to: Value.self)
    }

    /// How many read just now.
    @inlinable
    public var readerCount: Int { Int(gate.guess / ReadWriteGate.oneReader) }

    /// Whether somebody holds the lock for writing just now.
    @inlinable
    public var isWriting: Bool { gate.guess & ReadWriteGate.writerBit != 0 }

    #if Checks || DEBUG
        /// Traps if an invariant of the gate is broken. Call it only while nobody is inside but who
        /// holds the lock or waits for it.
        public func checkInvariants() { gate.checkInvariants() }
    #endif
}

// Reading.
extension FairReadWriteLock where Value: ~Copyable & Sendable {
    /// Runs `body` beside other readers; the calling thread sleeps until no writer is before it.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withReadLock<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !gate.tryTake(.read) {
            let isTaken = gate.parkThread(key: LockAccess.read.rawValue, until: .never)
            assert(isTaken)
        }
        return try runAndEndReading(body)
    }

    /// Runs `body` beside other readers; nil, and it is not run, if the deadline passes first.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withReadLock<Result: ~Copyable, Failure: Error>(
        until deadline: MonotonicInstant, _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !gate.tryTake(.read) {
            let isTaken = gate.parkThread(key: LockAccess.read.rawValue, until: deadline)
            if !isTaken { return nil }
        }
        return try runAndEndReading(body)
    }

    /// Runs `body` beside other readers if nobody writes and nobody waits; else answers nil.
    @inlinable
    public func withReadLockIfFree<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !gate.tryTake(.read) { return nil }
        return try runAndEndReading(body)
    }

    /// The caller is a reader that the gate counts.
    @inlinable
    func runAndEndReading<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { gate.giveBack(.read) }
        return try body(unsafe address.pointee)  // SAFETY: nobody writes beside readers (I1).
    }
}

// Writing.
extension FairReadWriteLock where Value: ~Copyable & Sendable {
    /// Runs `body` alone; the calling thread sleeps until it is its turn.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withWriteLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !gate.tryTake(.write) {
            let isTaken = gate.parkThread(key: LockAccess.write.rawValue, until: .never)
            assert(isTaken)
        }
        return try runAndEndWriting(body)
    }

    /// Runs `body` alone; nil, and it is not run, if the deadline passes first.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withWriteLock<Result: ~Copyable, Failure: Error>(
        until deadline: MonotonicInstant, _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !gate.tryTake(.write) {
            let isTaken = gate.parkThread(key: LockAccess.write.rawValue, until: deadline)
            if !isTaken { return nil }
        }
        return try runAndEndWriting(body)
    }

    /// Runs `body` alone if nobody reads, writes or waits; else answers nil.
    @inlinable
    public func withWriteLockIfFree<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !gate.tryTake(.write) { return nil }
        return try runAndEndWriting(body)
    }

    /// The caller is the gate's writer.
    @inlinable
    func runAndEndWriting<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { gate.giveBack(.write) }
        return try body(&(unsafe address.pointee))  // SAFETY: the writer is alone (I1).
    }
}

extension FairReadWriteLock: WaitSource where Value: ~Copyable & Sendable {
    /// Takes the lock or queues for it, as the node's key says: a `LockAccess`. Who is granted it
    /// calls `withGrantedReadLock` or `withGrantedWriteLock` once.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        unsafe gate.enqueue(node)  // SAFETY: passed on to the caller.
    }

    /// Gives a wait up; if that is too `late`, the caller has the lock.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe gate.withdraw(node)  // SAFETY: passed on to the caller.
    }

    /// Runs `body` with the read lock that a raw wait was granted, and gives it back. The caller
    /// says that it was, and that this is the only call for that grant.
    @unsafe
    @inlinable
    public func withGrantedReadLock<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try runAndEndReading(body)
    }

    /// Runs `body` with the write lock that a raw wait was granted, and gives it back. The caller
    /// says that it was, and that this is the only call for that grant.
    @unsafe
    @inlinable
    public func withGrantedWriteLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try runAndEndWriting(body)
    }
}
