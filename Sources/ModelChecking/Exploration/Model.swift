// SPDX-License-Identifier: MIT

public import Synchronization

/// The program under test, as the body of `explore` describes it.
///
/// ```swift
/// let result = explore { model in
///     let flag = Atomic(false)
///     let cell = PlainCell(0)
///     model.thread {
///         cell.store(1)
///         flag.store(true, ordering: .releasing)
///     }
///     model.thread {
///         if flag.load(ordering: .acquiring) { model.check(cell.load() == 1) }
///     }
/// }
/// #expect(result.holds)
/// ```
public final class Model {
    let execution: Execution

    init(_ execution: Execution) { self.execution = execution }

    /// Adds a virtual thread, at most seven. It begins when the body of `explore` has returned, and
    /// sees all that the body did.
    public func thread(_ name: String = "", _ body: @escaping () -> Void) {
        execution.addThread(name: name, body)
    }

    /// Adds what is to be run when all threads have ended, and sees all that they did: checks of
    /// the final state. Several run in their order.
    public func finally(_ body: @escaping () -> Void) {
        execution.addFinally(body)
    }

    /// Fails the execution if the condition does not hold. A virtual thread does not go on then.
    public func check(
        _ condition: Bool, _ message: @autoclosure () -> String = "",
        file: StaticString = #fileID, line: UInt32 = #line
    ) {
        if condition { return }
        let text = message()
        let site = CodeSite(file: file, line: line)
        execution.stop(
            .check,
            "\(execution.state.name(of: execution.state.running)): "
                + (text.isEmpty ? "a check does not hold" : text) + " (\(site))")
    }

    /// Lets the calling thread go on only when another one has written to something that it has
    /// read: the way to wait in a loop. See `ModelThreads.yield`.
    public func yield(file: StaticString = #fileID, line: UInt32 = #line) {
        ModelThreads.yield(file: file, line: line)
    }
}

/// What the code under test asks of its thread.
public enum ModelThreads {
    /// Whether the caller is inside a model.
    public static var isModel: Bool { isModelRunning }

    /// The number of the calling virtual thread, from one; zero in what sets up and tears down.
    public static var current: Int { currentExecution?.state.running ?? 0 }

    /// Says that the loop around it waits: the thread goes on when another one has written to
    /// something that it has read since it last wrote. When nobody will, that is a failure. Outside
    /// of a model it does nothing.
    public static func yield(file: StaticString = #fileID, line: UInt32 = #line) {
        guard isModelRunning else { return }
        let site = CodeSite(file: file, line: line)
        _ = modelStep(AtomicOperation(.yield, order: .relaxed, site: site))
    }
}

/// Sleeping on a word, inside a model: as futex(2) does it.
public enum ModelParking {
    /// Sleeps while the word has the expected value, until a wake. With a deadline the sleep may
    /// end at any moment; false says that it did. Only inside a model.
    @unsafe
    public static func wait(
        on word: UnsafeMutablePointer<Atomic<UInt32>>, while expected: UInt32, hasDeadline: Bool,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> Bool {
        var step = AtomicOperation(
            .park, order: .relaxed,
            address: UInt(bitPattern: word), byteCount: 4, site: CodeSite(file: file, line: line))
        step.expected = AtomicBits(low: UInt64(expected))
        step.hasDeadline = hasDeadline
        return modelStep(step).isDone
    }

    /// Wakes at most `count` sleepers, those first that came first; returns how many.
    @unsafe
    @discardableResult
    public static func wake(
        _ word: UnsafeMutablePointer<Atomic<UInt32>>, count: Int,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> Int {
        var step = AtomicOperation(
            .wake, order: .relaxed,
            address: UInt(bitPattern: word), byteCount: 4, site: CodeSite(file: file, line: line))
        step.operand = AtomicBits(low: UInt64(max(0, count)))
        return Int(modelStep(step).value.low)
    }
}
