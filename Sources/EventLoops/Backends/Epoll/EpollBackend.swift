// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims

/// The contract on epoll(7): edge-triggered, one registration in a descriptor's life.
///
/// An operation is tried when its descriptor is or may be ready, and waits in the descriptor's
/// queue otherwise. Streams are emulated: one turn takes at most `streamBudget` buffers from a
/// connection, so that a busy one starves nobody.
@safe
public final class EpollBackend: EventBackend {
    /// "epoll"
    public let name = "epoll"
    /// The buffers of streams.
    public let buffers: ReceiveBuffers

    /// How many buffers one stream may fill in one turn.
    static var streamBudget: Int { 4 }
    /// How many connections one listener may accept in one turn.
    static var acceptBudget: Int { 64 }
    private static var watched: UInt32 {
        UInt32(MILLRACE_POLLIN | MILLRACE_POLLOUT | MILLRACE_POLLRDHUP)
            | UInt32(bitPattern: Int32(MILLRACE_EPOLLET))
    }

    private let epoll: Int32
    private let wakeDescriptor: Int32
    private var states: [DescriptorState] = []
    var pending = PendingTable()
    private var queued: [Int32] = []
    private var finished: [Completion] = []
    private var finishedStart = 0
    var freeBuffers: [UInt16]
    private let events: UnsafeMutablePointer<millrace_event>
    private static var eventsMax: Int { 256 }

    /// Opens an epoll instance and an eventfd for `wake`.
    public init(options: LoopOptions) throws(SystemError) {
        let epoll = millrace_epoll_create()
        guard epoll >= 0 else { throw SystemError(.openBackend, code: -epoll) }
        let wakeDescriptor = millrace_eventfd_open()
        guard wakeDescriptor >= 0 else {
            _ = millrace_close(epoll)
            throw SystemError(.eventDescriptor, code: -wakeDescriptor)
        }
        self.epoll = epoll
        self.wakeDescriptor = wakeDescriptor
        buffers = ReceiveBuffers(
            count: options.receiveBufferCount, byteCount: options.receiveBufferByteCount)
        freeBuffers = (0..<UInt16(options.receiveBufferCount)).reversed()
        // SAFETY: freed in `deinit`.
        unsafe events = .allocate(capacity: Self.eventsMax)
        let status = millrace_epoll_add(epoll, wakeDescriptor, UInt32(MILLRACE_POLLIN))
        guard status >= 0 else { throw SystemError(.openBackend, code: -status) }
    }

    deinit {
        _ = millrace_close(wakeDescriptor)
        _ = millrace_close(epoll)
        unsafe events.deallocate()  // SAFETY: allocated in `init`.
    }

    /// Nothing to do: epoll does not mind who calls.
    public func attach() {}

    /// Starts an operation: what cannot wait is done at once, a send is tried at once.
    @unsafe
    public func submit(_ request: Request, as id: OperationID) {
        // SAFETY: reads the words of the request.
        switch unsafe request {
        case .close(let descriptor):
            forget(descriptor)
            finish(id, millrace_close(descriptor))
        case .shutdown(let descriptor, let how):
            finish(id, millrace_socket_shutdown(descriptor, how))
        case .connect(let descriptor, let address):
            let status = unsafe millrace_socket_connect(descriptor, address)  // SAFETY: promise 4.
            guard status == -Int32(MILLRACE_EINPROGRESS) else { return finish(id, status) }
            unsafe enqueue(.connect, id, descriptor, nil, 0)  // SAFETY: names no memory.
        case .acceptStream(let descriptor):
            unsafe enqueue(.acceptStream, id, descriptor, nil, 0)  // SAFETY: names no memory.
        case .receive(let descriptor, let memory, let count):
            unsafe enqueue(.receive, id, descriptor, memory, count)  // SAFETY: promise 4.
        case .receiveStream(let descriptor, let byteCountMax):
            // SAFETY: names no memory.
            unsafe enqueue(.receiveStream, id, descriptor, nil, max(1, byteCountMax))
        case .send(let descriptor, let memory, let count):
            let memory = unsafe UnsafeMutableRawPointer(mutating: memory)  // SAFETY: only read.
            unsafe enqueue(.send, id, descriptor, memory, count)  // SAFETY: promise 4.
        case .sendMessage(let descriptor, let message):
            let memory = unsafe UnsafeMutableRawPointer(mutating: message)  // SAFETY: only read.
            unsafe enqueue(.sendMessage, id, descriptor, memory, 0)  // SAFETY: promise 4.
        case .sendFile(let descriptor, let file, let offset, let count):
            // SAFETY: names no memory.
            unsafe enqueue(.sendFile, id, descriptor, nil, count, file: file, offset: offset)
        case .receiveDatagrams(let descriptor, let datagrams, let count):
            // SAFETY: promise 4.
            unsafe enqueue(.receiveDatagrams, id, descriptor, datagrams, count)
        case .sendDatagrams(let descriptor, let datagrams, let count):
            unsafe enqueue(.sendDatagrams, id, descriptor, datagrams, count)  // SAFETY: promise 4.
        case .poll(let descriptor, let events):
            unsafe enqueue(.poll, id, descriptor, nil, Int(events))  // SAFETY: names no memory.
        }
    }

    private func enqueue(
        _ kind: PendingOperation.Kind, _ id: OperationID, _ descriptor: Int32,
        _ memory: UnsafeMutableRawPointer?, _ count: Int, file: Int32 = -1, offset: UInt64 = 0
    ) {
        guard descriptor >= 0 else { return finish(id, -Int32(MILLRACE_EBADF)) }
        if kind == .connect { renew(descriptor) }
        let status = register(descriptor, isForeign: kind == .poll)
        guard status >= 0 else { return finish(id, status) }
        // SAFETY: the record keeps what the request named until its last completion (promise 4).
        let operation = unsafe PendingOperation(
            id: id, kind: kind, descriptor: descriptor, memory: memory, count: count, file: file,
            offset: offset, next: PendingTable.none)
        let place = Int(descriptor)
        switch kind {
        case .acceptStream, .receive, .receiveStream, .receiveDatagrams:
            unsafe pending.append(operation, to: &states[place].reads)  // SAFETY: stores it.
            queue(descriptor)
        case .connect:
            states[place].isWritable = false
            unsafe pending.append(operation, to: &states[place].writes)  // SAFETY: stores it.
        case .send, .sendMessage, .sendFile, .sendDatagrams:
            let isFirst = states[place].writes.isEmpty
            unsafe pending.append(operation, to: &states[place].writes)  // SAFETY: stores it.
            if isFirst && states[place].isWritable { serveWrites(&states[place]) }
        case .poll:
            unsafe pending.append(operation, to: &states[place].polls)  // SAFETY: stores it.
            queue(descriptor)
        case .none:
            preconditionFailure("an operation without a kind")
        }
    }

    /// The number names a new socket: what is known of one that was closed behind the loop's back
    /// is
    /// forgotten, so that it is registered again. epoll(7): closing takes a registration away.
    func renew(_ descriptor: Int32) {
        guard Int(descriptor) < states.count, states[Int(descriptor)].isIdle else { return }
        reset(Int(descriptor))
    }

    private func register(_ descriptor: Int32, isForeign: Bool) -> Int32 {
        while states.count <= Int(descriptor) { states.append(DescriptorState()) }
        let place = Int(descriptor)
        if !isForeign { states[place].isForeign = false }
        guard !states[place].isRegistered else { return 0 }
        var status = millrace_epoll_add(epoll, descriptor, Self.watched)
        if status == -Int32(MILLRACE_EEXIST) {
            status = millrace_epoll_modify(epoll, descriptor, Self.watched)
        }
        // A regular file cannot be watched and is always ready.
        if status == -Int32(MILLRACE_EPERM) { return 0 }
        if status >= 0 { states[place].isRegistered = true }
        return status
    }

    /// Ends one operation with `ECANCELED` if it still waits.
    public func cancel(_ id: OperationID) {
        guard pending.contains(id) else { return }
        let operation = unsafe pending[id.index]  // SAFETY: reads the record.
        let place = Int(unsafe operation.descriptor)  // SAFETY: as above.
        switch unsafe operation.kind {  // SAFETY: as above.
        case .acceptStream, .receive, .receiveStream, .receiveDatagrams:
            pending.remove(id.index, from: &states[place].reads)
        case .connect, .send, .sendMessage, .sendFile, .sendDatagrams:
            pending.remove(id.index, from: &states[place].writes)
        case .poll:
            pending.remove(id.index, from: &states[place].polls)
        case .none:
            preconditionFailure("an operation without a kind")
        }
        finish(id, -Int32(MILLRACE_ECANCELED))
        // SAFETY: as above.
        if unsafe operation.kind == .connect { unregister(&states[place], Int32(place)) }
        releaseIfForeign(Int32(place))
    }

    /// Ends every operation that waits on the descriptor.
    public func cancelAll(on descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < states.count else { return }
        let place = Int(descriptor)
        for queue in [states[place].reads, states[place].writes, states[place].polls] {
            var index = queue.first
            while index != PendingTable.none {  // Ends: every turn takes one operation away.
                let id = unsafe pending[index].id  // SAFETY: reads a word of the record.
                let next = unsafe pending[index].next  // SAFETY: as above.
                cancel(id)
                index = next
            }
        }
    }

    /// Gives a buffer back to the streams.
    public func recycle(_ buffer: UInt16) {
        assert(Int(buffer) < buffers.count)
        freeBuffers.append(buffer)
        assert(freeBuffers.count <= buffers.count, "a buffer was recycled twice")
    }

    /// Looks for readiness, tries what may succeed, and hands the results over.
    public func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        let mayBlock = queued.isEmpty && finishedStart == finished.count
        let limit = mayBlock ? deadline.nanoseconds : 0
        // SAFETY: room for `eventsMax` events.
        let count = unsafe millrace_epoll_wait(epoll, events, Int32(Self.eventsMax), limit)
        for index in 0..<max(0, Int(count)) {
            note(unsafe events[index])  // SAFETY: below the number that was filled in.
        }
        deliver(into: &batch)
        let round = queued.count
        var served = 0
        while served < round && finished.count < batch.capacity {
            serve(queued[served])
            served += 1
        }
        queued.removeFirst(served)
        deliver(into: &batch)
    }

    /// Interrupts `wait`.
    public func wake() {
        _ = millrace_eventfd_write(wakeDescriptor)
    }

    private func note(_ event: millrace_event) {
        if event.fd == wakeDescriptor {
            _ = millrace_eventfd_read(wakeDescriptor)
            return
        }
        let place = Int(event.fd)
        guard place < states.count else { return }
        let ended = UInt32(MILLRACE_POLLHUP | MILLRACE_POLLERR)
        let readable = UInt32(MILLRACE_POLLIN | MILLRACE_POLLRDHUP) | ended
        if event.events & readable != 0 { states[place].isReadable = true }
        if event.events & (UInt32(MILLRACE_POLLOUT) | ended) != 0 {
            states[place].isWritable = true
        }
        if event.events & (UInt32(MILLRACE_POLLRDHUP) | ended) != 0 {
            states[place].isHungUp = true
        }
        if !states[place].isIdle { queue(event.fd) }
    }

    private func deliver(into batch: inout CompletionBatch) {
        while finishedStart < finished.count && !batch.isFull {
            batch.append(finished[finishedStart])
            finishedStart += 1
        }
        if finishedStart == finished.count {
            finished.removeAll(keepingCapacity: true)
            finishedStart = 0
        }
    }

    /// Puts a descriptor into the list of those to serve in the next turn.
    func queue(_ descriptor: Int32) {
        guard !states[Int(descriptor)].isQueued else { return }
        states[Int(descriptor)].isQueued = true
        queued.append(descriptor)
    }

    private func serve(_ descriptor: Int32) {
        let place = Int(descriptor)
        states[place].isQueued = false
        servePolls(&states[place])
        if states[place].isWritable { serveWrites(&states[place]) }
        if states[place].isReadable { serveReads(&states[place]) }
        if states[place].isReadable && !states[place].reads.isEmpty { queue(descriptor) }
        releaseIfForeign(descriptor)
    }

    private func releaseIfForeign(_ descriptor: Int32) {
        let place = Int(descriptor)
        guard states[place].isForeign, states[place].isIdle else { return }
        if states[place].isRegistered { _ = millrace_epoll_remove(epoll, descriptor) }
        reset(place)
    }

    /// Takes the registration of a socket away whose connect failed: it is only good for closing,
    /// and its owner may do that without the loop.
    func unregister(_ state: inout DescriptorState, _ descriptor: Int32) {
        if state.isRegistered { _ = millrace_epoll_remove(epoll, descriptor) }
        state.isRegistered = false
    }

    private func forget(_ descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < states.count else { return }
        cancelAll(on: descriptor)
        if states[Int(descriptor)].isRegistered { _ = millrace_epoll_remove(epoll, descriptor) }
        reset(Int(descriptor))
    }

    private func reset(_ place: Int) {
        let wasQueued = states[place].isQueued
        states[place] = DescriptorState()
        states[place].isQueued = wasQueued
    }

    func finish(_ id: OperationID, _ result: Int32) {
        finished.append(Completion(id: id, result: result))
    }

    func finish(_ completion: Completion) {
        finished.append(completion)
    }
}
