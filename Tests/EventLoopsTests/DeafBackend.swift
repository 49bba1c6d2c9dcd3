// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops
import Glibc

/// A real backend whose first stream of bytes never tells how it ended, as io_uring's does now and
/// then after a reset: the operation seems to be under way until it is cancelled.
final class DeafBackend: EventBackend {
    let name: String
    private let inner: any EventBackend
    private var batch: CompletionBatch
    private var waiting: [Completion] = []
    private var stream: OperationID?
    private var isDeaf = false

    init(_ inner: any EventBackend, options: LoopOptions) {
        self.inner = inner
        name = "\(inner.name), hard of hearing"
        batch = CompletionBatch(capacity: options.completionQueueCapacity)
    }

    var buffers: ReceiveBuffers { inner.buffers }

    func attach() throws(SystemError) { try inner.attach() }

    @unsafe
    func submit(_ request: Request, as id: OperationID) {
        // SAFETY: reads the words of the request.
        if stream == nil, case .receiveStream = unsafe request { stream = id }
        unsafe inner.submit(request, as: id)  // SAFETY: the caller vouches for the memory.
    }

    func cancel(_ id: OperationID) {
        guard isDeaf, id == stream else { return inner.cancel(id) }
        isDeaf = false
        waiting.append(Completion(id: id, result: -ECANCELED))
    }

    func cancelAll(on descriptor: Int32) { inner.cancelAll(on: descriptor) }

    func recycle(_ buffer: UInt16) { inner.recycle(buffer) }

    func wake() { inner.wake() }

    func wait(until deadline: MonotonicInstant, into outer: inout CompletionBatch) {
        let isHasty = !waiting.isEmpty
        inner.wait(until: isHasty ? MonotonicInstant(nanoseconds: 0) : deadline, into: &batch)
        for index in 0..<batch.count {
            if batch[index].id == stream && !batch[index].hasMore {
                isDeaf = true
            } else {
                waiting.append(batch[index])
            }
        }
        batch.removeAll()
        while !waiting.isEmpty && !outer.isFull { outer.append(waiting.removeFirst()) }
    }
}
