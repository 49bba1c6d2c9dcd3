// SPDX-License-Identifier: MIT

public import AtomicSupport

/// The contract between a loop and what it waits on: submit operations, cancel them, wait for
/// completions.
///
/// A backend belongs to one loop and is called only on the loop's thread, except for `wake`. It
/// never calls back: all that happens comes out of `wait`. The promises that the conformance suite
/// checks:
///
/// 1. Every submitted operation completes; after its last completion (without
///    `Completion.hasMore`) its name does not appear again. A submission never fails: what the
///    system refuses completes with the negated errno.
/// 2. `cancel` asks. The operation still completes once more, with `ECANCELED` or with what
///    happened first. A name that is not under way is ignored.
/// 3. `cancelAll(on:)` cancels every operation on a descriptor.
/// 4. Memory named in a request is not touched after the last completion.
/// 5. A stream delivers its bytes in order. One reading operation (accept, receive, stream) and one
///    writing operation (connect, send) may be under way on a descriptor at one time, and any
///    number of polls: of two sends at once io_uring may finish the second first.
/// 6. A buffer that a completion carries belongs to the loop until `recycle`. With
///    `Completion.keepsBuffer` only the bytes that came do, and the backend goes on filling behind
///    them; it is recycled once, after the completion that no longer keeps it.
/// 7. `wait` returns when there is a completion, at the deadline, or after a `wake` that came since
///    the last return, also if that came first. It may return early.
/// 8. A stream may end by itself with a success as its last completion (the kernel does so when the
///    completion queue overflows): it is then submitted again.
/// 9. A socket on which an operation was submitted is closed by `Request.close`. What waits for a
///    poll alone belongs to somebody else, who closes it after the poll's last completion.
///
/// A backend on an interface that tells readiness finds in `Request.attempt(into:)` what to do when
/// a descriptor is ready. Whether all promises are kept, the suite in the module
/// `BackendConformance` says. `Tests/OutsideBackend` is a whole one on poll(2), to copy from.
public protocol EventBackend: AnyObject {
    /// The name that users see and give: "io_uring", "epoll".
    var name: String { get }

    /// The buffers of `Request.receiveStream`.
    var buffers: ReceiveBuffers { get }

    /// What the backend has done.
    var statistics: BackendStatistics { get }

    /// Called once on the loop's thread before anything else.
    func attach() throws(SystemError)

    /// Starts an operation, at once or with the next `wait`.
    @unsafe
    func submit(_ request: Request, as id: OperationID)

    /// Asks that an operation end.
    func cancel(_ id: OperationID)

    /// Asks that every operation on a descriptor end.
    func cancelAll(on descriptor: Int32)

    /// Gives a buffer back.
    func recycle(_ buffer: UInt16)

    /// Waits for completions and appends them; `deadline` in the past only collects.
    func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch)

    /// Makes a `wait` of the loop's thread return. May be called on any thread while the loop
    /// exists.
    func wake()
}

extension EventBackend {
    /// Nothing, for a backend that does not count.
    public var statistics: BackendStatistics { BackendStatistics() }
}
