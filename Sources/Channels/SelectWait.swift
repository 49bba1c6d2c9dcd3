// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// One sleep of a selector: a node for each of its sources, in one block with the word that the
/// first wake sets. The block lives until the owner and every node that was queued are done with
/// it, so a wake that comes late finds it.
@safe
struct SelectWait: @unchecked Sendable {
    // Layout: state · references · the continuation of a task · the block that holds all this · the
    //         nodes
    //         state: awake ─► asleep (a thread) or suspended (a task) ─► woken; or awake ─► woken
    //
    // Invariants: I1  references = 1 for the owner + 1 for each node that is queued or whose wake
    //                 is under way
    //             I2  a suspended task is resumed once: by the first exchange that finds it so
    //
    // Edges: E1  suspend compare-exchange → wake exchange   carries the continuation
    //        E2  every release of a reference → the last one   carries that the block is not used
    //        All else is relaxed: a wake says that it is time to look. What the waker did before
    //        comes by the source's lock, under which the owner takes its node back.

    private static var awake: UInt32 { 0 }
    private static var asleep: UInt32 { 1 }
    private static var suspended: UInt32 { 2 }
    private static var woken: UInt32 { 3 }

    @unsafe
    private struct Header: ~Copyable {
        let state = Atomic<UInt32>(SelectWait.awake)
        let references = Atomic<UInt32>(1)
        var task: TaskContinuation
        /// Holds the memory in which it lies; moved out of it by the last reference.
        let block: SharedBlock
    }

    #if hasFeature(Embedded)
        private typealias TaskContinuation = Void
    #else
        private typealias TaskContinuation = UnsafeContinuation<Void, Never>?
    #endif

    private let header: UnsafeMutablePointer<Header>

    /// A block for the nodes of so many sources.
    init(nodeCount: Int) {
        // SAFETY: only sizes are asked for.
        let byteCount = unsafe Self.nodesOffset + nodeCount * MemoryLayout<WaitNode>.stride
        let block = SharedBlock(byteCount: byteCount)
        // SAFETY: fresh memory with room for the header and the nodes behind it.
        unsafe header = block.pointer(at: 0, to: Header.self)
        #if hasFeature(Embedded)
            let task: TaskContinuation = ()
        #else
            let task: TaskContinuation = nil
        #endif
        unsafe header.initialize(to: Header(task: task, block: block))  // SAFETY: as above.
    }

    fileprivate init(_ context: UnsafeMutableRawPointer) {
        // SAFETY: the context of a node's waiter is the header.
        unsafe header = context.assumingMemoryBound(to: Header.self)
    }

    private static var nodesOffset: Int {
        let alignment = unsafe MemoryLayout<WaitNode>.alignment  // SAFETY: only sizes.
        let byteCount = unsafe MemoryLayout<Header>.size  // SAFETY: as above.
        return (byteCount + alignment - 1) / alignment * alignment
    }

    /// The node of a source.
    @unsafe
    func node(_ index: Int) -> UnsafeMutablePointer<WaitNode> {
        // SAFETY: the block has room for the nodes behind the header.
        let base = unsafe UnsafeMutableRawPointer(header) + Self.nodesOffset
        return unsafe base.assumingMemoryBound(to: WaitNode.self) + index  // SAFETY: as above.
    }

    /// Makes the node of a source, and answers what became of it. A queued one holds the block.
    @safe
    func enqueue(
        _ index: Int, key: UInt64,
        on enqueue: (UnsafeMutablePointer<WaitNode>) -> WaitAdmission
    ) -> WaitAdmission {
        let context = unsafe UnsafeMutableRawPointer(header)  // SAFETY: lives until its last use.
        let waiter = unsafe Waiter(wake: wakeSelector, context: context)  // SAFETY: as above.
        // SAFETY: the node's place is its source's.
        unsafe node(index).initialize(to: WaitNode(waiter: waiter, key: key))
        // Relaxed: a new reference is made from one that is held. Made before the wake can come.
        // SAFETY: held.
        unsafe header.pointee.references.add(1, ordering: .relaxed)  // I1
        let admission = unsafe enqueue(node(index))  // SAFETY: the block outlives the wait.
        if admission != .queued { release() }
        return admission
    }

    /// Takes a queued node out; true if it was too late: its source has woken it.
    @safe
    func withdraw(
        _ index: Int, from withdraw: (UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal
    ) -> Bool {
        // SAFETY: the node was queued, and is withdrawn once.
        if case .late = unsafe withdraw(node(index)) { return true }
        release()
        return false
    }

    /// Gives one reference back; the last one frees the block.
    func release() {
        // SAFETY: held until here.
        let left = unsafe header.pointee.references.subtract(
            1, ordering: .acquiringAndReleasing)  // E2
        if left.newValue > 0 { return }
        // SAFETY: nobody else has the block; the header is moved out, and its memory freed with it.
        _ = unsafe header.move()
    }

    /// Wakes the owner.
    func signal() {
        // SAFETY: the caller holds a reference.
        let before = unsafe header.pointee.state.exchange(
            Self.woken, ordering: .acquiring)  // E1
        if before == Self.asleep { wakeThread() }
        #if !hasFeature(Embedded)
            // SAFETY: the exchange found the task suspended, and no other will (I2).
            if before == Self.suspended { unsafe header.pointee.task?.resume() }
        #endif
    }

    private func wakeThread() {
        unsafe Parking.wake(stateWord)  // SAFETY: the caller holds a reference.
    }

    /// The state lies at the beginning of the header.
    @unsafe
    private var stateWord: UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: the first field has the header's address.
        unsafe UnsafeMutableRawPointer(header).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Whether a wake has come.
    var isWoken: Bool {
        // SAFETY: the owner's reference.
        unsafe header.pointee.state.load(ordering: .relaxed) == Self.woken
    }

    /// Sleeps until the first wake or the deadline.
    func park(until deadline: MonotonicInstant) {
        // SAFETY: the owner's reference; the state lies in the block and does not move.
        let (isAsleep, _) = unsafe header.pointee.state.compareExchange(
            expected: Self.awake, desired: Self.asleep, ordering: .relaxed)
        if !isAsleep { return }
        // Ends with the first wake or the deadline. SAFETY: as above.
        while unsafe header.pointee.state.load(ordering: .relaxed) == Self.asleep {
            // SAFETY: as above.
            let isInTime = unsafe Parking.wait(on: stateWord, while: Self.asleep, until: deadline)
            if !isInTime { return }
        }
    }

    #if !hasFeature(Embedded)
        /// Suspends the task until the first wake or its cancellation.
        func suspend() async {
            await withTaskCancellationHandler {
                // SAFETY: resumed once (I2), or here.
                await unsafe withUnsafeContinuation { continuation in
                    unsafe header.pointee.task = continuation  // SAFETY: before E1, ours alone.
                    // SAFETY: as above.
                    let (isSuspended, _) = unsafe header.pointee.state.compareExchange(
                        expected: Self.awake, desired: Self.suspended,
                        successOrdering: .releasing,  // E1
                        failureOrdering: .relaxed)
                    if !isSuspended { unsafe continuation.resume() }  // SAFETY: nobody else will.
                }
            } onCancel: {
                signal()
            }
            // SAFETY: the owner's reference.
            let state = unsafe header.pointee.state.load(ordering: .relaxed)
            assert(state == Self.woken)
        }
    #endif
}

/// The wake of each of a selector's nodes.
private func wakeSelector(_ context: UnsafeMutableRawPointer) {
    let wait = unsafe SelectWait(context)  // SAFETY: the context is the header.
    wait.signal()
    wait.release()
}
