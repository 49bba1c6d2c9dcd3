// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims

/// The contract on epoll(7): edge-triggered, one registration as long as a descriptor is in use.
///
/// An operation is tried when its descriptor is or may be ready, and waits in the descriptor's
/// queue otherwise. Streams are emulated: one turn takes at most `streamBudget` receives from a
/// connection, so that a busy one starves nobody, and small ones share a buffer.
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
        UInt32(MILLRACE_POLLIN | MILLRACE_POLLPRI | MILLRACE_POLLOUT | MILLRACE_POLLRDHUP)
            | UInt32(bitPattern: Int32(MILLRACE_EPOLLET))
    }

    private let epoll: Int32
    private let wakeDescriptor: Int32
    let states = LoopOwned(PagedTable(blank: DescriptorState()))
    let pending = LoopOwned(PendingTable())
    private let queued = LoopOwned([Int32]())
    private let finished = LoopOwned([Completion]())
    private var finishedStart = 0
    let freeBuffers: LoopOwned<[UInt16]>
    let openedBuffer = LoopOwned<OpenBuffer?>(nil)

    /// A buffer that the next receives go on filling.
    struct OpenBuffer {
        let number: UInt16
        let fill: Int
    }

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
        freeBuffers = LoopOwned((0..<UInt16(options.receiveBufferCount)).reversed())
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
        case .connect(let descriptor, _):
            renew(descriptor)
            // SAFETY: as above.
            if let result = unsafe request.attempt() {
                if result < 0 { disown(descriptor) }
                return finish(id, result)
            }
            unsafe enqueue(request, id, on: descriptor)  // SAFETY: as above.
        default:
            unsafe enqueue(request, id, on: request.descriptor)  // SAFETY: as above.
        }
    }

    private func enqueue(_ request: Request, _ id: OperationID, on descriptor: Int32) {
        guard descriptor >= 0 else { return finish(id, -Int32(MILLRACE_EBADF)) }
        let direction = unsafe Direction(request)  // SAFETY: reads which case it is.
        let place = Int(descriptor)
        let status = register(descriptor, isForeign: direction == .polling)
        guard status >= 0 else {
            disown(descriptor)
            return finish(id, status)
        }
        // What can leave at once needs no record.
        if direction == .writing, states.value[place].isWritable, states.value[place].writes.isEmpty
        {
            // SAFETY: promise 4.
            if let result = unsafe request.attempt() { return finish(id, result) }
            states.value[place].isWritable = false
        }
        // SAFETY: the record keeps what the request named until its last completion (promise 4).
        let operation = unsafe PendingOperation(
            id: id, request: request, next: PendingTable.none)
        switch direction {
        case .reading:
            // SAFETY: as above.
            unsafe pending.value.append(operation, to: &states.value[place].reads)
            queue(descriptor)
        case .writing:
            // SAFETY: as above.
            unsafe pending.value.append(operation, to: &states.value[place].writes)
        case .connecting:
            states.value[place].isWritable = false
            // SAFETY: as above.
            unsafe pending.value.append(operation, to: &states.value[place].writes)
        case .polling:
            // SAFETY: as above.
            unsafe pending.value.append(operation, to: &states.value[place].polls)
            queue(descriptor)
        }
    }

    /// Which queue of its descriptor an operation stands in.
    private enum Direction {
        case reading, writing, connecting, polling

        init(_ request: Request) {
            switch unsafe request {  // SAFETY: reads which case it is.
            case .acceptStream, .receive, .receiveStream, .receiveDatagrams: self = .reading
            case .send, .sendMessage, .sendFile, .sendDatagrams: self = .writing
            case .connect: self = .connecting
            case .poll: self = .polling
            case .shutdown, .close: preconditionFailure("done at once, never enqueued")
            }
        }
    }

    /// The number names a new socket: what is known of one that was closed behind the loop's back
    /// is forgotten, so that it is registered again. epoll(7): closing takes a registration away.
    func renew(_ descriptor: Int32) {
        guard Int(descriptor) < states.value.count, states.value[Int(descriptor)].isIdle else {
            return
        }
        states.value[Int(descriptor)].renew()
    }

    private func register(_ descriptor: Int32, isForeign: Bool) -> Int32 {
        states.value.reach(Int(descriptor))
        let place = Int(descriptor)
        if !isForeign { states.value[place].isForeign = false }
        guard !states.value[place].isRegistered else { return 0 }
        var status = millrace_epoll_add(epoll, descriptor, Self.watched)
        if status == -Int32(MILLRACE_EEXIST) {
            status = millrace_epoll_modify(epoll, descriptor, Self.watched)
        }
        // A regular file cannot be watched and is always ready.
        if status == -Int32(MILLRACE_EPERM) { return 0 }
        if status >= 0 { states.value[place].isRegistered = true }
        return status
    }

    /// Ends one operation with `ECANCELED` if it still waits.
    public func cancel(_ id: OperationID) {
        guard pending.value.contains(id) else { return }
        // SAFETY: reads the record; `contains` saw that the slot is in use.
        guard let request = unsafe pending.value[id.index].request else { return }
        let direction = unsafe Direction(request)  // SAFETY: as above.
        let place = Int(unsafe request.descriptor)  // SAFETY: as above.
        switch direction {
        case .reading: pending.value.remove(id.index, from: &states.value[place].reads)
        case .writing, .connecting:
            pending.value.remove(id.index, from: &states.value[place].writes)
        case .polling: pending.value.remove(id.index, from: &states.value[place].polls)
        }
        finish(id, -Int32(MILLRACE_ECANCELED))
        if direction == .connecting { disown(Int32(place)) } else { releaseIfForeign(Int32(place)) }
    }

    /// Ends every operation that waits on the descriptor.
    public func cancelAll(on descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < states.value.count else { return }
        let place = Int(descriptor)
        cancelAll(in: states.value[place].reads)
        cancelAll(in: states.value[place].writes)
        cancelAll(in: states.value[place].polls)
    }

    private func cancelAll(in queue: PendingQueue) {
        var index = queue.first
        while index != PendingTable.none {  // Ends: every turn takes one operation away.
            let id = unsafe pending.value[index].id  // SAFETY: reads a word of the record.
            let next = unsafe pending.value[index].next  // SAFETY: as above.
            cancel(id)
            index = next
        }
    }

    /// Gives a buffer back to the streams.
    public func recycle(_ buffer: UInt16) {
        assert(Int(buffer) < buffers.count)
        freeBuffers.value.append(buffer)
        assert(freeBuffers.value.count <= buffers.count, "a buffer was recycled twice")
    }

    /// Looks for readiness, tries what may succeed, and hands the results over.
    public func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        let mayBlock = queued.value.isEmpty && finishedStart == finished.value.count
        let limit = mayBlock ? deadline.nanoseconds : 0
        // SAFETY: room for `eventsMax` events.
        let count = unsafe millrace_epoll_wait(epoll, events, Int32(Self.eventsMax), limit)
        for index in 0..<max(0, Int(count)) {
            note(unsafe events[index])  // SAFETY: below the number that was filled in.
        }
        deliver(into: &batch)
        let round = queued.value.count
        var served = 0
        while served < round && finished.value.count < batch.capacity {
            serve(queued.value[served])
            served += 1
        }
        queued.value.removeFirst(served)
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
        guard place < states.value.count else { return }
        let ended = UInt32(MILLRACE_POLLHUP | MILLRACE_POLLERR)
        let readable = UInt32(MILLRACE_POLLIN | MILLRACE_POLLRDHUP) | ended
        if event.events & readable != 0 { states.value[place].isReadable = true }
        if event.events & (UInt32(MILLRACE_POLLOUT) | ended) != 0 {
            states.value[place].isWritable = true
        }
        if event.events & (UInt32(MILLRACE_POLLPRI | MILLRACE_POLLRDHUP) | ended) != 0 {
            states.value[place].trustsShortReads = false
        }
        if !states.value[place].isIdle { queue(event.fd) }
    }

    private func deliver(into batch: inout CompletionBatch) {
        while finishedStart < finished.value.count && !batch.isFull {
            batch.append(finished.value[finishedStart])
            finishedStart += 1
        }
        if finishedStart == finished.value.count {
            finished.value.removeAll(keepingCapacity: true)
            finishedStart = 0
        }
    }

    /// Puts a descriptor into the list of those to serve in the next turn.
    func queue(_ descriptor: Int32) {
        guard !states.value[Int(descriptor)].isQueued else { return }
        states.value[Int(descriptor)].isQueued = true
        queued.value.append(descriptor)
    }

    private func serve(_ descriptor: Int32) {
        let place = Int(descriptor)
        states.value[place].isQueued = false
        servePolls(&states.value[place])
        if states.value[place].isWritable { serveWrites(&states.value[place]) }
        if states.value[place].isReadable { serveReads(&states.value[place]) }
        if states.value[place].isReadable && !states.value[place].reads.isEmpty {
            queue(descriptor)
        }
        releaseIfForeign(descriptor)
    }

    /// Forgets a descriptor that its owner may close without the loop, once nothing waits on it.
    private func releaseIfForeign(_ descriptor: Int32) {
        let place = Int(descriptor)
        guard states.value[place].isForeign, states.value[place].isIdle else { return }
        if states.value[place].isRegistered { _ = millrace_epoll_remove(epoll, descriptor) }
        states.value[place].renew()
    }

    /// From here on the owner may close the descriptor without the loop, unless something new is
    /// begun on it.
    private func disown(_ descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < states.value.count else { return }
        states.value[Int(descriptor)].isForeign = true
        releaseIfForeign(descriptor)
    }

    private func forget(_ descriptor: Int32) {
        cancelAll(on: descriptor)
        disown(descriptor)
    }

    func finish(_ id: OperationID, _ result: Int32) {
        finished.value.append(Completion(id: id, result: result))
    }

    func finish(_ completion: Completion) {
        finished.value.append(completion)
    }
}
