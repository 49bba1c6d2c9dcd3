// SPDX-License-Identifier: MIT

// The waits of tasks. Embedded Swift on Linux has no concurrency runtime, so they stand apart.

#if !hasFeature(Embedded)
    internal import AtomicSupport

    extension CountingSemaphore {
        /// Takes a permit; the task is suspended until it gets one. Throws if it is cancelled
        /// first; if the permit was granted before the cancellation, it is the caller's.
        public func wait() async throws(CancellationError) {
            if tryWait() { return }
            if await !gate.suspendTask() { throw CancellationError() }
        }
    }

    extension AutoResetEvent {
        /// Waits for the flag and clears it; the task is suspended meanwhile. Throws if it is
        /// cancelled first, and then leaves the flag as it is.
        public func wait() async throws(CancellationError) {
            if tryWait() { return }
            if await !gate.suspendTask() { throw CancellationError() }
        }
    }

    extension WaitGroup {
        /// Suspends the task until all is done. Throws if it is cancelled first.
        public func wait() async throws(CancellationError) {
            if await !gate.suspendTask() { throw CancellationError() }
        }
    }

    extension ManualResetEvent {
        /// Suspends the task until the flag is set. Throws if it is cancelled first.
        public func wait() async throws(CancellationError) {
            if isSet { return }
            if await !suspendTask() { throw CancellationError() }
        }
    }

    extension Notify {
        /// Suspends the task until it is notified. Throws if it is cancelled first, and then
        /// leaves what is remembered as it is.
        public func wait() async throws(CancellationError) {
            try await wait(after: ticket)
        }

        /// As `wait()`; ends at once if there was a `notifyAll` since the ticket.
        public func wait(after ticket: Ticket) async throws(CancellationError) {
            if isOver(ticket) || tryWait() { return }
            if await !suspendTask(key: ticket.rawValue) { throw CancellationError() }
        }
    }

    extension Latch {
        /// Suspends the task until the latch is open. Throws if it is cancelled first.
        public func wait() async throws(CancellationError) {
            if await !gate.suspendTask() { throw CancellationError() }
        }
    }

    extension CyclicBarrier {
        /// Arrives, and suspends the task until all have. Throws if it is cancelled first, and then
        /// has not arrived.
        public func wait() async throws(CancellationError) -> Role {
            guard let role = Self.role(after: await suspendTaskToEnd()) else {
                throw CancellationError()
            }
            return role
        }
    }

    extension FairLock where Value: ~Copyable {
        /// Runs `body` with the lock; the task is suspended until it has it. Throws, and does not
        /// run the body, if it is cancelled first. The body does not suspend: a lock that is held
        /// over a suspension makes all others wait for whatever that one waits for.
        public func withLock<Result: ~Copyable>(
            _ body: (inout Value) -> Result
        ) async throws(CancellationError) -> Result {
            if !gate.tryTake() {
                if await !gate.suspendTask() { throw CancellationError() }
            }
            return runAndUnlock(body)
        }

        /// Runs `body` with the lock when `predicate` holds. While it does not, the task gives the
        /// lock back and is suspended until `condition` is signalled. Throws, and does not run the
        /// body, if it is cancelled first. Neither closure suspends.
        public func withLock<Result: ~Copyable>(
            on condition: borrowing ConditionVariable, when predicate: (borrowing Value) -> Bool,
            _ body: (inout Value) -> Result
        ) async throws(CancellationError) -> Result {
            if !gate.tryTake(), await !gate.suspendTask() { throw CancellationError() }
            while !holds(predicate) {  // Each round but the first follows a signal.
                let wait = ConditionWait(on: condition.list, givingBack: gate)
                if await !wait.suspendTask() { throw CancellationError() }
                if !gate.tryTake(), await !gate.suspendTask() {
                    condition.signal()  // Ours, which somebody else can use.
                    throw CancellationError()
                }
            }
            return runAndUnlock(body)
        }
    }

    extension FairReadWriteLock where Value: ~Copyable & Sendable {
        /// Runs `body` beside other readers; the task is suspended until no writer is before it.
        /// Throws, and does not run the body, if it is cancelled first. The body does not suspend.
        public func withReadLock<Result: ~Copyable>(
            _ body: (borrowing Value) -> Result
        ) async throws(CancellationError) -> Result {
            try await take(.read)
            return runAndEndReading(body)
        }

        /// Runs `body` alone; the task is suspended until it is its turn. Throws, and does not run
        /// the body, if it is cancelled first. The body does not suspend.
        public func withWriteLock<Result: ~Copyable>(
            _ body: (inout Value) -> Result
        ) async throws(CancellationError) -> Result {
            try await take(.write)
            return runAndEndWriting(body)
        }

        private func take(_ access: LockAccess) async throws(CancellationError) {
            if gate.tryTake(access) { return }
            if await !gate.suspendTask(key: access.rawValue) { throw CancellationError() }
        }
    }

    extension ParkingLot {
        /// Waits at an address if `validation` says so; the task is suspended until it is unparked.
        /// False: it did not wait. Throws if it is cancelled first.
        public func park(
            at address: UInt, validation: @escaping @Sendable () -> Bool
        ) async throws(CancellationError) -> Bool {
            let place = place(at: address, validation: validation)
            switch await place.suspendTaskToEnd(key: UInt64(address)) {
            case .admitted: return false
            case .granted: return true
            case .givenUp: throw CancellationError()
            }
        }
    }

    extension EventCount {
        /// Suspends the task until a notify that came after the key's `prepareWait`. Throws if it
        /// is cancelled first.
        public func commitWait(_ key: consuming Key) async throws(CancellationError) {
            let epoch = key.takeRawValue()
            if isOver(epoch: epoch) { return countDown(1) }
            if await !suspendTask(key: epoch) { throw CancellationError() }
        }
    }

    extension Oneshot where Value: ~Copyable {
        /// Takes the value; the task is suspended until it is there.
        public func receive() async throws(OneshotError) -> sending Value {
            if let value = tryReceive() { return value }
            let isEnded = await suspendTask()
            if !isEnded { throw .cancelled }
            if let value = tryReceive() { return value }
            throw endError
        }
    }
#endif
