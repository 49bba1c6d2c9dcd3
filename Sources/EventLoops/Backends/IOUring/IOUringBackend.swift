// SPDX-License-Identifier: MIT

#if IOUring
    internal import CLinuxShims
    internal import CLiburing

    /// The contract on io_uring(7): one ring for one thread, multishot accept and receive, provided
    /// buffers.
    ///
    /// The ring is opened with `SINGLE_ISSUER`, `DEFER_TASKRUN` and `COOP_TASKRUN` (Linux 6.1): the
    /// kernel finishes operations when this thread asks for completions and never interrupts it.
    /// The ring stays disabled until `attach`, so a loop may be made on one thread and run on
    /// another.
    @safe
    public final class IOUringBackend: EventBackend {
        /// "io_uring"
        public let name = "io_uring"
        /// The buffers of streams.
        public let buffers: ReceiveBuffers

        static var bufferGroup: Int32 { 0 }
        /// Whether the kernel ends a stream after a number of bytes; asked once.
        private static let countsBytes = millrace_uring_counts_bytes()
        static var wakeID: UInt64 { UInt64(OperationID.reservedIndexMin) }
        static var ignoredID: UInt64 { UInt64(OperationID.reservedIndexMin) + 1 }

        let ring: UnsafeMutablePointer<io_uring>
        private let bufferRing: UnsafeMutablePointer<io_uring_buf_ring>
        let wakeDescriptor: Int32
        let zeroCopyByteCountMin: Int
        let batchWaitNanoseconds: UInt64
        let state = LoopOwned(State())

        /// What changes as the ring runs.
        struct State {
            var isWakeArmed = false
            /// How many completions came with the last call.
            var lastCount: UInt32 = 0
            /// Operations that are system calls of this thread, made when the descriptor is ready.
            var direct = DirectOperations()
            /// The results of zero-copy sends whose memory the kernel still holds, by operation.
            var zeroCopyResults: [OperationID: Int32] = [:]
            /// Completions that did not come out of the ring in this turn.
            var early: [Completion] = []
            var statistics = BackendStatistics()
            /// Buffers that are neither the kernel's nor with streams.
            var reserve: [UInt16] = []
            /// How many buffers the kernel has, and how many it should have.
            var offeredCount = 0
            var offerGoal = 0
        }

        /// What this backend did.
        public var statistics: BackendStatistics { state.value.statistics }

        /// Opens a ring and its buffers, or says why the system refuses.
        public init(options: LoopOptions) throws(SystemError) {
            let wakeDescriptor = millrace_eventfd_open()
            guard wakeDescriptor >= 0 else {
                throw SystemError(.eventDescriptor, code: -wakeDescriptor)
            }
            do {
                // SAFETY: owned by this value from here on.
                let ring = unsafe try Self.openRing(options)
                unsafe self.ring = unsafe ring  // SAFETY: as above.
            } catch {
                _ = millrace_close(wakeDescriptor)
                throw error
            }
            let buffers = ReceiveBuffers(
                count: options.receiveBufferCount, byteCount: options.receiveBufferByteCount)
            var mapped: UnsafeMutablePointer<io_uring_buf_ring>?
            // SAFETY: the ring is open; `mapped` is written before it is read.
            let status = unsafe millrace_uring_map_buffer_ring(
                ring, UInt32(buffers.count), Self.bufferGroup, &mapped)
            guard status >= 0, let bufferRing = unsafe mapped else {
                unsafe io_uring_queue_exit(ring)  // SAFETY: opened above.
                unsafe ring.deallocate()  // SAFETY: allocated by `openRing`.
                _ = millrace_close(wakeDescriptor)
                throw SystemError(.openBackend, code: -status)
            }
            self.wakeDescriptor = wakeDescriptor
            batchWaitNanoseconds = options.batchWaitNanoseconds
            // SAFETY: the ring is open.
            let hasZeroCopy = unsafe millrace_uring_has_zero_copy(ring)
            zeroCopyByteCountMin = hasZeroCopy ? max(1, options.zeroCopyByteCountMin) : .max
            self.buffers = buffers
            unsafe self.bufferRing = unsafe bufferRing  // SAFETY: unmapped in `deinit`.
            state.value.offerGoal = min(buffers.count, Self.offeredMin)
            state.value.reserve = (0..<UInt16(buffers.count)).reversed()
            offerReserve()
        }

        deinit {
            unsafe io_uring_queue_exit(ring)  // SAFETY: opened in `init`.
            unsafe ring.deallocate()  // SAFETY: allocated in `init`.
            // SAFETY: mapped in `init`; the kernel let go of it with the ring.
            unsafe millrace_uring_unmap_buffer_ring(bufferRing, UInt32(buffers.count))
            _ = millrace_close(wakeDescriptor)
        }

        private static func openRing(
            _ options: LoopOptions
        ) throws(SystemError) -> UnsafeMutablePointer<io_uring> {
            let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
            // The kernel refuses a completion queue that is smaller than the submission queue.
            // SAFETY: room for one ring, which the call fills in.
            let status = unsafe millrace_uring_open(
                ring,
                UInt32(min(options.submissionQueueCapacity, options.completionQueueCapacity)),
                UInt32(options.completionQueueCapacity))
            guard status >= 0 else {
                unsafe ring.deallocate()  // SAFETY: allocated above.
                throw SystemError(.openBackend, code: -status)
            }
            guard unsafe millrace_uring_has_operations(ring) else {  // SAFETY: the ring is open.
                unsafe io_uring_queue_exit(ring)  // SAFETY: as above.
                unsafe ring.deallocate()  // SAFETY: allocated above.
                throw SystemError(.openBackend, code: Int32(MILLRACE_ENOSYS))
            }
            // SAFETY: the caller owns the ring.
            return unsafe ring
        }

        /// Makes the calling thread the ring's only one.
        public func attach() throws(SystemError) {
            let status = unsafe millrace_uring_enable(ring)  // SAFETY: open and not yet enabled.
            guard status >= 0 else { throw SystemError(.openBackend, code: -status) }
            armWake()
        }

        /// Queues an operation for the next `wait`.
        @unsafe
        public func submit(_ request: Request, as id: OperationID) {
            // SAFETY: promise 4.
            if unsafe DirectOperations.isDirect(request) { return unsafe begin(request, id) }
            let entry = unsafe nextEntry()  // SAFETY: filled in below, before the next submission.
            // SAFETY: reads the words of the request.
            switch unsafe request {
            case .acceptStream(let listener):
                unsafe millrace_uring_prepare_accept(entry, listener)  // SAFETY: as above.
            case .connect(let descriptor, let address):
                // SAFETY: promise 4 of the contract.
                unsafe millrace_uring_prepare_connect(
                    entry, descriptor, address, address.pointee.length)
            case .receive(let descriptor, let memory, let count):
                // SAFETY: promise 4.
                unsafe io_uring_prep_recv(entry, descriptor, memory, count, 0)
            case .receiveStream(let descriptor, let byteCountMax):
                let isCounted = Self.countsBytes && byteCountMax < Int(Int32.max)
                // SAFETY: the buffers live as long as the ring.
                unsafe millrace_uring_prepare_receive_stream(
                    entry, descriptor, Self.bufferGroup, isCounted ? UInt32(byteCountMax) : 0)
            case .send(let descriptor, let memory, let count):
                // SAFETY: promise 4.
                unsafe millrace_uring_prepare_send(
                    entry, descriptor, memory, count, count >= zeroCopyByteCountMin)
            case .sendMessage(let descriptor, let message):
                // SAFETY: promise 4.
                unsafe millrace_uring_prepare_send_message(
                    entry, descriptor, message, zeroCopyByteCountMin)
            case .close(let descriptor):
                unsafe io_uring_prep_close(entry, descriptor)  // SAFETY: plain words.
            case .sendFile, .receiveDatagrams, .sendDatagrams, .shutdown:
                preconditionFailure("these are direct operations")
            case .poll(let descriptor, let events):
                unsafe io_uring_prep_poll_add(entry, descriptor, events)  // SAFETY: plain words.
            }
            // SAFETY: the entry was just prepared.
            unsafe io_uring_sqe_set_data64(entry, id.rawValue)
            // SAFETY: as above.
            if unsafe millrace_uring_is_zero_copy(entry) { state.value.zeroCopyResults[id] = 0 }
        }

        /// Queues a cancellation by name. Its own completion says nothing that the operation's does
        /// not.
        public func cancel(_ id: OperationID) {
            if !state.value.direct.isEmpty { state.value.direct.noteCancel(id) }
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            unsafe io_uring_prep_cancel64(entry, id.rawValue, 0)  // SAFETY: a plain word.
            unsafe io_uring_sqe_set_data64(entry, Self.ignoredID)  // SAFETY: as above.
        }

        /// Queues a cancellation of everything on the descriptor.
        public func cancelAll(on descriptor: Int32) {
            if !state.value.direct.isEmpty { state.value.direct.noteCancel(on: descriptor) }
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            // SAFETY: a plain word.
            unsafe millrace_uring_prepare_cancel_descriptor(entry, descriptor)
            unsafe io_uring_sqe_set_data64(entry, Self.ignoredID)  // SAFETY: as above.
        }

        // MARK: Buffers

        /// How many buffers the kernel is offered at first. It uses them in turn: few of them stay
        /// in the processor's cache, and it is offered more when it found none.
        private static var offeredMin: Int { 8 }

        /// Gives a buffer back: to the kernel if it has few, else to the reserve.
        public func recycle(_ buffer: UInt16) {
            if state.value.offeredCount < state.value.offerGoal {
                offer(buffer)
            } else {
                state.value.reserve.append(buffer)
            }
        }

        /// The kernel has found no buffer: from now on it is offered twice as many.
        func offerMore() {
            state.value.offerGoal = min(buffers.count, state.value.offerGoal * 2)
        }

        /// Offers the kernel buffers of the reserve, those that were used last first.
        func offerReserve() {
            while state.value.offeredCount < state.value.offerGoal {  // Ends with the reserve.
                guard let buffer = state.value.reserve.popLast() else { return }
                offer(buffer)
            }
        }

        private func offer(_ buffer: UInt16) {
            state.value.offeredCount += 1
            // SAFETY: the buffer's memory lives as long as the ring, and the kernel does not hold
            // it.
            unsafe millrace_uring_provide(
                bufferRing, UInt32(buffers.count), buffers[buffer].baseAddress,
                UInt32(buffers.byteCount), buffer)
        }

        /// A free submission entry; a full queue is submitted first.
        func nextEntry() -> UnsafeMutablePointer<io_uring_sqe> {
            var triesLeft = 1000
            while true {  // Ends: submitting empties the queue, and the tries are bounded.
                // SAFETY: the ring is open and this is its thread.
                if let entry = unsafe io_uring_get_sqe(ring) { return unsafe entry }
                triesLeft -= 1
                precondition(triesLeft > 0, "the kernel does not take submissions")
                state.value.statistics.fullSubmissionQueues &+= 1
                let status = unsafe io_uring_submit(ring)  // SAFETY: as above.
                // The completion queue must be emptied first.
                if status == -Int32(MILLRACE_EBUSY) || status == -Int32(MILLRACE_EAGAIN) {
                    reapEarly()
                }
            }
        }

        /// Takes what is in the completion queue out of it; the next `wait` delivers it.
        private func reapEarly() {
            // SAFETY: room for sixteen completions, filled in before they are read.
            unsafe withUnsafeTemporaryAllocation(of: Completion.self, capacity: 16) { room in
                var hasOwn = false
                // SAFETY: room for so many; the layouts agree (tested).
                let count = unsafe reap(into: room.baseAddress, capacity: 16, &hasOwn)
                // SAFETY: so many were filled in.
                unsafe state.value.early.append(contentsOf: room[..<count])
            }
        }
    }
#endif
