// SPDX-License-Identifier: MIT

internal import CFiberContext

// How the code under test reaches the execution it is part of: through a pointer of the OS thread,
// so that each test has its own.

/// Whether the calling thread is inside an execution of a model.
@usableFromInline
var isModelRunning: Bool {
    unsafe millrace_fiber_owner_get() != nil  // SAFETY: only compared.
}

/// The execution that runs on the calling thread.
var currentExecution: Execution? {
    // SAFETY: set by `withCurrent`, which keeps the execution alive.
    guard let owner = unsafe millrace_fiber_owner_get() else { return nil }
    return unsafe Unmanaged<Execution>.fromOpaque(owner).takeUnretainedValue()
}

extension Execution {
    /// Makes this the execution of the calling thread while `body` runs.
    func withCurrent(_ body: () -> Void) {
        precondition(!isModelRunning, "a model cannot be explored inside a model")
        // SAFETY: `self` outlives the call.
        unsafe millrace_fiber_owner_set(Unmanaged.passUnretained(self).toOpaque())
        body()
        millrace_fiber_owner_set(nil)
    }
}

/// The first function of every virtual thread.
func runBodyOfCurrentThread() {
    guard let execution = currentExecution else { return }
    execution.runBody()
}

/// Hands an access of the code under test to the model.
@usableFromInline
func modelStep(_ operation: AtomicOperation) -> AtomicOutcome {
    guard let execution = currentExecution else { return realStep(operation) }
    return execution.take(operation)
}

/// Tells the model that what lies in some memory is gone.
@usableFromInline
func modelForget(address: UInt, byteCount: Int) {
    currentExecution?.state.memory.forget(address..<address + UInt(byteCount))
}

/// Tells the model of a plain access.
@usableFromInline
func modelTouch(_ access: CellAccess, _ address: UInt, isTrivial: Bool, _ site: CodeSite) {
    currentExecution?.touch(access, address, isTrivial: isTrivial, site)
}

/// Tells the model that a plain place is gone.
func modelForgetCell(at address: UInt) {
    currentExecution?.state.cells.forget(address)
}
