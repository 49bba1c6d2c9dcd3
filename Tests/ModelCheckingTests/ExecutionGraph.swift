// SPDX-License-Identifier: MIT

@testable import ModelChecking

/// What makes an execution another one: which store each access read, and behind which store each
/// write stands in the modification order.
struct ExecutionGraph: Hashable {
    /// An access by its thread and its place in it; the store that a location begins with is of
    /// thread 0.
    struct Access: Hashable {
        var thread: Int32
        var place: Int32
    }

    private struct Event: Hashable {
        var access: Access
        var source: Access?
        var previous: Access?
    }

    private let events: Set<Event>

    /// The graph of an execution that has ended.
    init(_ state: borrowing ExecutionState) {
        var counts = Array(repeating: Int32(0), count: threadCountMax)
        var accesses: [Int32: Access] = [:]
        var steps: [Int32: LogEntry] = [:]
        for entry in state.log.array where entry.kind != nil && entry.thread > 0 {
            let thread = Int(entry.thread)
            accesses[entry.step] = Access(thread: entry.thread, place: counts[thread])
            steps[entry.step] = entry
            counts[thread] += 1
        }
        let stores = state.memory.stores.array
        let start = Access(thread: 0, place: 0)
        let access = { (step: Int32) in accesses[step] ?? start }
        // Stores may have come in between later: the modification order is that of the end.
        var previous: [Int32: Access] = [:]
        for store in stores where store.thread > 0 && store.previous >= 0 {
            previous[store.step] = access(stores[Int(store.previous)].step)
        }
        events = Set(
            steps.map { step, entry in
                let reads = entry.store >= 0 && entry.mode != .write
                let source = reads ? access(stores[Int(entry.store)].step) : nil
                return Event(access: access(step), source: source, previous: previous[step])
            })
    }
}
