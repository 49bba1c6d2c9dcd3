// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import ConcurrentQueues
internal import DrainAllocators
internal import EventLoops
internal import Networking
internal import WaitPrimitives

/// What a client's senders, its connections and its state machine share.
///
/// Senders and connections meet at the queue, without a lock; what comes back from dead connections
/// has one. The machine lives on the home loop; everything that concerns it is handed over there.
@safe
final class ClientCore: @unchecked Sendable {
    // Threads: `queue`, `retry`, `store`, the events and the counters: any. Everything else that is
    // not a constant: the home loop's.
    //
    // Invariants: I1  a message is in `queue`, in `retry`, or in the window of one connection, or
    // it is settled
    //             I2  after `refuse`, no message enters `queue`
    //
    // Edges: E1  refuse: error store → isRefusing load            carries `refusal`
    //        E2  publish: threshold store, then `workEvents` RMW (prepareWait) → a sender's RMW of
    //            the same word (notifyOne) and its load of the threshold. Whoever comes second in
    //            that word's order sees the other: the sender the new threshold, or the home loop
    //            the sender's message.
    //        E3  waiting for memory: isMemoryWanted RMW → RMW   who gives memory back clears the
    //            mark; a sender sets it and then looks once more. Whoever comes second sees the
    //            other: the giver the mark, or the sender the memory.

    let endpoint: Endpoint
    let configuration: ClientConfiguration
    let home: LoopExecutor
    let executors: [LoopExecutor]
    let keySeed: UInt64
    #if TLS
        let connectors: ClientConnectors?
    #endif
    let onOutcomes: @Sendable (Span<SettledMessage>) -> Void

    let queue: BoundedMPMCQueue<UInt64>
    /// Messages that came back from dead connections: taken before those of `queue`.
    let retry: ReturnedMessages
    let store: MessageStore
    /// Connections without work wait here.
    let workEvents = EventCount()
    /// Senders that found the queue full wait here.
    let spaceEvents = EventCount()
    let finished = WaitGroup()
    let counters = ClientCounters()
    let registry = OutcomeRegistry()
    let nextTicket = Atomic<UInt64>(0)

    /// The bytes of long messages in `queue`. Relaxed: a number to compare.
    let queuedByteCount = Atomic<Int>(0)
    private let threshold = Atomic<Int>(1)
    private let isGrowthPosted = Atomic<Bool>(false)
    private let isRefusing = Atomic<Bool>(false)
    /// A sender found no memory for its message.
    private let isMemoryWanted = Atomic<Bool>(false)
    private var refusal = PoolError.closed

    var machine: PoolMachine
    var timers: [MachineTimer] = []
    var workers: [ClientWorker?]
    var pendingWorkers: [ClientWorker] = []
    var isHandling = false
    let runPoint: Suspension
    let machineSnapshot: LockedPoolStatistics

    init(
        endpoint: Endpoint, configuration: ClientConfiguration, executors: [LoopExecutor],
        onOutcomes: @escaping @Sendable (Span<SettledMessage>) -> Void
    ) throws(PoolConfigurationError) {
        precondition(!executors.isEmpty, "a client needs a loop")
        try configuration.validate()
        let seed = configuration.seed ?? MonotonicInstant.now.nanoseconds
        let limits = configuration.pool
        machine = try PoolMachine(configuration: limits, jitterSeed: seed)
        #if TLS
            if let tls = configuration.tls {
                connectors = try ClientConnectors(tls, endpoint, executors)
            } else {
                connectors = nil
            }
        #endif
        self.endpoint = endpoint
        self.configuration = configuration
        self.executors = executors
        self.onOutcomes = onOutcomes
        home = executors[0]
        keySeed = seed &* 0x9E37_79B9_7F4A_7C15
        let inFlightMax = limits.maxConnections * limits.windowCapacity
        queue = BoundedMPMCQueue(capacity: limits.queueCapacity)
        let messagesMax = queue.capacity + inFlightMax
        store = MessageStore(
            capacity: messagesMax, byteCountMax: configuration.memoryByteCountMax,
            bufferByteCountMax: limits.maxConnections * configuration.bufferByteCount)
        retry = ReturnedMessages(capacity: messagesMax)
        workers = Array(repeating: nil, count: limits.maxConnections)
        runPoint = Suspension(executors[0])
        machineSnapshot = LockedPoolStatistics()
        finished.add(1)
        for _ in 0..<machine.timerCount { timers.append(MachineTimer(core: self)) }
    }

    // MARK: Senders

    /// Takes a message from a sender; false if the queue is full.
    func trySend(
        _ bytes: UnsafeRawBufferPointer, ticket: MessageTicket, isAwaited: Bool = false
    ) throws(PoolError) -> Bool {
        try check()
        guard bytes.count <= configuration.messageByteCountLimit else { throw .tooLong }
        guard bytes.count > 0 else { throw .empty }
        guard hasRoom else { return false }
        // SAFETY: copied while lent.
        let made = unsafe make(bytes, ticket, isAwaited) ?? makeSlowly(bytes, ticket, isAwaited)
        guard let message = made else { return false }
        let isLong = bytes.count > MessageSlot.inlineByteCount
        if isLong { queuedByteCount.wrappingAdd(bytes.count, ordering: .relaxed) }
        if queue.tryPush(message) != nil {
            if isLong { queuedByteCount.wrappingSubtract(bytes.count, ordering: .relaxed) }
            store.release(message)
            try check()
            return false
        }
        noteQueued()
        return true
    }

    @inline(__always)
    private func make(
        _ bytes: UnsafeRawBufferPointer, _ ticket: MessageTicket, _ isAwaited: Bool
    ) -> UInt64? {
        // SAFETY: copied while lent.
        unsafe store.make(
            bytes, ticket: ticket.rawValue, hasKey: configuration.delivery == .confirmed,
            keySeed: keySeed, isAwaited: isAwaited)
    }

    /// There was no memory. Whoever gives some back from here on wakes the senders that wait.
    @inline(never)
    private func makeSlowly(
        _ bytes: UnsafeRawBufferPointer, _ ticket: MessageTicket, _ isAwaited: Bool
    ) -> UInt64? {
        _ = isMemoryWanted.exchange(true, ordering: .acquiringAndReleasing)  // E3
        return unsafe make(bytes, ticket, isAwaited)  // SAFETY: copied while lent.
    }

    /// Memory came back: senders that wait for it may go on.
    func didFreeMemory() {
        if isMemoryWanted.exchange(false, ordering: .acquiringAndReleasing) {  // E3
            spaceEvents.notifyAll()
        }
    }

    /// Whether the queue has fewer messages and bytes than asked for: its own capacity is the next
    /// power of two.
    private var hasRoom: Bool {
        let capacity = configuration.pool.queueCapacity
        guard queuedByteCount.load(ordering: .relaxed) < configuration.queueByteCountMax else {
            return false
        }
        return queue.capacity == capacity || queue.count < capacity
    }

    func check() throws(PoolError) {
        if isRefusing.load(ordering: .acquiring) { throw refusal }  // E1
    }

    private func noteQueued() {
        workEvents.notifyOne()  // E2
        let limit = threshold.load(ordering: .relaxed)  // Behind the RMW above; see E2.
        guard limit != .max, pressure >= limit else { return }
        // Relaxed: one post is enough; the home loop lowers the flag before it counts.
        guard !isGrowthPosted.exchange(true, ordering: .relaxed) else { return }
        report(.messageQueued)
    }

    /// How many messages wait and are held by no connection. A push that is under way counts.
    var backlog: Int { queue.count + retry.count }

    /// The backlog as the machine sees it: a queue that is full of bytes is full.
    var pressure: Int {
        let isFull = queuedByteCount.load(ordering: .relaxed) >= configuration.queueByteCountMax
        return isFull ? max(backlog, configuration.pool.queueCapacity) : backlog
    }

    /// The next of the client's own numbers. Relaxed: only the number matters.
    func makeTicket() -> MessageTicket {
        let (number, _) = nextTicket.wrappingAdd(1, ordering: .relaxed)
        return MessageTicket(rawValue: number)
    }

    /// Waits until there may be room in the queue; false if the task was cancelled.
    func waitForSpace(_ key: consuming EventCount.Key) async -> Bool {
        do {
            try await spaceEvents.commitWait(key)
            return true
        } catch {
            return false
        }
    }

    /// The second look of a blocking sender that has announced itself, and its sleep.
    @available(*, noasync, message: "this blocks the thread")
    func trySendPrepared(
        _ message: RawSpan, _ ticket: MessageTicket, _ key: consuming EventCount.Key
    ) throws(PoolError) -> Bool {
        let isSent: Bool
        do throws(PoolError) {
            // SAFETY: copied while lent.
            isSent = try unsafe message.withUnsafeBytes { bytes throws(PoolError) in
                unsafe try trySend(bytes, ticket: ticket)  // SAFETY: as above.
            }
        } catch {
            spaceEvents.cancelWait(key)
            throw error
        }
        if isSent {
            spaceEvents.cancelWait(key)
        } else {
            _ = spaceEvents.blockingWait(key, until: .never)
        }
        return isSent
    }

    var statistics: ClientStatistics {
        var result = ClientStatistics()
        result.queued = queue.pushedCount
        result.delivered = counters.delivered.load(ordering: .relaxed)
        result.failed = counters.failed.load(ordering: .relaxed)
        result.resent = counters.resent.load(ordering: .relaxed)
        result.bytesWritten = counters.bytesWritten.load(ordering: .relaxed)
        result.unexpectedAnswers = counters.unexpectedAnswers.load(ordering: .relaxed)
        result.waiting = backlog
        result.pool = machineSnapshot.value
        return result
    }

    // MARK: Connections

    /// The next message for a connection: those that came back first. Adds up the bytes of long
    /// messages that leave the queue, for `didTake`.
    @inline(__always)
    func takeMessage(_ takenByteCount: inout Int) -> UInt64? {
        if retry.count > 0, let message = retry.tryPop() { return message }
        guard let message = queue.tryPop() else { return nil }
        let byteCount = store.byteCount(message)
        if byteCount > MessageSlot.inlineByteCount { takenByteCount += byteCount }
        return message
    }

    /// Messages left the queue. Senders go on once half of it is empty, so that each wakes up for
    /// many messages.
    func didTake(_ takenByteCount: Int) {
        if takenByteCount > 0 {
            queuedByteCount.wrappingSubtract(takenByteCount, ordering: .relaxed)
        }
        guard queue.count <= configuration.pool.queueCapacity / 2,
            queuedByteCount.load(ordering: .relaxed) <= configuration.queueByteCountMax / 2
        else { return }
        spaceEvents.notifyAll()
    }

    /// Takes back what a dead connection was to deliver.
    func takeBack(_ window: inout DeliveryWindow) {
        var messages: [UInt64] = []
        messages.reserveCapacity(window.count)
        window.abandon { message, wasWritten in
            // SAFETY: the window held the message, and gives it to us.
            if wasWritten { unsafe store.slot(message).pointee.wasWritten = true }
            messages.append(message)
        }
        retry.put(messages)
    }

    /// What is left of a message when it settles. Gives its memory back.
    func settle(_ message: UInt64, _ outcome: MessageOutcome) -> SettledMessage {
        let slot = unsafe store.slot(message)  // SAFETY: the caller holds the message.
        let ticket = unsafe MessageTicket(rawValue: slot.pointee.ticket)  // SAFETY: as above.
        if unsafe slot.pointee.isAwaited { registry.settle(ticket, outcome) }  // SAFETY: as above.
        store.release(message)
        return SettledMessage(ticket: ticket, outcome: outcome)
    }

    /// Tells the owner of the client what has settled; all of one outcome.
    func deliver(_ settled: Span<SettledMessage>) {
        guard !settled.isEmpty else { return }
        if settled[0].outcome == .ok {
            ClientCounters.add(settled.count, to: counters.delivered)
        } else {
            ClientCounters.add(settled.count, to: counters.failed)
        }
        onOutcomes(settled)
    }

    /// Hands an event to the machine, later and on the home loop. Any thread, and anywhere: the
    /// machine's actions never run inside the caller, who may be one of them, a connection that
    /// lends out its buffers, or the user's `onOutcomes`.
    func report(_ event: PoolEvent) {
        postHome { core in core.handle(event) }
    }

    /// Runs `body` on the home loop, never inside the caller.
    func postHome(_ body: @escaping @Sendable (ClientCore) -> Void) {
        // SAFETY: the job takes the reference over.
        let errand = unsafe Unmanaged.passRetained(Errand(self, body)).toOpaque()
        let job = unsafe LoopJob(context: errand) { context in  // SAFETY: as above.
            // SAFETY: as above.
            let errand = unsafe Unmanaged<Errand>.fromOpaque(context).takeRetainedValue()
            errand.body(errand.core)
        }
        if !home.loop.post(job) {
            unsafe Unmanaged<Errand>.fromOpaque(errand).release()  // SAFETY: the job does not run.
        }
    }

    // MARK: The machine's side, on the home loop

    /// Tells senders from which backlog on an event is wanted, and answers the backlog.
    func publish(threshold limit: Int) -> Int {
        isGrowthPosted.store(false, ordering: .relaxed)
        threshold.store(limit, ordering: .relaxed)
        workEvents.cancelWait(workEvents.prepareWait())  // E2
        return pressure
    }

    /// The connections that `run` must start a task for.
    func takePendingWorkers() -> [ClientWorker] {
        defer { pendingWorkers.removeAll() }
        return pendingWorkers
    }

    var isFinished: Bool { machine.isFinished && pendingWorkers.isEmpty }

    /// Waits until all memory is back: nothing is allocated once the machine has finished.
    func drainMemory() async {
        workers.removeAll()
        await store.drain()
    }

    /// From here on senders are refused.
    func refuse(_ error: PoolError) {
        guard !isRefusing.load(ordering: .relaxed) else { return }  // Only this loop stores.
        refusal = error
        isRefusing.store(true, ordering: .releasing)  // E1
        _ = queue.close()
        spaceEvents.notifyAll()
    }
}

/// Something to do on its way to the home loop.
private final class Errand: Sendable {
    let core: ClientCore
    let body: @Sendable (ClientCore) -> Void

    init(_ core: ClientCore, _ body: @escaping @Sendable (ClientCore) -> Void) {
        self.core = core
        self.body = body
    }
}
