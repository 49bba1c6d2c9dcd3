// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The jobs that are ready on one loop, first in first out: a ring that grows. Only the loop's
/// thread touches it, and what changes lies behind a pointer: a property of a class would be
/// checked for overlapping accesses with every job.
@safe
struct JobQueue: ~Copyable {
    // Invariants: I1  the places head ..< head + count, modulo the capacity, are initialized
    //             I2  the capacity is a power of two

    @safe
    private struct State {
        var slots: UnsafeMutablePointer<LoopTask>
        var capacity: Int
        var head = 0
        var count = 0
    }

    private let state: UnsafeMutablePointer<State>

    init() {
        // SAFETY: both are freed in `deinit`.
        unsafe state = .allocate(capacity: 1)
        let slots = UnsafeMutablePointer<LoopTask>.allocate(capacity: 256)
        unsafe state.initialize(to: State(slots: slots, capacity: 256))  // SAFETY: just allocated.
    }

    deinit {
        unsafe state.pointee.slots.deallocate()  // SAFETY: allocated here; jobs are trivial.
        unsafe state.deallocate()  // SAFETY: allocated in `init`.
    }

    var count: Int { unsafe state.pointee.count }  // SAFETY: initialized in `init`.

    func append(_ job: LoopTask) {
        // SAFETY: initialized in `init`, and the loop's thread alone uses it.
        unsafe Self.append(job, to: &state.pointee)
    }

    func popFirst() -> LoopTask? {
        unsafe Self.popFirst(from: &state.pointee)  // SAFETY: as above.
    }

    private static func append(_ job: LoopTask, to state: inout State) {
        if state.count == state.capacity { grow(&state) }
        let place = (state.head &+ state.count) & (state.capacity &- 1)
        unsafe (state.slots + place).initialize(to: job)  // SAFETY: in bounds and free (I1).
        state.count &+= 1
    }

    private static func popFirst(from state: inout State) -> LoopTask? {
        guard state.count > 0 else { return nil }
        let job = unsafe state.slots[state.head]  // SAFETY: initialized (I1).
        state.head = (state.head &+ 1) & (state.capacity &- 1)
        state.count &-= 1
        if state.count >= aheadDistance {
            let ahead = (state.head &+ aheadDistance &- 1) & (state.capacity &- 1)
            unsafe prefetch(state.slots[ahead])  // SAFETY: initialized (I1).
        }
        return job
    }

    /// How many jobs ahead a job's memory is asked for: of thousands of tasks, each has left the
    /// cache when its turn comes.
    private static var aheadDistance: Int { 3 }

    @inline(__always)
    private static func prefetch(_ task: LoopTask) {
        // SAFETY: a job is one pointer; the lines are asked for and not read.
        let bits = unsafe unsafeBitCast(task.job, to: UInt.self)
        for line in 0..<4 {
            // SAFETY: as above.
            unsafe millrace_prefetch(UnsafeRawPointer(bitPattern: bits &+ UInt(line &* 64)))
        }
    }

    private static func grow(_ state: inout State) {
        let slots = UnsafeMutablePointer<LoopTask>.allocate(capacity: state.capacity * 2)
        for offset in 0..<state.count {
            let place = (state.head + offset) & (state.capacity - 1)
            // SAFETY: both are in bounds; the source is initialized (I1).
            unsafe (slots + offset).initialize(to: state.slots[place])
        }
        unsafe state.slots.deallocate()  // SAFETY: allocated here; jobs are trivial.
        unsafe state.slots = unsafe slots
        state.capacity *= 2
        state.head = 0
    }
}

/// A job of the Swift runtime, and in which of the loop's two roles it came.
struct LoopTask {
    let job: UnownedJob
    let isIsolated: Bool
}
