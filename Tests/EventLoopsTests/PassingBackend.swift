// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops
import Glibc

/// A real backend with somebody between it and the loop, who counts, changes a request, or passes
/// over a cancellation.
final class PassingBackend: EventBackend {
    let name: String
    private let inner: any EventBackend
    /// How often the loop waited, and how often with a deadline that is not over already.
    private(set) var waits = 0
    private(set) var sleeps = 0
    /// What came, but for closes; the most in one wait; and the names that closes had.
    private(set) var completions = 0
    private(set) var completionsMax = 0
    private(set) var closes: [OperationID] = []
    /// Streams of bytes are not counted ahead, as on io_uring before Linux 6.17.
    var countsAhead = true
    /// How many cancellations are passed over, as if each came between two shots of its operation.
    var missedCancellations = 0
    /// How many streams of bytes are told at once that there is no buffer.
    var dryStreams = 0
    /// What is cancelled is told that there was no buffer: that came first.
    var isDryAtTheEnd = false
    /// What was sent, and whether a send that is cancelled is told to have taken a byte: that came
    /// first.
    private(set) var sends: [OperationID] = []
    var sendsPrecedeCancellation = false
    /// Called before a buffer is given back.
    var onRecycle: (() -> Void)?
    private var dry: [Completion] = []

    init(_ inner: any EventBackend) {
        self.inner = inner
        name = "\(inner.name), looked at"
    }

    var buffers: ReceiveBuffers { inner.buffers }
    var statistics: BackendStatistics { inner.statistics }

    func attach() throws(SystemError) { try inner.attach() }

    @unsafe
    func submit(_ request: Request, as id: OperationID) {
        switch unsafe request {  // SAFETY: reads the words of the request.
        case .close: closes.append(id)
        case .send: sends.append(id)
        case .receiveStream(let descriptor, _) where !countsAhead:
            // SAFETY: names no memory.
            return unsafe inner.submit(
                .receiveStream(descriptor: descriptor, byteCountMax: 1 << 30), as: id)
        case .receiveStream where dryStreams > 0:
            dryStreams -= 1
            return dry.append(Completion(id: id, result: -ENOBUFS))
        default: break
        }
        unsafe inner.submit(request, as: id)  // SAFETY: the caller vouches for the memory.
    }

    func cancel(_ id: OperationID) {
        if missedCancellations > 0 { missedCancellations -= 1 } else { inner.cancel(id) }
    }

    func cancelAll(on descriptor: Int32) { inner.cancelAll(on: descriptor) }

    func recycle(_ buffer: UInt16) {
        onRecycle?()
        inner.recycle(buffer)
    }

    func wake() { inner.wake() }

    func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        waits += 1
        if deadline.nanoseconds != 0 { sleeps += 1 }
        let before = batch.count
        inner.wait(until: dry.isEmpty ? deadline : MonotonicInstant(nanoseconds: 0), into: &batch)
        while !dry.isEmpty && !batch.isFull { batch.append(dry.removeFirst()) }
        if isDryAtTheEnd || sendsPrecedeCancellation {
            batch.revise(from: before) { completion in
                guard completion.result == -ECANCELED else { return completion }
                var completion = completion
                if isDryAtTheEnd { completion.result = -ENOBUFS }
                if sendsPrecedeCancellation, sends.contains(completion.id) { completion.result = 1 }
                return completion
            }
        }
        completionsMax = max(completionsMax, batch.count - before)
        for index in before..<batch.count where !closes.contains(batch[index].id) {
            completions += 1
        }
    }
}
