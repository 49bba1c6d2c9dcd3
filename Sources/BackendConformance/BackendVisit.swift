// SPDX-License-Identifier: MIT

package import AtomicSupport
package import EventLoops

/// A backend without a loop: whoever holds it calls it, on its own thread.
@safe
package final class BackendVisit {
    package let backend: any EventBackend
    private var batch: CompletionBatch
    private var index: UInt64 = 0

    /// Opens a backend and attaches it to this thread.
    package convenience init(_ choice: BackendChoice, options: LoopOptions) throws {
        try self.init(choice.open(options: options).backend, options: options)
    }

    /// Attaches a backend to this thread.
    package init(_ backend: any EventBackend, options: LoopOptions) throws {
        self.backend = backend
        batch = CompletionBatch(capacity: options.completionQueueCapacity)
        try backend.attach()
    }

    /// A name that no operation has had.
    package func newID() -> OperationID {
        index += 1
        return OperationID(rawValue: 1 << 32 | index)
    }

    /// Submits a request; its memory is the caller's matter.
    @unsafe
    @discardableResult
    package func start(_ request: Request) -> OperationID {
        let id = newID()
        unsafe backend.submit(request, as: id)  // SAFETY: vouched for by the caller.
        return id
    }

    /// What one wait brings.
    package func wait(until deadline: MonotonicInstant) -> [Completion] {
        backend.wait(until: deadline, into: &batch)
        let completions = (0..<batch.count).map { batch[$0] }
        batch.removeAll()
        return completions
    }

    /// What one wait brings that does not sleep.
    package func turn() -> [Completion] { wait(until: .now) }

    /// What the next wait brings that brings something; nothing after ten seconds.
    package func next() -> [Completion] {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while .now < deadline {  // Ends at the deadline.
            let completions = wait(until: deadline)
            if !completions.isEmpty { return completions }
        }
        return []
    }
}
