// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops

/// A backend without a loop.
@safe
final class BareBackend {
    let backend: any EventBackend
    private var batch = CompletionBatch(capacity: 16)
    private var results: [OperationID: Int32] = [:]
    private var nextIndex: UInt64 = 0

    init(options: LoopOptions = LoopOptions()) throws {
        backend = try choice.open(options: options).backend
        try backend.attach()
    }

    /// Submits a request; its memory is the caller's matter.
    @unsafe
    func start(_ request: Request) -> OperationID {
        nextIndex += 1
        let id = OperationID(rawValue: 1 << 32 | nextIndex)
        unsafe backend.submit(request, as: id)  // SAFETY: vouched for by the caller.
        return id
    }

    /// One wait, of a millisecond at most.
    func turn() {
        backend.wait(until: .now.advanced(byNanoseconds: 1_000_000), into: &batch)
        for index in 0..<batch.count where !batch[index].hasMore {
            results[batch[index].id] = batch[index].result
        }
        batch.removeAll()
    }

    /// What became of an operation; nil if that is not known after ten thousand turns.
    func result(of id: OperationID) -> Int32? {
        for _ in 0..<10_000 where results[id] == nil { turn() }
        return results[id]
    }
}
