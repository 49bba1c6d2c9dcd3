// SPDX-License-Identifier: MIT

#if !hasFeature(Embedded)
    internal import AtomicSupport

    extension DrainAllocator {
        /// Suspends the task until everything is back. Throws if it is cancelled first; then
        /// `outstanding` tells how many blocks and bytes are missing, and `forEachOutstanding`
        /// which, if the trait `CallSites` is on.
        public func drained() async throws(CancellationError) {
            if await !control.gate.suspendTask() { throw CancellationError() }
        }
    }
#endif
