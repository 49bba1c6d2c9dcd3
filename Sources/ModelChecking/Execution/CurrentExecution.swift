// SPDX-License-Identifier: MIT

internal import CFiberContext

// How the code under test reaches the execution it is part of: through a pointer of the OS thread,
// so that each test has its own.

/// Whether the calling thread is inside an execution of a model.
@usableFromInline
var isModelRunning: Bool {
    unsafe millrace_fiber_owner_get() != nil  // SAFETY: only compared.
}

/// The state of the execution that runs on the calling thread.
@unsafe
private var currentState: UnsafeMutablePointer<ExecutionState>? {
    @inline(__always) get {
        // SAFETY: set by `withCurrent`, which keeps the execution alive.
        unsafe millrace_fiber_owner_get()?.assumingMemoryBound(to: ExecutionState.self)
    }
}

/// Whether locks are single steps in the execution that runs on the calling thread.
var areLocksSteps: Bool {
    // SAFETY: the execution is alive while its code runs.
    unsafe currentState?.pointee.options.locksAreSteps ?? false
}

/// The execution that runs on the calling thread.
var currentExecution: Execution? {
    // SAFETY: the execution is alive while its code runs.
    unsafe currentState?.pointee.execution?.takeUnretainedValue()
}

extension Execution {
    /// Makes this the execution of the calling thread while `body` runs.
    func withCurrent(_ body: () -> Void) {
        precondition(!isModelRunning, "a model cannot be explored inside a model")
        unsafe millrace_fiber_owner_set(place)  // SAFETY: `self` outlives the call.
        body()
        millrace_fiber_owner_set(nil)
    }
}

/// The first function of every virtual thread.
func runBodyOfCurrentThread() {
    guard let execution = currentExecution else { return }
    execution.runBody()
}

/// Hands an access of the code under test to the model: waits for the explorer to choose this
/// thread, and answers what the access did.
///
/// This and what it calls is most of what a step costs: no count is taken of any object, and no
/// access to the state is open while the fiber is left.
@usableFromInline
func modelStep(_ operation: borrowing AtomicOperation) -> AtomicOutcome {
    // SAFETY: the execution is alive while its code runs.
    guard let state = unsafe currentState else { return realStep(operation) }
    let isAllowed = unsafe state.pointee.announce(operation)  // SAFETY: as above.
    // SAFETY: as above; a thread's fiber is the execution's.
    if let fiber = unsafe state.pointee.threads[state.pointee.running].fiber {
        unsafe VirtualFiber.suspend(fiber)  // SAFETY: the running thread's fiber runs.
    } else if isAllowed {
        unsafe state.pointee.takeAlone()  // SAFETY: as above.
    }
    return unsafe state.pointee.outcome  // SAFETY: as above.
}

/// Tells the model that what lies in some memory is gone.
@usableFromInline
func modelForget(address: UInt, byteCount: Int) {
    // SAFETY: the execution is alive while its code runs.
    unsafe currentState?.pointee.memory.forget(address..<address + UInt(byteCount))
}

/// Tells the model of a plain access.
@usableFromInline
func modelTouch(_ access: CellAccess, _ address: UInt, isTrivial: Bool, _ site: CodeSite) {
    // SAFETY: the execution is alive while its code runs.
    guard let state = unsafe currentState else { return }
    // SAFETY: as above.
    let isAllowed = unsafe state.pointee.touch(access, address, isTrivial: isTrivial, site)
    if !isAllowed { currentExecution?.halt() }
}

/// Tells the model that a plain place is gone.
func modelForgetCell(at address: UInt) {
    unsafe currentState?.pointee.cells.forget(address)  // SAFETY: as above.
}
