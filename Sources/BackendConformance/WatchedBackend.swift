// SPDX-License-Identifier: MIT

package import AtomicSupport
package import EventLoops

/// A backend around another one: it passes everything on, and lets somebody look at each step.
///
/// Threads: the loop's; `wake`: any.
package final class WatchedBackend: EventBackend, @unchecked Sendable {
    /// Called at the beginning of each wait.
    package var onStep: (() -> Void)?
    /// Told of every operation, and of every completion.
    package var record: OperationRecord?
    /// How many completions came.
    package private(set) var completionCount: UInt64 = 0

    private let inner: any EventBackend

    /// A backend that does what `inner` does.
    package init(_ inner: any EventBackend) {
        self.inner = inner
    }

    package var name: String { inner.name }
    package var buffers: ReceiveBuffers { inner.buffers }
    package var statistics: BackendStatistics { inner.statistics }

    package func attach() throws(SystemError) { try inner.attach() }

    @unsafe
    package func submit(_ request: Request, as id: OperationID) {
        unsafe record?.submit(request, as: id)  // SAFETY: reads plain words.
        unsafe inner.submit(request, as: id)  // SAFETY: promise 4, passed on.
    }

    package func cancel(_ id: OperationID) { inner.cancel(id) }

    package func cancelAll(on descriptor: Int32) { inner.cancelAll(on: descriptor) }

    package func recycle(_ buffer: UInt16) { inner.recycle(buffer) }

    package func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        onStep?()
        let before = batch.count
        inner.wait(until: deadline, into: &batch)
        completionCount += UInt64(batch.count - before)
        guard let record else { return }
        for index in before..<batch.count { record.complete(batch[index]) }
    }

    package func wake() { inner.wake() }
}
