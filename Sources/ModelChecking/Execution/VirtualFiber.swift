// SPDX-License-Identifier: MIT

internal import CFiberContext

/// The fiber of a thread of the program under test, and what it does.
@safe
final class VirtualFiber {
    /// The body in the present execution.
    var body: (() -> Void)?
    /// The fiber itself, for who enters and leaves it at every step.
    let fiber: OpaquePointer

    init(stackByteCount: Int) {
        // SAFETY: answers a fiber or nothing.
        guard let fiber = unsafe millrace_fiber_create(stackByteCount) else {
            preconditionFailure("no memory for the stack of a virtual thread")
        }
        // SAFETY: the fiber is this object's, from here to `deinit`.
        unsafe self.fiber = fiber
    }

    deinit {
        // SAFETY: the fiber is not running: only a scheduler outside of it drops its thread.
        unsafe millrace_fiber_destroy(fiber)
    }

    /// Makes the fiber begin with the body.
    func prepare(_ body: @escaping () -> Void) {
        self.body = body
        // SAFETY: the fiber is not running; its entry takes no argument.
        unsafe millrace_fiber_prepare(fiber, { _ in runBodyOfCurrentThread() }, nil)
    }

    /// Runs a fiber until it suspends or returns.
    @unsafe
    @inline(__always)
    static func resume(_ fiber: OpaquePointer) {
        // SAFETY: the caller holds the object.
        _ = unsafe millrace_fiber_resume(fiber)
    }

    /// Leaves a fiber, which must be the one that runs.
    @unsafe
    @inline(__always)
    static func suspend(_ fiber: OpaquePointer) {
        unsafe millrace_fiber_suspend(fiber)  // SAFETY: as above.
    }
}
