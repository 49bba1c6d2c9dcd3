// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The tasks whose waits are over and that the runtime has not been told of yet. Only the loop's
/// thread touches it.
///
/// Of thousands of tasks, each has left the cache when its wait is over, and the runtime follows
/// four pointers through it to make it ready, each of them a miss that waits for the one before.
/// Here the tasks of one turn are collected, their memory is asked for as they come, and the
/// runtime is told when it has arrived.
@safe
struct Resumptions: ~Copyable {
    @safe
    private struct Entry {
        let continuation: UnsafeContinuation<Int32, Never>
        let result: Int32
    }

    @safe
    private struct State {
        var entries: UnsafeMutablePointer<Entry>
        var capacity: Int
        var count = 0
    }

    private let state: UnsafeMutablePointer<State>

    init() {
        // SAFETY: both are freed in `deinit`.
        unsafe state = .allocate(capacity: 1)
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: 64)
        unsafe state.initialize(to: State(entries: entries, capacity: 64))  // SAFETY: as above.
    }

    deinit {
        assert(isEmpty, "a task was left waiting")
        unsafe state.pointee.entries.deallocate()  // SAFETY: allocated here; entries are trivial.
        unsafe state.deallocate()  // SAFETY: allocated in `init`.
    }

    var isEmpty: Bool { unsafe state.pointee.count == 0 }  // SAFETY: initialized in `init`.

    /// Adds a task; `frame` is an address in the memory of its innermost function, `neighbours` are
    /// those of two objects that it will look at, or zero.
    func append(
        _ continuation: UnsafeContinuation<Int32, Never>, _ result: Int32, frame: UInt,
        neighbours: (UInt, UInt)
    ) {
        let count = unsafe state.pointee.count  // SAFETY: initialized in `init`.
        if unsafe count == state.pointee.capacity { grow() }  // SAFETY: as above.
        // SAFETY: in bounds; whoever gave the continuation resumes it nowhere else.
        unsafe (state.pointee.entries + count).initialize(
            to: Entry(continuation: continuation, result: result))
        unsafe state.pointee.count = count &+ 1  // SAFETY: as above.
        // SAFETY: a continuation is one pointer, to its task; nothing is read.
        let task = unsafe unsafeBitCast(continuation, to: UInt.self)
        Self.prefetch(from: task, lineCount: 5)
        // The functions that called the innermost one lie before it.
        Self.prefetch(from: frame &- 384, lineCount: 8)
        Self.prefetch(from: neighbours.0, lineCount: 2)
        Self.prefetch(from: neighbours.1, lineCount: 3)
    }

    /// Makes the tasks ready.
    func resumeAll() {
        // SAFETY: initialized in `init`; resuming adds nothing, it only makes ready.
        for index in unsafe 0..<state.pointee.count {
            let entry = unsafe state.pointee.entries[index]  // SAFETY: below the count.
            unsafe entry.continuation.resume(returning: entry.result)  // SAFETY: once, here.
        }
        unsafe state.pointee.count = 0  // SAFETY: as above.
    }

    @inline(__always)
    private static func prefetch(from address: UInt, lineCount: Int) {
        for line in 0..<lineCount {
            // SAFETY: need not be an address.
            unsafe millrace_prefetch(UnsafeRawPointer(bitPattern: address &+ UInt(line &* 64)))
        }
    }

    private func grow() {
        let capacity = unsafe state.pointee.capacity * 2  // SAFETY: initialized in `init`.
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        // SAFETY: as many entries are initialized, and there is room for twice as many.
        unsafe entries.moveInitialize(from: state.pointee.entries, count: state.pointee.count)
        unsafe state.pointee.entries.deallocate()  // SAFETY: allocated here, moved out of.
        unsafe state.pointee.entries = unsafe entries  // SAFETY: as above.
        unsafe state.pointee.capacity = capacity  // SAFETY: as above.
    }
}
