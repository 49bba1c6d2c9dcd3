// SPDX-License-Identifier: MIT

#if !hasFeature(Embedded)
    extension WaitSource where Self: ~Copyable {
        // Edges: E1  resumer's store → load after the suspension   carries what the granter did
        // before. The runtime orders a resume too, but tools do not see that edge.

        /// Suspends the task until it is granted what it waits for, or it is cancelled; false means
        /// that it was not granted, and that nothing will be. When the cancellation and a grant
        /// meet, the grant counts.
        ///
        /// Cost: one heap block for the node, the continuation and a word; a cancellation handler.
        public func suspendTask(key: UInt64 = 0) async -> Bool {
            await suspendTaskToEnd(key: key) != .givenUp
        }

        /// As `suspendTask`, and tells whether the task had to wait.
        public func suspendTaskToEnd(key: UInt64 = 0) async -> WaitEnd {
            let wait = TaskWait(key: key)
            // The handler may look at the node until `withTaskCancellationHandler` has returned.
            defer { wait.deallocate() }
            await withTaskCancellationHandler {
                // SAFETY: `resume` is called exactly once: here, by the wake, or by the handler.
                await unsafe withUnsafeContinuation { continuation in
                    unsafe wait.begin(continuation)  // SAFETY: as above.
                    switch unsafe enqueue(wait.node) {  // SAFETY: the block outlives the wait.
                    case .queued: break
                    case .granted: wait.resume(.admitted)
                    case .withdrawn: wait.resume(.givenUp)
                    }
                }
            } onCancel: {
                // SAFETY: the block outlives the handler; it runs at most once.
                if case .removed = unsafe withdraw(wait.node) { wait.resume(.givenUp) }
            }
            return wait.end()
        }
    }

    /// A suspended task: its node, its continuation, and how it ended.
    @safe
    private struct TaskWait: @unchecked Sendable {
        @unsafe
        private struct Block: ~Copyable {
            var node: WaitNode
            var continuation: UnsafeContinuation<Void, Never>?
            /// 0 suspended, then the `WaitEnd`. The outcome travels here and
            /// not through the continuation, whose own store no tool sees ordered.
            let outcome = Atomic<UInt32>(0)
        }

        private let block: UnsafeMutablePointer<Block>

        init(key: UInt64) {
            // SAFETY: freed in `deallocate`; `wakeTask` wants the address of the block.
            unsafe block = .allocate(capacity: 1)
            let context = unsafe UnsafeMutableRawPointer(block)
            // SAFETY: as above.
            let waiter = unsafe Waiter(wake: wakeTask, context: context)
            // SAFETY: just allocated.
            unsafe block.initialize(
                to: Block(node: WaitNode(waiter: waiter, key: key), continuation: nil))
        }

        init(_ context: UnsafeMutableRawPointer) {
            // SAFETY: the context of a task's waiter is its block.
            unsafe block = context.assumingMemoryBound(to: Block.self)
        }

        /// The node lies at the beginning of the block.
        @unsafe
        var node: UnsafeMutablePointer<WaitNode> {
            // SAFETY: the first field has the block's address.
            unsafe UnsafeMutableRawPointer(block).assumingMemoryBound(to: WaitNode.self)
        }

        func begin(_ continuation: UnsafeContinuation<Void, Never>) {
            // SAFETY: before `enqueue`, whose lock hands the block over.
            unsafe block.pointee.continuation = continuation
        }

        /// Called once, by whom `enqueue` or `withdraw` made the only one to do so. The block may
        /// be gone when the task runs, so it is read and written before.
        func resume(_ end: WaitEnd) {
            // SAFETY: the block lives until the resume.
            guard let continuation = unsafe block.pointee.continuation else {
                preconditionFailure("a task was resumed before it was suspended")
            }
            // SAFETY: as above.
            unsafe block.pointee.outcome.store(end.rawValue, ordering: .releasing)  // E1
            unsafe continuation.resume()  // SAFETY: called once.
        }

        /// How the wait has ended.
        func end() -> WaitEnd {
            // SAFETY: the block lives until `deallocate`.
            let outcome = unsafe block.pointee.outcome.load(ordering: .acquiring)  // E1
            guard let end = WaitEnd(rawValue: outcome) else {
                preconditionFailure("a task ran on without being resumed")
            }
            return end
        }

        func deallocate() {
            unsafe block.deinitialize(count: 1)  // SAFETY: the wait and its handler are over.
            unsafe block.deallocate()  // SAFETY: allocated in `init`, freed once.
        }
    }

    private func wakeTask(_ context: UnsafeMutableRawPointer) {
        // SAFETY: the context of a task's waiter is its block.
        unsafe TaskWait(context).resume(.granted)
    }
#endif
