// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops

/// A real backend with one planted fault.
final class FaultyBackend: EventBackend {
    /// What it does wrong; every fault is one that a backend's author could make.
    enum Fault: String, CaseIterable, Sendable {
        case none, dropsCompletions, completesTwice, ignoresCancel, ignoresCancelAll
        case cancelsNeighbours, swapsBuffers, losesBuffers, losesBytes, forgetsMore, hidesErrors
        case losesWakes, neverSleeps, completesBeforeTheEvent
    }

    let name: String
    private let inner: any EventBackend
    private let fault: Fault
    private var batch: CompletionBatch
    private var waiting: [Completion] = []
    private var lastID = OperationID(rawValue: 0)

    init(_ inner: any EventBackend, _ fault: Fault, options: LoopOptions) {
        self.inner = inner
        self.fault = fault
        name = "\(inner.name), which \(fault)"
        batch = CompletionBatch(capacity: options.completionQueueCapacity)
    }

    var buffers: ReceiveBuffers { inner.buffers }

    func attach() throws(SystemError) { try inner.attach() }

    @unsafe
    func submit(_ request: Request, as id: OperationID) {
        // SAFETY: reads the words of the request.
        if fault == .completesBeforeTheEvent, case .receive(_, _, let count) = unsafe request {
            return waiting.append(Completion(id: id, result: Int32(count)))
        }
        unsafe inner.submit(request, as: id)  // SAFETY: the caller vouches for the memory.
        if fault == .cancelsNeighbours { lastID = id }
    }

    func cancel(_ id: OperationID) {
        if fault == .ignoresCancel { return }
        inner.cancel(id)
        if fault == .cancelsNeighbours { inner.cancel(lastID) }
    }

    func cancelAll(on descriptor: Int32) {
        if fault != .ignoresCancelAll { inner.cancelAll(on: descriptor) }
    }

    func recycle(_ buffer: UInt16) {
        if fault != .losesBuffers { inner.recycle(buffer) }
    }

    func wake() {
        if fault != .losesWakes { inner.wake() }
    }

    func wait(until deadline: MonotonicInstant, into outer: inout CompletionBatch) {
        let isHasty = fault == .neverSleeps || !waiting.isEmpty
        // A lost wake-up would keep the loop for ever.
        let limit = min(deadline, .now.advanced(byNanoseconds: 5_000_000_000))
        inner.wait(until: isHasty ? MonotonicInstant(nanoseconds: 0) : limit, into: &batch)
        for index in 0..<batch.count { take(batch[index]) }
        batch.removeAll()
        while !waiting.isEmpty && !outer.isFull { outer.append(waiting.removeFirst()) }
    }

    private func take(_ completion: Completion) {
        let isPlain = !completion.hasMore && completion.buffer == nil
        switch fault {
        case .dropsCompletions where isPlain: return
        case .completesTwice where isPlain: waiting += [completion, completion]
        case .swapsBuffers where waiting.last?.id == completion.id && completion.buffer != nil:
            waiting.insert(completion, at: waiting.count - 1)
        case .losesBytes where completion.buffer != nil && completion.result > 1:
            waiting.append(with(completion) { $0.result -= 1 })
        case .forgetsMore where completion.buffer == nil:
            waiting.append(with(completion) { $0.flags = 0 })
        case .hidesErrors where isPlain && completion.result < 0:
            waiting.append(with(completion) { $0.result = 0 })
        default: waiting.append(completion)
        }
    }

    private func with(
        _ completion: Completion, _ change: (inout Completion) -> Void
    ) -> Completion {
        var changed = completion
        change(&changed)
        return changed
    }
}
