// SPDX-License-Identifier: MIT

internal import CLinuxShims
public import EventLoops

/// A set of signals. signal(7).
public struct SignalSet: OptionSet, Sendable {
    /// Bit n stands for signal n.
    public let rawValue: UInt64

    /// The set with the given bits.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// SIGHUP: by custom, a server reads its files again.
    public static let hangUp = SignalSet(rawValue: 1 << UInt64(MILLRACE_SIGHUP))
    /// SIGINT: Ctrl-C.
    public static let interrupt = SignalSet(rawValue: 1 << UInt64(MILLRACE_SIGINT))
    /// SIGTERM.
    public static let terminate = SignalSet(rawValue: 1 << UInt64(MILLRACE_SIGTERM))

    var mask: UInt64 { rawValue }
}

/// Signals as values, one after the other, by signalfd(2). The signals must be blocked in every
/// thread: name them in `LoopGroup.run(signals:)`.
///
/// Use it in tasks on the loop that it was opened on, one at a time.
public final class SignalStream: @unchecked Sendable {
    private let descriptor: Int32
    private let suspension: Suspension

    /// Opens a stream of the signals, on the calling thread's loop.
    public init(_ signals: SignalSet) throws(SystemError) {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("a signal stream is opened on a loop")
        }
        let descriptor = millrace_signalfd_open(signals.mask)
        guard descriptor >= 0 else { throw SystemError(.signals, code: -descriptor) }
        self.descriptor = descriptor
        suspension = Suspension(executor)
    }

    deinit {
        _ = millrace_close(descriptor)
    }

    /// The next signal. Throws `ECANCELED` when the task is cancelled.
    public func next() async throws(SystemError) -> SignalSet {
        precondition(suspension.executor.loop.isCurrent, "a signal stream is used on its loop")
        while true {  // Ends with a signal or a cancellation.
            let number = millrace_signalfd_read(descriptor)
            if number > 0 { return SignalSet(rawValue: 1 << UInt64(number)) }
            guard number == -Int32(MILLRACE_EAGAIN) else {
                throw SystemError(.signals, code: -number)
            }
            // SAFETY: the request names no memory.
            let result = unsafe await suspension.perform(
                .poll(descriptor: descriptor, events: UInt32(MILLRACE_POLLIN)))
            if result < 0 { throw SystemError(.signals, code: -result) }
        }
    }
}
