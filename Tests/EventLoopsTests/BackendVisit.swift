// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops

/// A backend without a loop: the test calls it.
@safe
final class BackendVisit {
    let backend: any EventBackend
    private var batch = CompletionBatch(capacity: 256)
    private var index: UInt64 = 0
    private let address = UnsafeMutablePointer<millrace_address>.allocate(capacity: 1)

    init(_ choice: BackendChoice, options: LoopOptions) throws {
        backend = try choice.open(options: options).backend
        try backend.attach()
    }

    convenience init(_ choice: BackendChoice, bufferCount: Int, byteCount: Int) throws {
        var options = LoopOptions()
        options.receiveBufferCount = bufferCount
        options.receiveBufferByteCount = byteCount
        try self.init(choice, options: options)
    }

    // The address is left behind: a connect that failed to end may still name it.

    /// Submits a request; its memory is the caller's matter.
    @unsafe
    func start(_ request: Request) -> OperationID {
        index += 1
        let id = OperationID(rawValue: 1 << 32 | index)
        unsafe backend.submit(request, as: id)  // SAFETY: vouched for by the caller.
        return id
    }

    func acceptStream(_ listener: Int32) -> OperationID {
        unsafe start(.acceptStream(listener: listener))  // SAFETY: no memory.
    }

    func receiveStream(_ descriptor: Int32, byteCountMax: Int) -> OperationID {
        // SAFETY: no memory.
        unsafe start(.receiveStream(descriptor: descriptor, byteCountMax: byteCountMax))
    }

    func poll(_ descriptor: Int32, _ events: UInt32) -> OperationID {
        unsafe start(.poll(descriptor: descriptor, events: events))  // SAFETY: no memory.
    }

    /// Connects; one at a time.
    func connect(_ descriptor: Int32, to peer: millrace_address) -> OperationID {
        // SAFETY: allocated for this, and never freed.
        unsafe address.initialize(to: peer)
        // SAFETY: as above.
        return unsafe start(.connect(descriptor: descriptor, address: address))
    }

    /// What one wait brings that does not sleep.
    func turn() -> [Completion] { wait(until: .now) }

    /// What the next wait brings that brings something; nothing after ten seconds.
    func next() -> [Completion] {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while .now < deadline {  // Ends at the deadline.
            let completions = wait(until: deadline)
            if !completions.isEmpty { return completions }
        }
        return []
    }

    /// What one wait brings.
    func wait(until deadline: MonotonicInstant) -> [Completion] {
        backend.wait(until: deadline, into: &batch)
        var completions: [Completion] = []
        for index in 0..<batch.count { completions.append(batch[index]) }
        batch.removeAll()
        return completions
    }
}
