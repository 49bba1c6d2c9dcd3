// SPDX-License-Identifier: MIT

#if Model
    internal import ModelChecking
#endif

extension WaitSource where Self: ~Copyable {
    // Layout: of the word in the frame: 0 the thread is awake · 1 granted · 2 it may sleep
    //
    // Edges: E1  wake exchange → load of the waiting thread   carries what the granter did before

    /// Puts the calling thread to sleep until it is granted what it waits for, or the deadline has
    /// passed; false means that it was not granted, and that nothing will be.
    ///
    /// A deadline in the past makes this a try that takes its place behind those who wait. When the
    /// deadline and a grant meet, the grant counts.
    ///
    /// Cost: the node is on the stack; a microsecond or two awake, then futex(2).
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    public func parkThread(key: UInt64 = 0, until deadline: MonotonicInstant) -> Bool {
        parkThreadToEnd(key: key, until: deadline) != .givenUp
    }

    /// As `parkThread`, and tells whether the thread had to wait.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    public func parkThreadToEnd(key: UInt64 = 0, until deadline: MonotonicInstant) -> WaitEnd {
        // SAFETY: only sizes are asked for.
        let nodeByteCount = unsafe MemoryLayout<WaitNode>.stride
        let byteCount = nodeByteCount + MemoryLayout<UInt64>.stride
        // SAFETY: the memory is used by this call only; see below.
        return unsafe withUnsafeTemporaryAllocation(
            byteCount: byteCount, alignment: MemoryLayout<UInt64>.alignment
        ) { memory in
            guard let frame = memory.baseAddress else { preconditionFailure("no memory") }
            // SAFETY: the frame lives until this closure returns, which is after the grant's wake
            // has stored to it or the withdrawal has removed the node.
            return unsafe park(in: frame, key: key, until: deadline)
        }
    }

    @unsafe
    private func park(
        in frame: UnsafeMutableRawPointer, key: UInt64, until deadline: MonotonicInstant
    ) -> WaitEnd {
        // SAFETY: the frame has room for a word behind the node.
        let word = unsafe (frame + MemoryLayout<WaitNode>.stride)
            .bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
        #if Model
            unsafe word.pointee.forgetHistory()  // SAFETY: as above; other frames lay here before.
        #endif
        // SAFETY: `wakeThread` wants the address of the word, which outlives the wait.
        let waiter = unsafe Waiter(wake: wakeThread, context: UnsafeMutableRawPointer(word))
        // SAFETY: the frame begins with room for the node.
        let node = unsafe frame.bindMemory(to: WaitNode.self, capacity: 1)
        unsafe WaitNode.noteUse(of: node, isWrite: true)  // SAFETY: only its address is used.
        unsafe node.initialize(to: WaitNode(waiter: waiter, key: key))  // SAFETY: as above.
        switch unsafe enqueue(node) {  // SAFETY: the node stays in the frame until it is released.
        case .granted: return .admitted
        case .withdrawn: preconditionFailure("nobody else knows this node")
        case .queued: break
        }
        var deadline = deadline
        var backoff = Backoff()
        var yieldsLeft = yieldsBeforeSleep
        // SAFETY: the word is in this frame. The loop ends with the grant's wake or the deadline.
        while unsafe word.pointee.load(ordering: .acquiring) != 1 {  // E1
            if !backoff.isExhausted || yieldsLeft > 0 {
                if backoff.isExhausted { yieldsLeft -= 1 }
                backoff.snooze()
                continue
            }
            // Says that a grant must wake it; relaxed, because the loop looks again.
            // SAFETY: as above.
            _ = unsafe word.pointee.compareExchange(expected: 0, desired: 2, ordering: .relaxed)
            // SAFETY: as above.
            let isInTime = unsafe Parking.wait(on: word, while: 2, until: deadline)
            if isInTime { continue }
            // SAFETY: the node was enqueued here and is withdrawn once.
            if case .removed = unsafe withdraw(node) { return .givenUp }
            deadline = .never  // The grant was made: its wake is on the way, and needs the frame.
        }
        return .granted
    }
}

/// How often a thread gives its time slice away before it sleeps: who wakes a sleeper on another
/// processor waits tens of microseconds for it, and then often sleeps too. With eight, a rendezvous
/// took 1.5 µs instead of 27.
private var yieldsBeforeSleep: Int {
    #if Model
        // In a model nothing is gained by it.
        if ModelThreads.isModel { return 0 }
    #endif
    return 8
}

/// The wake of a waiting thread, a system call only if it may sleep. After the exchange the frame
/// may be gone: the system call uses the address as a name only.
private func wakeThread(_ context: UnsafeMutableRawPointer) {
    // SAFETY: the context is the word of a frame that waits for this store.
    let word = unsafe context.assumingMemoryBound(to: Atomic<UInt32>.self)
    // SAFETY: as above.
    guard unsafe word.pointee.exchange(1, ordering: .releasing) == 2 else { return }  // E1
    unsafe Parking.wake(word)  // SAFETY: a stale name wakes nobody or spuriously.
}
