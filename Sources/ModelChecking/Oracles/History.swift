// SPDX-License-Identifier: MIT

/// The operations of an execution, which must fit an order that a specification allows.
///
/// One operation comes before another if its end happened before the other's beginning, in the
/// sense of the memory model: not by the clock on the wall, which no thread can see, and which
/// differs between executions that are alike.
///
/// Source: J. Wing, C. Gong, "Testing and Verifying Concurrent Objects", JPDC 1993; the memory of
/// visited states is G. Lowe's, "Testing for Linearizability", CCPE 2017.
public final class History<Specification: SequentialSpecification> {
    private struct Record {
        var operation: Specification.Operation
        var result: Specification.Result?
        var thread: Int
        /// What had happened before the call.
        var call: Clock
        /// The thread's own time at the return.
        var end: Int32 = .max
    }

    private let execution: Execution
    private let specification: Specification
    private var records: [Record] = []

    init(_ execution: Execution, _ specification: Specification) {
        self.execution = execution
        self.specification = specification
    }

    /// Makes an operation and notes what it answered.
    public func record(
        _ operation: Specification.Operation, _ body: () -> Specification.Result
    ) -> Specification.Result {
        let thread = execution.state.running
        let index = records.count
        records.append(
            Record(
                operation: operation, result: nil, thread: thread,
                call: execution.state.memory.clocks[thread]))
        execution.beginOperation()
        let result = body()
        execution.endOperation()
        records[index].result = result
        records[index].end = execution.state.memory.clocks[thread][thread]
        return result
    }

    /// What is wrong with the operations so far, nil if they fit.
    func problem() -> String? {
        precondition(records.count < 64, "a history has at most 63 operations")
        var search = Search(count: records.count)
        for later in records.indices {
            for earlier in records.indices where precedes(earlier, later) {
                search.predecessors[later] |= 1 &<< UInt64(earlier)
            }
        }
        for index in records.indices { search.isFree[index] = mayBeRefused(index, search) }
        if place(&search, done: 0, state: specification.initialState) { return nil }
        let lines = records.map { record in
            "T\(record.thread) \(record.operation) → \(record.result.map { "\($0)" } ?? "nothing")"
        }
        return "no order of the operations fits the specification: "
            + lines.joined(separator: "; ")
    }

    private struct Search {
        var predecessors: [UInt64]
        var isFree: [Bool]
        var visited: [UInt64: Set<Specification.State>] = [:]

        init(count: Int) {
            predecessors = Array(repeating: 0, count: count)
            isFree = Array(repeating: false, count: count)
        }
    }

    private func precedes(_ earlier: Int, _ later: Int) -> Bool {
        if earlier == later { return false }
        let (first, second) = (records[earlier], records[later])
        if first.thread == second.thread { return earlier < later }
        return second.call[first.thread] >= first.end
    }

    /// Whether an operation was refused and another one, which was not, overlaps it.
    private func mayBeRefused(_ index: Int, _ search: Search) -> Bool {
        guard isRefusal(index) else { return false }
        return records.indices.contains { other in
            let isBefore = search.predecessors[index] & (1 &<< UInt64(other)) != 0
            let isAfter = search.predecessors[other] & (1 &<< UInt64(index)) != 0
            return other != index && !isBefore && !isAfter && !isRefusal(other)
        }
    }

    private func isRefusal(_ index: Int) -> Bool {
        guard let result = records[index].result else { return false }
        return specification.mayRefuse(records[index].operation, result)
    }

    /// Whether the operations that are not done can follow in some order. At most as deep as there
    /// are operations.
    private func place(
        _ search: inout Search, done: UInt64, state: Specification.State
    ) -> Bool {
        if done.nonzeroBitCount == records.count { return true }
        if !search.visited[done, default: []].insert(state).inserted { return false }
        for index in records.indices {
            let bit = UInt64(1) &<< UInt64(index)
            if done & bit != 0 || search.predecessors[index] & ~done != 0 { continue }
            guard let result = records[index].result else { continue }
            var next = state
            let fits = specification.apply(records[index].operation, result, to: &next)
            if fits, place(&search, done: done | bit, state: next) { return true }
            if search.isFree[index], place(&search, done: done | bit, state: state) {
                return true
            }
        }
        return false
    }
}

extension Model {
    /// A history whose operations must fit the specification when the execution has ended.
    public func history<Specification: SequentialSpecification>(
        of specification: Specification
    ) -> History<Specification> {
        let history = History(execution, specification)
        execution.addChecker { history.problem() }
        return history
    }

    /// Marks an operation of the code under test: what it read before counts as no repetition
    /// afterwards, and `ModelOptions.soloStepMax` is its bound when it runs alone.
    public func operation<Result>(_ body: () -> Result) -> Result {
        execution.beginOperation()
        defer { execution.endOperation() }
        return body()
    }
}
