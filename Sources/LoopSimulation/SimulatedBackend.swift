// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims
public import EventLoops

/// A backend whose kernel is a `SimulatedWorld`: it keeps the contract, and where the contract
/// leaves room it takes the way that the world draws.
///
/// It waits in no system call: when nothing is ready, the world's time passes. Completions may be
/// seen late and in another order, streams end by themselves, cancellations lose, and what a buffer
/// held is overwritten once it is given back.
///
/// Threads: the loop's, in the world; `wake` any.
public final class SimulatedBackend: EventBackend, @unchecked Sendable {
    // Edges: E1  wake store → exchange in `wait`   a wake-up is seen by the wait that it ends
    //        E2  the world's bell, see `SimulatedWorld`

    /// "simulated"
    public let name = "simulated"
    /// The buffers of receive streams.
    public let buffers: ReceiveBuffers
    /// The world that it is a kernel of.
    public let world: SimulatedWorld
    /// What it has done.
    public private(set) var statistics = BackendStatistics()

    /// Called when nothing is left that could happen: no event, no timer, nothing to hand over.
    var whenStuck: (() -> Void)?
    /// Called at the beginning of each wait.
    var beforeWait: ((SimulatedBackend) -> Void)?

    private var lanes: [Int32: Lanes] = [:]
    private var places: [OperationID: Int32] = [:]
    private var ready: [Int32] = []
    private var finished: [Finished] = []
    private var lastBufferTime: UInt64 = 0
    private var freeBuffers: [UInt16]
    private var fills: [Int]
    private var opened: UInt16?
    private let sharesBuffers: Bool
    /// What was cancelled, and goes on.
    private var losing: Set<OperationID> = []
    /// What was asked for and is not begun yet.
    private var unbegun: [Pending] = []
    /// What was asked for since the submission queue was full.
    private var overfull: [OperationID] = []
    private let isWoken = Atomic<Bool>(false)

    /// How many completions a stream brings before others have their turn.
    private static var streamBudget: Int { 32 }

    /// What waits on one descriptor.
    private struct Lanes {
        var reads: [Pending] = []
        var writes: [Pending] = []
        var polls: [Pending] = []

        var isEmpty: Bool { reads.isEmpty && writes.isEmpty && polls.isEmpty }
    }

    /// An operation that waits.
    @safe
    private struct Pending {
        let id: OperationID
        let request: Request
        /// How many bytes a stream may still bring.
        var byteCountLeft = Int.max
        /// Its completions so far are seen by then.
        var lastTime: UInt64 = 0
        /// In a virtual world: what it sends.
        var lent: LentBytes?
    }

    /// A completion on its way to the loop.
    private struct Finished {
        let completion: Completion
        let time: UInt64
        let lent: LentBytes?
    }

    /// A backend in a world. The calling thread need not be in it; `attach` enters.
    public init(_ world: SimulatedWorld, options: LoopOptions = LoopOptions()) {
        self.world = world
        buffers = ReceiveBuffers(
            count: options.receiveBufferCount, byteCount: options.receiveBufferByteCount)
        freeBuffers = (0..<UInt16(options.receiveBufferCount)).reversed()
        fills = [Int](repeating: 0, count: options.receiveBufferCount)
        sharesBuffers = world.clock == .live || world.random.below(2) == 0
        world.locked { world.attach(self) }
    }

    /// The thread enters the world.
    public func attach() throws(SystemError) {
        world.enter()
    }

    // MARK: Submitting

    /// Starts an operation, at once or after a while.
    @unsafe
    public func submit(_ request: Request, as id: OperationID) {
        // SAFETY: reads plain words.
        unsafe world.trace.add(
            .submit, at: world.time, request.descriptor, Int64(bitPattern: id.rawValue))
        switch unsafe request {  // SAFETY: reads which case it is.
        case .close(let descriptor):
            endAll(on: descriptor)
            return finish(id, millrace_close(descriptor))
        case _ where unsafe !world.hasSocket(request.descriptor):  // SAFETY: reads a plain word.
            world.noteStrayRequest()
            return finish(id, -Int32(MILLRACE_EBADF))
        case .shutdown:
            return finish(id, unsafe request.attempt() ?? 0)  // SAFETY: names no memory.
        default: break
        }
        if world.happens(.refusedSubmission) {
            return finish(id, -Int32(MILLRACE_ENOBUFS))
        }
        var pending = unsafe Pending(id: id, request: request)  // SAFETY: promise 4.
        // SAFETY: reads a plain word.
        if case .receiveStream(_, let byteCountMax) = unsafe request {
            pending.byteCountLeft = byteCountMax
        }
        if world.clock == .virtual {
            pending.lent = unsafe LentBytes(request)  // SAFETY: promise 4.
        }
        let descriptor = unsafe request.descriptor  // SAFETY: as above.
        places[id] = descriptor
        if !overfull.isEmpty || world.happens(.fullSubmissionQueue) {
            if overfull.isEmpty { statistics.fullSubmissionQueues += 1 }
            unbegun.append(pending)
            overfull.append(id)
        } else if world.happens(.delayedSubmission) {
            unbegun.append(pending)
            world.after(nanoseconds: world.latency()) { [weak self] in self?.begin(id) }
        } else {
            insert(pending, on: descriptor)
            world.locked { noteChange(of: descriptor) }
        }
    }

    /// Begins what was held back, unless it has ended meanwhile.
    private func begin(_ id: OperationID) {
        guard let index = unbegun.firstIndex(where: { $0.id == id }) else { return }
        let pending = unbegun.remove(at: index)
        let descriptor = unsafe pending.request.descriptor  // SAFETY: reads a plain word.
        insert(pending, on: descriptor)
        noteChange(of: descriptor)
    }

    private func insert(_ pending: Pending, on descriptor: Int32) {
        switch unsafe pending.request {  // SAFETY: reads which case it is.
        case .acceptStream, .receive, .receiveStream, .receiveDatagrams:
            lanes[descriptor, default: Lanes()].reads.append(pending)
        case .connect, .send, .sendMessage, .sendFile, .sendDatagrams:
            lanes[descriptor, default: Lanes()].writes.append(pending)
        case .poll: lanes[descriptor, default: Lanes()].polls.append(pending)
        case .shutdown, .close: preconditionFailure("done at once")
        }
    }

    /// A descriptor has changed: what waits on it is tried again. Called by the world.
    func noteChange(of descriptor: Int32) {
        if !ready.contains(descriptor) { ready.append(descriptor) }
    }

    // MARK: Cancelling

    /// Asks that an operation end.
    public func cancel(_ id: OperationID) {
        guard places[id] != nil else {
            if finished.contains(where: { $0.completion.id == id }) {
                world.statistics.crossedCancellations += 1
            }
            return
        }
        world.trace.add(.cancel, at: world.time, -1, Int64(bitPattern: id.rawValue))
        if mayLose(id), world.draws(.lostCancellation) {
            losing.insert(id)
            let time = world.random.within(10_000_000...200_000_000)
            world.after(nanoseconds: time) { [weak self] in
                if self?.losing.remove(id) != nil { self?.end(id) }
            }
        } else if world.happens(.delayedCancellation) {
            world.after(nanoseconds: world.latency()) { [weak self] in self?.end(id) }
        } else {
            end(id)
        }
    }

    /// Whether a cancellation may lose: a stream has no end by itself.
    private func mayLose(_ id: OperationID) -> Bool {
        guard !losing.contains(id), let descriptor = places[id], let all = lanes[descriptor]
        else { return false }
        let isOnce = { (pending: Pending) in
            pending.id == id && !(unsafe pending.request.isStream)  // SAFETY: reads the case.
        }
        return all.reads.contains(where: isOnce) || all.writes.contains(where: isOnce)
            || all.polls.contains(where: isOnce)
    }

    /// Asks that every operation on a descriptor end.
    public func cancelAll(on descriptor: Int32) {
        for pending in everything(on: descriptor) { cancel(pending.id) }
    }

    /// What waits on a descriptor, begun or not.
    private func everything(on descriptor: Int32) -> [Pending] {
        let all = lanes[descriptor] ?? Lanes()
        // SAFETY: reads a plain word.
        let held = unbegun.filter { unsafe $0.request.descriptor == descriptor }
        return all.reads + all.writes + all.polls + held
    }

    /// Ends an operation that still waits.
    private func end(_ id: OperationID) {
        losing.remove(id)
        guard let descriptor = places[id], let pending = remove(id, on: descriptor) else { return }
        scribble(over: pending)
        finish(pending, -Int32(MILLRACE_ECANCELED))
    }

    /// The descriptor is closed: nothing can be done on it any more.
    private func endAll(on descriptor: Int32) {
        for pending in everything(on: descriptor) {
            _ = remove(pending.id, on: descriptor)
            // SAFETY: promise 4.
            if losing.contains(pending.id), let result = unsafe pending.request.attempt() {
                finish(pending, result)
                continue
            }
            losing.remove(pending.id)
            scribble(over: pending)
            finish(pending, -Int32(MILLRACE_ECANCELED))
        }
    }

    /// Until its last completion the memory is the operation's: what it leaves there is no promise.
    private func scribble(over pending: Pending) {
        guard world.clock == .virtual else { return }
        // SAFETY: promise 4: the memory is the operation's until its last completion is seen.
        if case .receive(_, let memory, let count) = unsafe pending.request {
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xDC, count: count)
        }
    }

    private func remove(_ id: OperationID, on descriptor: Int32) -> Pending? {
        places[id] = nil
        if let index = unbegun.firstIndex(where: { $0.id == id }) {
            return unbegun.remove(at: index)
        }
        guard var all = lanes[descriptor] else { return nil }
        defer { lanes[descriptor] = all.isEmpty ? nil : all }
        if let index = all.reads.firstIndex(where: { $0.id == id }) {
            return all.reads.remove(at: index)
        }
        if let index = all.writes.firstIndex(where: { $0.id == id }) {
            return all.writes.remove(at: index)
        }
        if let index = all.polls.firstIndex(where: { $0.id == id }) {
            return all.polls.remove(at: index)
        }
        return nil
    }

    // MARK: Buffers

    /// Takes a buffer back, and spoils what is in it: who still reads it is found out.
    public func recycle(_ buffer: UInt16) {
        precondition(!freeBuffers.contains(buffer), "a buffer was recycled twice")
        // SAFETY: the buffer is the backend's again.
        let used = unsafe UnsafeMutableRawBufferPointer(
            rebasing: buffers[buffer][..<fills[Int(buffer)]])
        unsafe used.initializeMemory(as: UInt8.self, repeating: 0xDB)  // SAFETY: as above.
        fills[Int(buffer)] = 0
        freeBuffers.append(buffer)
    }

    // MARK: Finishing

    private func finish(_ id: OperationID, _ result: Int32) {
        _ = finish(Completion(id: id, result: result), after: 0)
    }

    /// The last completion of what has waited.
    private func finish(_ pending: Pending, _ result: Int32) {
        if losing.remove(pending.id) != nil { world.count(.lostCancellation) }
        let completion = Completion(id: pending.id, result: result)
        _ = finish(completion, after: pending.lastTime, lent: pending.lent)
    }

    /// Hands a completion over, now or later; when it will be seen.
    private func finish(
        _ completion: Completion, after earliest: UInt64, lent: LentBytes? = nil
    ) -> UInt64 {
        if !completion.hasMore { places[completion.id] = nil }
        var time = max(earliest, world.currentTime)
        if world.happens(.delayedCompletion) { time += world.latency() }
        if completion.buffer != nil && sharesBuffers {
            // Bytes of one buffer are told in their order.
            time = max(time, lastBufferTime)
            lastBufferTime = time
        }
        var index = finished.count
        while index > 0, finished[index - 1].time > time { index -= 1 }  // Ends at the front.
        let first = firstPlace(for: completion)
        if first < index, world.happens(.reorderedCompletion) {
            index = first + world.random.below(index - first)
            time = min(time, finished[index].time)
        }
        let entry = Finished(completion: completion, time: time, lent: lent)
        finished.insert(entry, at: index)
        return time
    }

    /// Where a completion may stand at the earliest: behind those of its operation, and, with bytes
    /// of a shared buffer, behind others of that kind.
    private func firstPlace(for completion: Completion) -> Int {
        let last = finished.lastIndex { other in
            other.completion.id == completion.id
                || sharesBuffers && completion.buffer != nil && other.completion.buffer != nil
        }
        return last.map { $0 + 1 } ?? 0
    }

    // MARK: Waiting

    /// Lets things happen until there is a completion, or the time is over.
    public func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        statistics.waits += 1
        world.statistics.waits += 1
        beforeWait?(self)
        world.onStep?()
        if world.clock == .virtual { passALittle() }
        world.nextDeadline = deadline.nanoseconds
        submitOverfull()
        while true {  // Ends: with a completion or a wake-up, at the deadline, or when stuck.
            // SAFETY: see `bell`.
            let rung = unsafe world.bell.pointee.load(ordering: .acquiring)  // E2
            if world.clock == .virtual { world.runDueEvents() }
            serveReady()
            deliver(into: &batch)
            let isAwake = isWoken.exchange(false, ordering: .acquiring) || world.hasCalledOut  // E1
            world.hasCalledOut = false
            if batch.count > 0 || isAwake || world.happens(.spuriousWakeUp) { return }
            if world.now >= deadline { return }
            let limit = min(deadline, MonotonicInstant(nanoseconds: finished.first?.time ?? .max))
            if world.pass(until: limit, unlessRungSince: rung) || limit < deadline { continue }
            if deadline == .never && world.clock == .virtual
                && !world.waitForForeigners(unlessRungSince: rung)
            {
                whenStuck?()
            }
            return
        }
    }

    /// What the full queue had no room for begins behind what had room.
    private func submitOverfull() {
        let rest = overfull
        overfull = []
        if rest.isEmpty { return }
        world.after(nanoseconds: 1) { [weak self] in
            for id in rest { self?.begin(id) }
        }
    }

    /// A turn of a loop takes time too, and the clock of a machine that slept jumps.
    private func passALittle() {
        world.time += world.random.within(200...2000)
        if world.happens(.clockJump) {
            world.time += 1_000_000_000 << world.random.within(0...13)
        }
    }

    private func deliver(into batch: inout CompletionBatch) {
        let now = world.currentTime
        let areSeveral = finished.count > 1 && finished[1].time <= now
        let hasOverflowed = areSeveral && world.happens(.completionOverflow)
        let most = hasOverflowed ? 1 : batch.capacity
        if hasOverflowed { statistics.completionOverflows += 1 }
        var count = 0
        while count < min(finished.count, most), !batch.isFull, finished[count].time <= now {
            let completion = finished[count].completion
            if finished[count].lent?.isChanged ?? false { world.statistics.changedSends += 1 }
            world.trace.add(
                .completion, at: now, completion.result, Int64(bitPattern: completion.id.rawValue))
            batch.append(completion)
            count += 1
        }
        finished.removeFirst(count)
        world.statistics.completions += UInt64(count)
    }

    /// Interrupts `wait`.
    public func wake() {
        if world.clock == .virtual && world.isForeignThread { world.statistics.escapes += 1 }
        isWoken.store(true, ordering: .releasing)  // E1
        world.ring()
    }

    // MARK: Serving

    private func serveReady() {
        var descriptors: [Int32] = []
        world.locked { swap(&descriptors, &ready) }
        while !descriptors.isEmpty {  // Ends: takes one each turn.
            let index = descriptors.count == 1 ? 0 : world.random.below(descriptors.count)
            let descriptor = descriptors.remove(at: index)
            servePolls(descriptor)
            serveWrites(descriptor)
            serveReads(descriptor)
        }
    }

    private func servePolls(_ descriptor: Int32) {
        for pending in lanes[descriptor]?.polls ?? [] {
            // SAFETY: a poll names no memory.
            guard let events = unsafe pending.request.attempt() else { continue }
            _ = remove(pending.id, on: descriptor)
            finish(pending, events)
        }
    }

    private func serveWrites(_ descriptor: Int32) {
        while let pending = lanes[descriptor]?.writes.first {  // Ends: takes one, or leaves.
            // SAFETY: promise 4.
            guard let result = unsafe pending.request.attempt() else { return }
            _ = remove(pending.id, on: descriptor)
            finish(pending, result)
        }
    }

    private func serveReads(_ descriptor: Int32) {
        while let pending = lanes[descriptor]?.reads.first {  // Ends: takes one, or leaves.
            let isOver: Bool
            switch unsafe pending.request {  // SAFETY: reads which case it is.
            case .receiveStream: isOver = fillBuffers(pending, descriptor)
            case .acceptStream: isOver = acceptAll(pending, descriptor)
            default:
                // SAFETY: promise 4.
                guard let result = unsafe pending.request.attempt() else { return }
                finish(pending, result)
                isOver = true
            }
            guard isOver else { return }
            _ = remove(pending.id, on: descriptor)
        }
    }

    /// Brings completions of a stream of bytes; true if it is over.
    private func fillBuffers(_ pending: Pending, _ descriptor: Int32) -> Bool {
        var pending = pending
        for _ in 0..<Self.streamBudget {
            guard let number = openBuffer(), !world.happens(.noBuffer) else {
                finish(pending, -Int32(MILLRACE_ENOBUFS))
                return true
            }
            let fill = fills[Int(number)]
            // SAFETY: what lies behind the fill is nobody else's.
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffers[number][fill...])
            // SAFETY: as above.
            guard let count = unsafe pending.request.attempt(into: room) else {
                keep(pending, on: descriptor)
                return false
            }
            guard count > 0 else {
                finish(pending, count)
                return true
            }
            pending.byteCountLeft -= Int(count)
            let isOver = pending.byteCountLeft <= 0 || world.happens(.endedStream)
            let isKept = use(number, byteCount: Int(count))
            pending.lastTime = finish(
                Completion(
                    id: pending.id, result: count, buffer: number, hasMore: !isOver,
                    keepsBuffer: isKept), after: pending.lastTime)
            if isOver { return true }
        }
        keep(pending, on: descriptor)
        world.locked { noteChange(of: descriptor) }
        return false
    }

    /// The stream goes on with what has changed of it.
    private func keep(_ pending: Pending, on descriptor: Int32) {
        lanes[descriptor]?.reads[0] = pending
    }

    /// The buffer that receives fill; nil if none is free.
    private func openBuffer() -> UInt16? {
        if let opened { return opened }
        guard let number = freeBuffers.popLast() else { return nil }
        opened = number
        return number
    }

    /// Notes that so many bytes came into the open buffer; whether it is filled further.
    private func use(_ number: UInt16, byteCount: Int) -> Bool {
        fills[Int(number)] += byteCount
        let isKept = sharesBuffers && fills[Int(number)] <= buffers.byteCount / 2
        if !isKept { opened = nil }
        return isKept
    }

    /// Brings accepted connections; true if the stream is over.
    private func acceptAll(_ pending: Pending, _ descriptor: Int32) -> Bool {
        var pending = pending
        for _ in 0..<Self.streamBudget {
            guard let result = unsafe pending.request.attempt() else {  // SAFETY: names no memory.
                keep(pending, on: descriptor)
                return false
            }
            let isOver = result < 0 || world.happens(.endedStream)
            pending.lastTime = finish(
                Completion(id: pending.id, result: result, hasMore: !isOver),
                after: pending.lastTime)
            if isOver { return true }
        }
        keep(pending, on: descriptor)
        world.locked { noteChange(of: descriptor) }
        return false
    }
}
