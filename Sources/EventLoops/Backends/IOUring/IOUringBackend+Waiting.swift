// SPDX-License-Identifier: MIT

#if IOUring
    public import AtomicSupport
    internal import CLiburing
    internal import CLinuxShims

    // Waiting, and what becomes of a completion before the loop sees it.
    extension IOUringBackend {
        /// Submits what is queued and collects completions.
        public func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
            if !state.value.isWakeArmed { armWake() }
            // SAFETY: the ring is open.
            let isReady = unsafe !state.value.early.isEmpty || io_uring_cq_ready(ring) > 0
            submitAndWait(isReady ? 0 : Self.rest(until: deadline))
            // SAFETY: the ring is open.
            if unsafe io_uring_cq_has_overflow(ring) {
                state.value.statistics.completionOverflows &+= 1
            }
            let first = batch.count
            deliverEarly(into: &batch)
            var hasOwn = batch.count > first
            // SAFETY: room for what is asked; the layouts agree (tested).
            let count = unsafe reap(
                into: batch.base + batch.count, capacity: batch.capacity - batch.count, &hasOwn)
            batch.didWrite(count)
            state.value.lastCount = UInt32(count)
            let isPlain =
                !hasOwn && state.value.direct.isEmpty && state.value.zeroCopyResults.isEmpty
            if !isPlain { batch.revise(from: first) { settle($0) } }
        }

        /// Takes completions out of the ring; `hasOwn` becomes true if the loop must not see one of
        /// them.
        func reap(
            into room: UnsafeMutablePointer<Completion>?, capacity: Int, _ hasOwn: inout Bool
        ) -> Int {
            // SAFETY: the caller has room for `capacity` completions.
            let harvest = unsafe millrace_uring_reap(
                ring, room, UInt32(capacity), OperationID.reservedIndexMin)
            if harvest.has_own { hasOwn = true }
            if harvest.released_buffers > 0 || harvest.is_dry {
                state.value.offeredCount -= Int(harvest.released_buffers)
                if harvest.is_dry { offerMore() }
                offerReserve()
            }
            return Int(harvest.count)
        }

        /// One system call. After a turn with several completions, a loop that may gather waits a
        /// little for as many, and only then for one.
        private func submitAndWait(_ rest: UInt64) {
            let isGathering = batchWaitNanoseconds > 0 && state.value.lastCount > 1
            let wanted = rest == 0 ? 0 : isGathering ? state.value.lastCount : 1
            let limit = isGathering ? min(rest, batchWaitNanoseconds) : rest
            state.value.statistics.waits &+= 1
            // SAFETY: the ring is open and this is its thread. EINTR, ETIME and EBUSY leave nothing
            // undone that the next call does not do.
            _ = unsafe millrace_uring_submit_and_wait(ring, wanted, limit)
        }

        private static func rest(until deadline: MonotonicInstant) -> UInt64 {
            deadline == .never ? .max : deadline.nanoseconds(since: .now)
        }

        /// Interrupts `wait`.
        public func wake() {
            _ = millrace_eventfd_write(wakeDescriptor)
        }

        private func deliverEarly(into batch: inout CompletionBatch) {
            guard !state.value.early.isEmpty else { return }
            let count = min(state.value.early.count, batch.capacity - batch.count)
            // Not over a slice, which would hold the array and make the removal copy it.
            for index in 0..<count { batch.append(state.value.early[index]) }
            state.value.early.removeFirst(count)
        }

        /// What the loop is told of a completion: itself, a later one, or nothing.
        private func settle(_ completion: Completion) -> Completion? {
            if completion.id.index >= OperationID.reservedIndexMin { return takeOwn(completion) }
            if !state.value.direct.isEmpty && state.value.direct.contains(completion.id) {
                return goOn(completion)
            }
            return state.value.zeroCopyResults.isEmpty ? completion : settleZeroCopy(completion)
        }

        /// A zero-copy send completes twice: with its result, and when the kernel has let go of the
        /// memory. The loop is told once, then. io_uring_enter(2), IORING_OP_SEND_ZC.
        private func settleZeroCopy(_ completion: Completion) -> Completion? {
            guard let result = state.value.zeroCopyResults[completion.id] else { return completion }
            let isNotification = completion.flags & Self.notificationFlag != 0
            if completion.hasMore && !isNotification {
                state.value.zeroCopyResults[completion.id] = completion.result
                return nil
            }
            state.value.zeroCopyResults[completion.id] = nil
            return isNotification ? Completion(id: completion.id, result: result) : completion
        }

        private static var notificationFlag: UInt32 { 8 }

        /// Handles a completion of the backend's own operations.
        private func takeOwn(_ completion: Completion) -> Completion? {
            if completion.id.rawValue == Self.wakeID {
                _ = millrace_eventfd_read(wakeDescriptor)
                if !completion.hasMore { state.value.isWakeArmed = false }
            }
            // Else a cancellation's own answer: 0 and EALREADY mean that the operation will
            // complete, ENOENT that it has; either way the operation tells.
            return nil
        }

        // MARK: Direct operations

        /// Starts an operation that is a system call of this thread: at once if the descriptor is
        /// ready, else when a poll says so.
        func begin(_ request: Request, _ id: OperationID) {
            if let result = unsafe request.attempt() {  // SAFETY: promise 4.
                state.value.early.append(Completion(id: id, result: result))
            } else {
                unsafe awaitReadiness(request, id)  // SAFETY: as above.
            }
        }

        private func awaitReadiness(_ request: Request, _ id: OperationID) {
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            // SAFETY: plain words.
            unsafe io_uring_prep_poll_add(entry, request.descriptor, request.readiness)
            unsafe io_uring_sqe_set_data64(entry, id.rawValue)  // SAFETY: as above.
            unsafe state.value.direct.insert(request, id)  // SAFETY: promise 4.
        }

        /// The poll of a direct operation has completed.
        private func goOn(_ completion: Completion) -> Completion? {
            // SAFETY: the request's memory is the operation's (promise 4).
            guard let (request, isCancelled) = unsafe state.value.direct.remove(completion.id),
                completion.result >= 0
            else { return completion }
            // First: who closes cancels, and the number may be somebody else's by now.
            if isCancelled {
                return Completion(id: completion.id, result: -Int32(MILLRACE_ECANCELED))
            }
            if let result = unsafe request.attempt() {  // SAFETY: as above.
                return Completion(id: completion.id, result: result)
            }
            unsafe awaitReadiness(request, completion.id)  // SAFETY: as above.
            return nil
        }

        // MARK: Waking

        func armWake() {
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            // SAFETY: plain words.
            unsafe io_uring_prep_poll_multishot(entry, wakeDescriptor, UInt32(MILLRACE_POLLIN))
            unsafe io_uring_sqe_set_data64(entry, Self.wakeID)  // SAFETY: as above.
            state.value.isWakeArmed = true
        }
    }
#endif
