// SPDX-License-Identifier: MIT

#if !hasFeature(Embedded)
    internal import AtomicSupport

    extension DrainAllocator {
        /// Suspends the task until everything is back. Throws if it is cancelled first.
        public func drained() async throws(CancellationError) {
            if await !control.gate.suspendTask() { throw CancellationError() }
        }
    }
#endif
