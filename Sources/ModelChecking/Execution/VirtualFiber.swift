// SPDX-License-Identifier: MIT

internal import CFiberContext

/// The fiber of a thread of the program under test, and what it does.
@safe
final class VirtualFiber {
    /// The body in the present execution.
    var body: (() -> Void)?
    private let fiber: OpaquePointer

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

    /// Runs the fiber until it suspends or returns.
    func resume() {
        // SAFETY: the fiber lives as long as the object, which its scheduler holds.
        _ = unsafe millrace_fiber_resume(fiber)
    }

    /// Leaves the fiber, which must be the one that runs.
    func suspend() {
        unsafe millrace_fiber_suspend(fiber)  // SAFETY: as above.
    }
}
