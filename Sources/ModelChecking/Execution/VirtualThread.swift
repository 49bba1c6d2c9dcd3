// SPDX-License-Identifier: MIT

internal import CFiberContext

/// A thread of the program under test: a fiber, what it does, and where it stands.
@safe
final class VirtualThread {
    enum Status: UInt8 {
        /// Its next step is known; most can be taken at once.
        case ready
        /// It sleeps on a word.
        case parked
        /// Its body has returned, or there is none.
        case finished
    }

    /// The body in the present execution.
    var body: (() -> Void)?
    var name = ""
    var status = Status.finished
    /// The next step, and the atomic that it uses.
    var pending = AtomicOperation(.begin, order: .relaxed, site: .none)
    var location = -1
    /// What it has read since it last wrote, for repetitions and yields.
    var reads: ContiguousArray<RepeatedRead> = []
    /// How often weak compare-exchanges of the thread may still fail for no reason.
    var spuriousFailuresLeft = 0
    /// The step that woke it, -1 if none did.
    var wakingStep = -1
    private let fiber: OpaquePointer

    init(stackByteCount: Int) {
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
    func prepare(_ body: @escaping () -> Void, name: String, spuriousFailureMax: Int) {
        spuriousFailuresLeft = spuriousFailureMax
        self.body = body
        self.name = name
        reads.removeAll(keepingCapacity: true)
        status = .ready
        location = -1
        wakingStep = -1
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

/// A read that may be repeated: the same place in the code, the same atomic, the same store.
struct RepeatedRead {
    var site: UInt64
    var location: Int32
    var store: Int32
    var count: Int32
}

extension CodeSite {
    /// No place.
    static var none: CodeSite { CodeSite(file: "", line: 0) }
}
