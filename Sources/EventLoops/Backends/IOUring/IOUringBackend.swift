// SPDX-License-Identifier: MIT

#if IOUring
    public import AtomicSupport
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

        private static var bufferGroup: Int32 { 0 }
        private static var wakeID: UInt64 { UInt64(OperationID.reservedIndexMin) }
        private static var ignoredID: UInt64 { UInt64(OperationID.reservedIndexMin) + 1 }

        private let ring: UnsafeMutablePointer<io_uring>
        private let bufferRing: UnsafeMutablePointer<io_uring_buf_ring>
        private let wakeDescriptor: Int32
        private var isWakeArmed = false

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
            self.buffers = buffers
            unsafe self.bufferRing = unsafe bufferRing  // SAFETY: unmapped in `deinit`.
            for number in 0..<UInt16(buffers.count) { recycle(number) }
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
            case .receiveStream(let descriptor):
                // SAFETY: the buffers live as long as the ring.
                unsafe millrace_uring_prepare_receive_stream(entry, descriptor, Self.bufferGroup)
            case .send(let descriptor, let memory, let count):
                // SAFETY: promise 4.
                unsafe io_uring_prep_send(entry, descriptor, memory, count, Int32(MSG_NOSIGNAL))
            case .sendMessage(let descriptor, let message):
                // SAFETY: promise 4.
                unsafe millrace_uring_prepare_send_message(entry, descriptor, message)
            case .shutdown(let descriptor, let how):
                unsafe io_uring_prep_shutdown(entry, descriptor, how)  // SAFETY: plain words.
            case .close(let descriptor):
                unsafe io_uring_prep_close(entry, descriptor)  // SAFETY: plain words.
            case .poll(let descriptor, let events):
                unsafe io_uring_prep_poll_add(entry, descriptor, events)  // SAFETY: plain words.
            }
            // SAFETY: the entry was just prepared.
            unsafe io_uring_sqe_set_data64(entry, id.rawValue)
        }

        /// Queues a cancellation by name. Its own completion says nothing that the operation's does
        /// not.
        public func cancel(_ id: OperationID) {
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            unsafe io_uring_prep_cancel64(entry, id.rawValue, 0)  // SAFETY: a plain word.
            unsafe io_uring_sqe_set_data64(entry, Self.ignoredID)  // SAFETY: as above.
        }

        /// Queues a cancellation of everything on the descriptor.
        public func cancelAll(on descriptor: Int32) {
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            // SAFETY: a plain word.
            unsafe millrace_uring_prepare_cancel_descriptor(entry, descriptor)
            unsafe io_uring_sqe_set_data64(entry, Self.ignoredID)  // SAFETY: as above.
        }

        /// Gives a buffer back to the kernel.
        public func recycle(_ buffer: UInt16) {
            // SAFETY: the buffer's memory lives as long as the ring, and the kernel does not hold
            // it.
            unsafe millrace_uring_provide(
                bufferRing, UInt32(buffers.count), buffers[buffer].baseAddress,
                UInt32(buffers.byteCount), buffer)
        }

        /// Submits what is queued and collects completions.
        public func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
            if !isWakeArmed { armWake() }
            // SAFETY: open.
            let rest = unsafe io_uring_cq_ready(ring) > 0 ? 0 : Self.rest(until: deadline)
            // SAFETY: the ring is open and this is its thread. EINTR, ETIME and EBUSY leave nothing
            // undone that the next call does not do.
            _ = unsafe millrace_uring_submit_and_wait(ring, rest == 0 ? 0 : 1, rest)
            let first = batch.count
            // SAFETY: room for what is asked; the layouts agree (tested).
            let count = unsafe millrace_uring_reap(
                ring, batch.base + first, UInt32(batch.capacity - first))
            batch.didWrite(Int(count))
            batch.filter(from: first) { takeOwn($0) }
        }

        private static func rest(until deadline: MonotonicInstant) -> UInt64 {
            deadline == .never ? .max : deadline.nanoseconds(since: .now)
        }

        /// Interrupts `wait`.
        public func wake() {
            _ = millrace_eventfd_write(wakeDescriptor)
        }

        /// Handles a completion of the backend's own operations; false if it is the loop's.
        private func takeOwn(_ completion: Completion) -> Bool {
            if completion.id.index < OperationID.reservedIndexMin { return false }
            if completion.id.rawValue == Self.wakeID {
                _ = millrace_eventfd_read(wakeDescriptor)
                if !completion.hasMore { isWakeArmed = false }
            }
            // Else a cancellation's own answer: 0 and EALREADY mean that the operation will
            // complete, ENOENT that it has; either way the operation tells.
            return true
        }

        private func armWake() {
            let entry = unsafe nextEntry()  // SAFETY: filled in below.
            // SAFETY: plain words.
            unsafe io_uring_prep_poll_multishot(entry, wakeDescriptor, UInt32(MILLRACE_POLLIN))
            unsafe io_uring_sqe_set_data64(entry, Self.wakeID)  // SAFETY: as above.
            isWakeArmed = true
        }

        /// A free submission entry; a full queue is submitted first.
        private func nextEntry() -> UnsafeMutablePointer<io_uring_sqe> {
            var triesLeft = 1000
            while true {  // Ends: submitting empties the queue, and the tries are bounded.
                // SAFETY: the ring is open and this is its thread.
                if let entry = unsafe io_uring_get_sqe(ring) { return unsafe entry }
                triesLeft -= 1
                precondition(triesLeft > 0, "the kernel does not take submissions")
                unsafe io_uring_submit(ring)  // SAFETY: as above.
            }
        }
    }
#endif
