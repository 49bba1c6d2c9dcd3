// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Waits for whichever of several sources has something first: channels, events, conditions of
/// one's own.
///
/// | Guarantee | `next` / `blockingNext` / `tryNext`                                              |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `tryNext` as the sources' try forms; the others sleep until a source wakes them  |
/// | Fairness  | the look begins behind the source that was taken last: of n sources that always  |
/// |           | have something, each is taken once in n turns                                    |
/// | Cost      | n looks; to sleep, two more rounds of n, a short lock each, and one heap block   |
/// | Memory    | an array of cases; each keeps its source alive                                   |
/// | Threads   | one at a time; any number of selectors and receivers may share a source          |
///
/// Conservation: an element is taken by one look, which is the last thing a turn does, or it is
/// still in its channel. Waking a selector hands it nothing: it looks. If other sources have woken
/// it too, it wakes another of their waiters in its place; so a selector neither loses an element
/// nor keeps a wake-up that it does not use. A turn that throws has taken nothing.
///
/// A channel that is closed and drained is passed over from then on; when all are, the turns end
/// with `closed`. A turn whose task is cancelled, or whose deadline has passed, still takes what is
/// there at once.
///
/// Not for one source: use its own wait. Not to send to whichever channel has a place: a selector
/// only receives.
///
/// Source: the alternation of C. A. R. Hoare's "Communicating Sequential Processes", 1978, and Go's
/// `select`. Theirs enqueue a receiver that takes the element when it is woken, and have to undo
/// the others; ours enqueues only the wish to look again.
///
/// ```swift
/// let numbers = Shared(BoundedChannel<Int>(capacity: 4))
/// let stop = Shared(ManualResetEvent())
/// var selector = Selector<Int?>([
///     .receive(from: numbers) { $0 },
///     .whenSet(stop) { nil },
/// ])
/// _ = numbers.value.trySend(7)
/// print(try selector.blockingNext(until: .never) ?? 0)  // 7
/// ```
@safe
public struct Selector<Output: ~Copyable>: ~Copyable {
    // Invariants: I1  what woke the selector and is not yet answered for is marked `owesWake`
    //             I2  when a turn ends, nothing is marked: the source was taken from, or had
    //                 nothing when it was looked at after the wake, or another was woken for it
    //             I3  outside a turn no node of the selector is queued anywhere
    //
    // Why I2 suffices: a source wakes one waiter for each element. A waiter that looks after its
    // wake and finds nothing has seen that another has claimed the element. One that does not look,
    // or finds an element on its way and does not stay for it, passes the wake on.

    private struct Entry {
        let source: SelectCase<Output>
        var isOver = false
        var owesWake = false
        /// It was announced to, or has the selector's node.
        var isQueued = false
        /// Something is on its way in it.
        var isSoon = false
        var key: UInt64 = 0
    }

    private var entries: [Entry]
    /// Where the next look begins.
    private var cursor = 0

    /// A selector over cases; the first look begins with the first one.
    ///
    /// - Parameter cases: at least one.
    public init(_ cases: [SelectCase<Output>]) {
        precondition(!cases.isEmpty, "a selector without cases would never wake")
        entries = cases.map { Entry(source: $0) }
    }

    /// What is there at once, or nil. `isOver` says whether anything may come.
    public mutating func tryNext() -> Output? {
        switch lookAtAll() {
        case .taken(let output): return output
        case .nothing: return nil
        case .soon: return nil
        case .over: return nil
        }
    }

    /// Whether every source was found closed and drained.
    public var isOver: Bool { entries.allSatisfy { $0.isOver } }

    /// Takes from whichever source has something first; the calling thread sleeps until one has.
    /// Throws `closed` when none will, or `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `next()`")
    public mutating func blockingNext(
        until deadline: MonotonicInstant
    ) throws(ChannelError) -> Output {
        var backoff = Backoff()
        while true {  // Ends with an element, the end, or the deadline.
            switch lookAndPrepare() {
            case .taken(let output): return output
            case .over: throw .closed
            case .soon: backoff.snooze()
            case .wait(let wait):
                wait.park(until: deadline)
                if finish(wait) { continue }
            }
            if MonotonicInstant.now >= deadline {
                passOnAll()
                throw .timedOut
            }
        }
    }
}

// MARK: - A turn

extension Selector where Output: ~Copyable {
    enum Round: ~Copyable {
        case taken(Output)
        case over
        /// Something is on its way: look again, after a pause.
        case soon
        /// Every source has the selector's node: sleep, and finish.
        case wait(SelectWait)
    }

    /// Looks at all sources from the cursor on, until one gives something.
    private mutating func lookAtAll() -> SelectCase<Output>.Look {
        for step in 0..<entries.count {
            let index = (cursor + step) % entries.count
            if let output = look(at: index) { return .taken(output) }
        }
        // Where something is on its way: once more, as the last thing before a pause.
        for index in entries.indices where entries[index].isSoon {
            if let output = look(at: index) { return .taken(output) }
        }
        if entries.allSatisfy({ $0.isOver }) { return .over }
        return entries.contains { $0.isSoon } ? .soon : .nothing
    }

    /// Looks at one source and notes what it says.
    private mutating func look(at index: Int) -> Output? {
        if entries[index].isOver { return nil }
        entries[index].isSoon = false
        switch entries[index].source.look() {
        case .taken(let output):
            cursor = (index + 1) % entries.count
            entries[index].owesWake = false
            passOnAll()
            return output
        case .nothing: entries[index].owesWake = false  // I2
        case .soon: entries[index].isSoon = true
        case .over:
            entries[index].owesWake = false
            entries[index].isOver = true
        }
        return nil
    }

    /// Looks; if nothing is there, announces itself to all sources, looks again, and leaves a node
    /// with each.
    mutating func lookAndPrepare() -> Round {
        while true {  // Repeated only after another thread has changed a source.
            switch lookAtAll() {
            case .taken(let output): return .taken(output)
            case .over: return .over
            case .soon: return .soon
            case .nothing: break
            }
            announceToAll()
            switch lookAtAll() {
            case .taken(let output):
                cancelAll()
                return .taken(output)
            case .nothing: return .wait(enqueueAll())
            case .over: cancelAll()
            case .soon: cancelAll()
            }
        }
    }

    private mutating func announceToAll() {
        for index in entries.indices where !entries[index].isOver {
            entries[index].key = entries[index].source.prepare()
            entries[index].isQueued = true
        }
    }

    private mutating func cancelAll() {
        for index in entries.indices where entries[index].isQueued {
            entries[index].source.cancel(entries[index].key)
            entries[index].isQueued = false
        }
    }

    /// Leaves a node with each source that was announced to. One that has something meanwhile wakes
    /// the sleep before it begins.
    private mutating func enqueueAll() -> SelectWait {
        let wait = SelectWait(nodeCount: entries.count)
        for index in entries.indices where entries[index].isQueued {
            let source = entries[index].source
            let admission = wait.enqueue(index, key: entries[index].key, on: source.enqueue)
            entries[index].isQueued = admission == .queued
            if admission == .granted { wait.signal() }
        }
        return wait
    }

    /// Takes all nodes back. True: a source woke the selector, which looks again.
    mutating func finish(_ wait: SelectWait) -> Bool {
        var isWoken = wait.isWoken
        for index in entries.indices where entries[index].isQueued {
            entries[index].isQueued = false
            if wait.withdraw(index, from: entries[index].source.withdraw) {
                entries[index].owesWake = true  // I1
                isWoken = true
            }
        }
        wait.release()
        return isWoken
    }

    /// Wakes others in the selector's place where it was woken and did not look. (I2)
    mutating func passOnAll() {
        for index in entries.indices where entries[index].owesWake {
            entries[index].owesWake = false
            entries[index].source.passOn()
        }
    }
}

// The waits of tasks. Embedded Swift on Linux has no concurrency runtime.
#if !hasFeature(Embedded)
    extension Selector where Output: ~Copyable {
        /// Takes from whichever source has something first; the task is suspended until one has.
        /// Throws `closed` when none will, or `cancelled`.
        public mutating func next() async throws(ChannelError) -> Output {
            while true {  // Ends with an element, the end, or the cancellation.
                switch lookAndPrepare() {
                case .taken(let output): return output
                case .over: throw .closed
                case .soon: await Task.yield()
                case .wait(let wait):
                    await wait.suspend()
                    if finish(wait) && !Task.isCancelled { continue }
                }
                if Task.isCancelled {
                    // One more look: what woke the selector may have been an element.
                    if let output = tryNext() { return output }
                    passOnAll()
                    throw .cancelled
                }
            }
        }
    }
#endif
