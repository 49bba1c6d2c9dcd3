// SPDX-License-Identifier: MIT

public import AtomicSupport

/// An allocator that knows what it has given out, and on which one can wait until all of it is
/// back: the last step of a shutdown.
///
/// | Guarantee | `allocate` / `deallocate` / `drained`                                            |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | the source's, and two RMWs; `drained`, and a `deallocate` that is waited for,    |
/// |           | take a short lock                                                                |
/// | Order     | all waiters are released when nothing is out, in order of arrival                |
/// | Cost      | 32 bytes before each allocation (more if it is aligned to more), which are not   |
/// |           | counted in `outstanding` and against the limit; 64 and a lock each way under the |
/// |           | trait `CallSites`                                                                |
/// | Memory    | two cache lines, and what is out: at most `byteCountMax`                         |
/// | Edges     | what was done before each `deallocate` is seen after `drained`                   |
/// | Threads   | any number in all roles                                                          |
///
/// Source: the wait-group allocator of hyperia (K. Lee, 2021); ours counts blocks as well as bytes,
/// has a limit and a barrier, lets several wait, and catches a block that is given back twice or to
/// another allocator, in release builds too: a cookie before each block is exchanged when it is
/// freed. (Memory that was freed may be somebody else's by then; the check is as good as the header
/// is still there.)
///
/// `close()` is a barrier: when it has returned, every allocation either is counted, or will be
/// refused. `drained` after it waits for the former. Without it, `drained` waits for a moment in
/// which nothing is out; it can be waited for again after new allocations.
///
/// Not for objects that are used again and again: use `ObjectPool`. Not for what lives and dies
/// together: use `MemoryArena`, over this one. Not for work that holds no memory: use `WaitGroup`.
/// Not for many small blocks on many threads, which all meet on its two words: use `malloc`.
///
/// ```swift
/// let allocator = DrainAllocator(byteCountMax: 1 << 20)
/// do {
///     let record = allocator.make(42)
///     print(allocator.outstanding.blockCount)  // 1
/// }
/// allocator.close()
/// print(allocator.blockingDrained(until: .never))  // true
/// ```
@safe
public struct DrainAllocator: ~Copyable, @unchecked Sendable {
    // Layout: block = gate with the number of blocks out · bytes out (bits 0…62) · closed (bit 63),
    //         on lines of their own
    //         allocation = padding · header (32 bytes) · what the caller gets
    //
    // Invariants: I1  a block that is out is counted by the gate, before its bytes are and longer
    //             I2  bytes out ≤ byteCountMax
    //             I3  a header's cookie is `living` exactly while its block is out
    // `checkInvariants` sees I3 of the blocks that it finds: all of them under the trait
    // `CallSites`, else those that a `MemoryArena` has.
    //
    // Edges: see ZeroGate.swift for deallocate → drained.

    /// What is out at one moment. Count and bytes are read one after the other: exact when nobody
    /// allocates or frees meanwhile.
    public struct Outstanding: Hashable, Sendable {
        /// How many blocks.
        public var blockCount: Int
        /// How many bytes, as they were asked for.
        public var byteCount: Int

        /// So many of each.
        public init(blockCount: Int, byteCount: Int) {
            self.blockCount = blockCount
            self.byteCount = byteCount
        }
    }

    private let block: SharedBlock
    let control: DrainControl

    /// An allocator that gives out at most `byteCountMax` bytes at a time, from the system.
    public init(byteCountMax: Int) {
        // SAFETY: the system's functions are a pair.
        unsafe self.init(byteCountMax: byteCountMax, source: .system)
    }

    /// An allocator over another source, which must outlive it.
    @unsafe
    public init(byteCountMax: Int, source: MemorySource) {
        // SAFETY: passed on to the caller.
        unsafe self.init(
            block: SharedBlock(byteCount: Self.storageByteCount), byteCountMax: byteCountMax,
            source: source)
    }

    /// An allocator whose own words lie in the caller's memory: at least `storageByteCount` bytes
    /// that begin on a cache line and outlive it.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, byteCountMax: Int, source: MemorySource
    ) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        // SAFETY: as above.
        unsafe self.init(block: block, byteCountMax: byteCountMax, source: source)
    }

    /// How many bytes `init(storage:byteCountMax:source:)` needs.
    public static var storageByteCount: Int { 2 * CacheLine.byteCount }

    @unsafe
    private init(block: consuming SharedBlock, byteCountMax: Int, source: MemorySource) {
        precondition(byteCountMax > 0, "an allocator that may give out nothing")
        precondition(byteCountMax <= Int.max / 4, "the limit is beyond any memory")
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe control = DrainControl(
            gate: ZeroGate(at: block.base),
            bytesWord: block.pointer(at: CacheLine.byteCount, to: Atomic<UInt64>.self),
            byteCountMax: byteCountMax, source: source)
        self.block = block
    }

    deinit {
        precondition(control.gate.count == 0, "a drain allocator dies while its memory is out")
    }

    /// The largest number of bytes that can be out at one time.
    public var byteCountMax: Int { control.byteCountMax }

    /// What is out: the leak report when `drained` has failed.
    public var outstanding: Outstanding {
        Outstanding(blockCount: control.gate.count, byteCount: control.byteCount)
    }

    /// Whether new allocations are refused.
    public var isClosed: Bool { control.isClosed }

    /// Memory of a size and an alignment (a power of two); nil if it is closed, if more than the
    /// limit would be out, or if the source has none. Uninitialized. `file` and `line` name the
    /// caller in reports, under the trait `CallSites`.
    @unsafe
    public func allocate(
        byteCount: Int, alignment: Int = 16, file: StaticString = #fileID, line: UInt32 = #line
    ) -> UnsafeMutableRawBufferPointer? {
        // SAFETY: passed on to the caller.
        unsafe control.allocate(
            byteCount: byteCount, alignment: alignment, site: CallSite(file: file, line: line))
    }

    /// Gives memory back. Traps if this allocator did not give it out, or has it back already.
    @unsafe
    public func deallocate(_ memory: UnsafeMutableRawPointer) {
        unsafe control.deallocate(memory)  // SAFETY: passed on to the caller.
    }

    /// Moves a value into memory of this allocator; nil, and the value is destroyed, if `allocate`
    /// refuses. `file` and `line` are those of `allocate`.
    public func make<Value: ~Copyable>(
        _ value: consuming Value, file: StaticString = #fileID, line: UInt32 = #line
    ) -> DrainAllocation<Value>? {
        // SAFETY: the allocation owns the memory from here on.
        guard
            let memory = unsafe control.allocate(
                byteCount: MemoryLayout<Value>.size, alignment: MemoryLayout<Value>.alignment,
                site: CallSite(file: file, line: line)),
            let start = memory.baseAddress
        else { return nil }
        // SAFETY: fresh memory of the right size and alignment.
        let address = unsafe start.bindMemory(to: Value.self, capacity: 1)
        unsafe address.initialize(to: value)  // SAFETY: as above.
        return unsafe DrainAllocation(address, control)  // SAFETY: as above.
    }

    /// Refuses all allocations from now on.
    public func close() { control.close() }

    /// Sleeps until everything is back. False: the deadline passed; `outstanding` tells how many
    /// blocks and bytes are missing, `forEachOutstanding` which, if the trait `CallSites` is on.
    @available(*, noasync, message: "this blocks the thread: tasks use `drained()`")
    public func blockingDrained(until deadline: MonotonicInstant) -> Bool {
        control.gate.parkThread(until: deadline)
    }
}

extension DrainAllocator {
    /// The report of a failed wait, under the trait `CallSites` (without it, nothing is called and
    /// `outstanding` has to do): calls `body` for each block that is out, the latest first, under
    /// a lock: it may not allocate or free here. O(blocks).
    public func forEachOutstanding(_ body: (OutstandingBlock) -> Void) {
        control.forEachOutstanding(body)
    }

    /// Sleeps until everything is back. False: the deadline passed, and `report` was called for
    /// what was still out then, as by `forEachOutstanding`: under the trait `CallSites` alone.
    /// Without it, nothing is named and `report` is not called; `outstanding` has the counts.
    @available(*, noasync, message: "this blocks the thread: tasks use `drained()`")
    public func blockingDrained(
        until deadline: MonotonicInstant, report: (OutstandingBlock) -> Void
    ) -> Bool {
        if blockingDrained(until: deadline) { return true }
        forEachOutstanding(report)
        return false
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() { control.checkInvariants() }
    #endif
}

extension DrainAllocator: WaitSource {
    /// Lets the node through if nothing is out, or queues it until then.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        unsafe control.gate.enqueue(node)  // SAFETY: passed on to the caller.
    }

    /// Gives a wait up.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe control.gate.withdraw(node)  // SAFETY: passed on to the caller.
    }
}
