// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import CLinuxShims
internal import EventLoops

/// One address of a race in the kernel: a socket that connects, and is closed unless it wins.
///
/// Threads: the loop's own. The kernel reads `target` and the handlers read `self` until the
/// attempt is over, so its driver keeps it until `ConnectionRaceDriver.openCount` is zero.
@safe
final class ConnectionAttempt {
    // States: idle → connecting → answered → (adopted | closing) → over
    //
    // Invariants: I1  an operation is under way exactly in `connecting` and `closing`
    //             I2  the descriptor is this attempt's from `start` until `adopted` or `closing`

    enum State { case idle, connecting, answered, closing, over }

    let address: SocketAddress
    private(set) var state = State.idle
    /// What the kernel answered to the connect; a negated errno.
    private(set) var result: Int32 = 0
    /// Why there is no connection to this address.
    var reason: SystemError?

    private let loop: EventLoop
    private let target: UnsafeMutablePointer<millrace_address>
    private var descriptor: Int32 = -1
    private var operation: OperationID?
    private unowned let driver: ConnectionRaceDriver

    init(_ address: SocketAddress, driver: ConnectionRaceDriver) {
        self.address = address
        self.driver = driver
        loop = driver.executor.loop
        unsafe target = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        unsafe target.initialize(to: address.storage)  // SAFETY: just allocated.
    }

    deinit {
        assert(state == .idle || state == .over)
        unsafe target.deallocate()  // SAFETY: no operation is under way; allocated in `init`.
    }

    /// Opens a socket and begins to connect it; the driver is told of the answer.
    func start() throws(SystemError) {
        assert(state == .idle)
        state = .over
        let socket = try Socket(for: address)
        // SAFETY: the driver keeps this object until the operation is over.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: as above; `target` lives as long as this object.
        operation = unsafe loop.submit(
            .connect(descriptor: socket.descriptor, address: target), context: context
        ) { context, _, result, _ in
            // SAFETY: as above.
            let attempt = unsafe Unmanaged<ConnectionAttempt>.fromOpaque(context)
            unsafe attempt.takeUnretainedValue().takeAnswer(result)  // SAFETY: as above.
        }
        guard operation != nil else { throw SystemError(.connect, code: loop.refusalCode) }
        descriptor = socket.release()
        state = .connecting
    }

    private func takeAnswer(_ result: Int32) {
        assert(state == .connecting)
        operation = nil
        state = .answered
        self.result = result
        driver.attemptAnswered(self)
    }

    /// Asks the kernel to end the connect; its answer still comes.
    func cancel() {
        if let operation { loop.cancel(operation) }
    }

    /// Hands the connected socket over.
    func takeDescriptor() -> Int32 {
        assert(state == .answered && result >= 0)
        state = .over
        return descriptor
    }

    /// Closes the socket of an attempt that was answered; the driver is told when it is closed.
    func close() {
        assert(state == .answered)
        state = .closing
        // SAFETY: the driver keeps this object until the operation is over.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: as above; the request names no memory.
        let closing = unsafe loop.submit(.close(descriptor: descriptor), context: context) {
            context, _, _, _ in
            // SAFETY: as above.
            let attempt = unsafe Unmanaged<ConnectionAttempt>.fromOpaque(context)
            unsafe attempt.takeUnretainedValue().takeEnd()  // SAFETY: as above.
        }
        guard closing == nil else { return }
        // No place in the table of operations, or the loop is stopping: closing works always, but
        // nobody is told when it is done.
        loop.close(descriptor)
        takeEnd()
    }

    private func takeEnd() {
        assert(state == .closing)
        state = .over
        driver.attemptEnded()
    }
}
