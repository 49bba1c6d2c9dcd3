// SPDX-License-Identifier: MIT

public import AtomicSupport
public import EventLoops
internal import Glibc

/// The contract on poll(2): a list of what is asked, and one call that says whose turn it is.
///
/// The plainest backend that keeps all promises, for systems that have nothing better and for
/// whoever writes another one. It is level-triggered: what could not be served in this turn is told
/// again in the next, so nothing has to be remembered about a descriptor. Each wait looks at every
/// operation that is under way; with thousands of idle connections epoll costs a hundredth.
///
///     submit ──► tried at once ──► done ───────────────────────────► finished ──► batch
///                     │                                                  ▲
///                     └─► not ready ──► waiting ──► poll(2): ready ──► tried again
@safe
public final class PollBackend: EventBackend {
    // Invariants: I1  an operation is in `waiting`, or its last completion is in `finished` or was
    //                 handed out; never two of these
    //             I2  a buffer is in `freeBuffers`, or a completion carried it since its `recycle`

    /// "poll"
    public let name = "poll"
    /// The buffers of streams.
    public let buffers: ReceiveBuffers

    /// How many completions one stream may have in one turn, so that a busy one starves nobody.
    private static var shareOfTurn: Int { 16 }

    /// An operation that waits for its descriptor.
    @safe
    private struct Operation {
        let id: OperationID
        let request: Request
        let descriptor: Int32
        let events: Int16

        init(_ request: Request, _ id: OperationID) {
            self.id = id
            // SAFETY: kept no longer than the operation is under way; only plain words are read.
            unsafe self.request = unsafe request
            descriptor = unsafe request.descriptor
            events = unsafe Int16(truncatingIfNeeded: request.readiness)
        }
    }

    private var waiting: [Operation] = []
    private var finished: [Completion] = []
    private var freeBuffers: [UInt16]
    /// What poll(2) is asked: one entry for each descriptor, and where that is. (One for each
    /// operation could be more than the limit of open descriptors, which it refuses.)
    private var entries: [pollfd] = []
    private var places: [Int32: Int] = [:]
    private let wakePipe: WakePipe

    /// Opens a pipe for `wake`; there is nothing else to open.
    public init(options: LoopOptions) throws(SystemError) {
        wakePipe = try WakePipe()
        buffers = ReceiveBuffers(
            count: options.receiveBufferCount, byteCount: options.receiveBufferByteCount)
        freeBuffers = (0..<UInt16(options.receiveBufferCount)).reversed()
    }

    /// What `EventLoop`, `LoopGroup.run` and the conformance suite take.
    public static func open(options: LoopOptions) throws(SystemError) -> SelectedBackend {
        SelectedBackend(backend: try PollBackend(options: options), reason: "poll: brought along")
    }

    /// Nothing to do: poll does not mind who calls.
    public func attach() {}

    // MARK: Operations

    /// Tries what is asked, and keeps it if it must wait. Streams begin with the next `wait`, which
    /// bounds what they may take in a turn.
    @unsafe
    public func submit(_ request: Request, as id: OperationID) {
        // SAFETY: the request's memory is the operation's until its last completion (promise 4).
        if unsafe !request.isStream, let result = unsafe request.attempt() {
            return finish(id, result)
        }
        // SAFETY: as above: it is kept no longer than the operation is under way.
        let operation = unsafe Operation(request, id)
        // poll(2) passes over negative numbers: such an operation would wait for ever.
        guard operation.descriptor >= 0 else { return finish(id, -EBADF) }
        waiting.append(operation)
    }

    /// Ends an operation that still waits. One that has finished keeps its result.
    public func cancel(_ id: OperationID) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        waiting.remove(at: index)
        finish(id, -ECANCELED)
    }

    /// Ends every operation that waits on the descriptor.
    public func cancelAll(on descriptor: Int32) {
        for operation in waiting where operation.descriptor == descriptor {
            finish(operation.id, -ECANCELED)
        }
        waiting.removeAll { $0.descriptor == descriptor }
    }

    /// Gives a buffer back to the streams.
    public func recycle(_ buffer: UInt16) {
        assert(!freeBuffers.contains(buffer), "a buffer was recycled twice")
        freeBuffers.append(buffer)
    }

    private func finish(_ id: OperationID, _ result: Int32) {
        finished.append(Completion(id: id, result: result))
    }

    // MARK: Waiting

    /// Waits for readiness, serves those who are ready, and hands over what is finished.
    public func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        // What is finished already is handed over without sleeping.
        pollAll(until: finished.isEmpty ? deadline : MonotonicInstant(nanoseconds: 0))
        serveReady(limit: batch.capacity)
        let count = min(finished.count, batch.capacity - batch.count)
        for completion in finished[..<count] { batch.append(completion) }
        finished.removeFirst(count)
    }

    /// Makes `wait` return, the present one or the next: the pipe stays ready until it is read. Any
    /// thread.
    public func wake() {
        wakePipe.signal()
    }

    /// Asks for the events that the operations wait for. Afterwards an entry's `revents` say which
    /// of them are there.
    private func pollAll(until deadline: MonotonicInstant) {
        entries.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        ask(wakePipe.reader, for: Int16(POLLIN))
        for operation in waiting { ask(operation.descriptor, for: operation.events) }
        // When a signal interrupts it, nothing was said of any entry: `revents` are still zero.
        // SAFETY: as many entries as are told, ours for the call.
        _ = unsafe poll(&entries, nfds_t(entries.count), Self.milliseconds(until: deadline))
        if entries[0].revents != 0 { wakePipe.drain() }
    }

    /// Rounded up, so that the last part of a millisecond is slept too; -1 is without end.
    private static func milliseconds(until deadline: MonotonicInstant) -> Int32 {
        if deadline == .never { return -1 }
        let nanoseconds = deadline.nanoseconds(since: .now)
        return Int32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0))
    }

    private func ask(_ descriptor: Int32, for events: Int16) {
        if let place = places[descriptor] {
            entries[place].events |= events
        } else {
            places[descriptor] = entries.count
            entries.append(pollfd(fd: descriptor, events: events, revents: 0))
        }
    }

    private func isReady(_ operation: Operation) -> Bool {
        guard let place = places[operation.descriptor] else { return false }
        let always = Int16(POLLERR | POLLHUP | POLLNVAL)
        return entries[place].revents & (operation.events | always) != 0
    }

    /// Tries the operations that are ready, until `limit` completions are there; the rest is still
    /// ready next time. Those that were served and go on move behind the others: everyone's turn
    /// comes.
    private func serveReady(limit: Int) {
        var unserved: [Operation] = []
        var served: [Operation] = []
        for operation in waiting {
            if finished.count >= limit || !isReady(operation) {
                unserved.append(operation)
            } else if !serve(operation) {
                served.append(operation)
            }
        }
        waiting = unserved + served
    }

    /// Tries one operation; true if it is over.
    private func serve(_ operation: Operation) -> Bool {
        for _ in 0..<Self.shareOfTurn {
            // SAFETY: reads which case it is.
            let fillsBuffers = unsafe operation.request.fillsBuffers
            let completion = fillsBuffers ? receive(operation) : attempt(operation)
            guard let completion else { return false }
            finished.append(completion)
            if !completion.hasMore { return true }
        }
        return false
    }

    private func attempt(_ operation: Operation) -> Completion? {
        // SAFETY: the memory is the operation's until its last completion (promise 4).
        guard let result = unsafe operation.request.attempt() else { return nil }
        let isStream = unsafe operation.request.isStream  // SAFETY: reads which case it is.
        return Completion(id: operation.id, result: result, hasMore: isStream && result >= 0)
    }

    /// Receives into a free buffer. The end, an error, and the want of a buffer end the stream.
    private func receive(_ operation: Operation) -> Completion? {
        guard let buffer = freeBuffers.popLast() else {
            return Completion(id: operation.id, result: -ENOBUFS)
        }
        // SAFETY: the buffer is free, so nobody else's.
        let result = unsafe operation.request.attempt(into: buffers[buffer])
        if let result, result > 0 {
            return Completion(id: operation.id, result: result, buffer: buffer, hasMore: true)
        }
        freeBuffers.append(buffer)
        return result.map { Completion(id: operation.id, result: $0) }
    }
}
