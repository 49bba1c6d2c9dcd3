// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Networking
import Testing

@Suite("Cancellations that come between two shots of an operation")
struct MissedCancellationTests {
    @Test("A listener that was closed stops listening with the next client", arguments: backends)
    func closedListener(_ choice: BackendChoice) throws {
        // Wrong: the port stays taken until the loop ends, and each client is accepted and closed.
        let (left, isRefused) = try LoopGroup.run(
            backend: { options throws(SystemError) in
                let inner = try choice.open(options: options).backend
                return SelectedBackend(backend: ForgetfulBackend(inner), reason: "planted")
            }
        ) { group in
            let loop = group.executors[0].loop
            let listener = try StreamListener(on: loopback)
            let first = try await StreamConnection.connect(to: listener.address)
            try await listener.accept().close()
            // The accept goes on; the close does not reach it.
            listener.close()
            first.close()
            let second = try? await StreamConnection.connect(to: listener.address)
            second?.close()
            let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
            while loop.operationCount > 0 && MonotonicInstant.now < deadline {
                try await LoopTime.sleep(for: .milliseconds(1))
            }
            let left = loop.operationCount
            let third = await code {
                try await StreamConnection.connect(to: listener.address).close()
            }
            return (left, third != 0)
        }
        #expect(left == 0 && isRefused)
    }
}

/// A real backend that passes over the first cancellation of what is under way on the descriptor
/// that accepts, as a kernel does that does not find an operation between two of its shots.
private final class ForgetfulBackend: EventBackend {
    private let inner: any EventBackend
    private var listener: Int32?
    private var isForgetful = true

    init(_ inner: any EventBackend) {
        self.inner = inner
    }

    var name: String { "\(inner.name), forgetful" }
    var buffers: ReceiveBuffers { inner.buffers }

    func attach() throws(SystemError) { try inner.attach() }

    @unsafe
    func submit(_ request: Request, as id: OperationID) {
        // SAFETY: reads the words of the request.
        if case .acceptStream(let descriptor) = unsafe request { listener = descriptor }
        unsafe inner.submit(request, as: id)  // SAFETY: the caller vouches for the memory.
    }

    func cancel(_ id: OperationID) { inner.cancel(id) }

    func cancelAll(on descriptor: Int32) {
        if isForgetful && descriptor == listener {
            isForgetful = false
        } else {
            inner.cancelAll(on: descriptor)
        }
    }

    func recycle(_ buffer: UInt16) { inner.recycle(buffer) }

    func wake() { inner.wake() }

    func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        inner.wait(until: deadline, into: &batch)
    }
}
