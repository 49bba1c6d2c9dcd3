// SPDX-License-Identifier: MIT

#if GlobalExecutorHook
    internal import AtomicSupport
    internal import CLinuxShims

    /// The process's jobs that no executor was named for, on one loop: the trait
    /// `GlobalExecutorHook`.
    ///
    /// A task's executor preference is a record that the runtime looks up under a lock with every
    /// resumption. A group of one loop can do without: while it runs, the runtime's hook hands it
    /// every job that would go to the global executor, also those of tasks that have nothing to do
    /// with the group. The hook is exported by the runtime but not a public interface.
    enum GlobalJobs {
        // Edges: E1  take exchange → offer load: the executor is there before a job is offered.

        /// The executor that takes the jobs, as the address of a reference held by `take`.
        private static let taker = Atomic<UInt>(0)

        /// Whether the calling group took the jobs; false if another group has them.
        static func take(for executor: LoopExecutor) -> Bool {
            // SAFETY: balanced by `giveBack`.
            let reference = unsafe Unmanaged.passRetained(executor)
            // SAFETY: only the address is kept.
            let address = UInt(bitPattern: unsafe reference.toOpaque())
            let isFree = taker.compareExchange(
                expected: 0, desired: address, ordering: .acquiringAndReleasing  // E1
            ).exchanged
            // SAFETY: the hook hands over jobs of the runtime.
            if isFree, unsafe millrace_take_global_jobs({ unsafe GlobalJobs.offer($0) }) {
                return true
            }
            if isFree { taker.store(0, ordering: .releasing) }  // E1
            unsafe reference.release()  // SAFETY: not taken.
            return false
        }

        /// The group is over: jobs go to the global executor again. The reference stays, because a
        /// thread may be about to use it: one executor for each group that ran with the hook.
        static func giveBack() {
            _ = millrace_take_global_jobs(nil)
            taker.store(0, ordering: .releasing)  // E1
        }

        private static func offer(_ job: UnsafeMutableRawPointer?) -> Bool {
            let address = taker.load(ordering: .acquiring)  // E1
            // SAFETY: nothing is dereferenced here.
            guard let reference = unsafe UnsafeRawPointer(bitPattern: address),
                let job = unsafe job  // SAFETY: only compared with nil.
            else { return false }
            // SAFETY: references are never given back.
            let executor = unsafe Unmanaged<LoopExecutor>.fromOpaque(reference)
            // SAFETY: the job came from the runtime, and an UnownedJob is its address.
            let task = LoopTask(
                job: unsafe unsafeBitCast(job, to: UnownedJob.self), isIsolated: false)
            return unsafe executor._withUnsafeGuaranteedRef { $0.enqueueIfOpen(task) }
        }
    }
#endif
