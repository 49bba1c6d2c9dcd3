// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the oneshot.
enum OneshotPrograms {
    /// How a thread asks for the value.
    enum Receiving {
        /// Once.
        case trying
        /// Until it is there.
        case waiting
        /// Until it is there, or for a time that may end at any moment.
        case waitingInTime
    }

    /// Setters, receivers, and a thread that closes if `closes` says so. What is set is a cell that
    /// its setter has written before.
    static func exchange(
        setters: Int, _ receivers: [Receiving], closes: Bool = false
    ) -> (Model) -> Void {
        { model in
            let oneshot = Oneshot<PlainCell<Int>>()
            let accepted = Tally()
            let received = Tally()
            let closed = Tally()
            for number in 0..<setters {
                model.thread("setter \(number)") {
                    let cell = PlainCell(0)
                    cell.store(number + 1)
                    let refused = oneshot.set(cell)
                    if refused == nil { accepted.add(number + 1) }
                }
            }
            for (number, receiving) in receivers.enumerated() {
                model.thread("receiver \(number)") {
                    let (value, error) = receive(from: oneshot, receiving)
                    if let value { received.add(value.load()) }
                    let isInTime = receiving != .waitingInTime
                    model.check(error != .timedOut || !isInTime, "out of a time that is endless")
                    model.check(error != .closed || closes, "closed by nobody")
                    model.check(error != .taken || receivers.count > 1, "taken by nobody")
                }
            }
            if closes { model.thread("closer") { if oneshot.close() { closed.add(1) } } }
            model.finally {
                let outcomes = accepted.values.count + closed.values.count
                model.check(outcomes == (setters > 0 || closes ? 1 : 0), "set or closed twice")
                let rest = oneshot.tryReceive()
                if let rest { received.add(rest.load()) }
                model.check(received.values == accepted.values, "lost or doubled")
                let late = oneshot.set(PlainCell(9))
                model.check(late != nil || outcomes == 0, "set a second time")
            }
        }
    }

    private static func receive(
        from oneshot: borrowing Oneshot<PlainCell<Int>>, _ receiving: Receiving
    ) -> (PlainCell<Int>?, OneshotError?) {
        if receiving == .trying { return (oneshot.tryReceive(), nil) }
        let deadline =
            receiving == .waiting ? MonotonicInstant.never : MonotonicInstant(nanoseconds: 1)
        do throws(OneshotError) {
            return (try oneshot.blockingReceive(until: deadline), nil)
        } catch {
            return (nil, error)
        }
    }

    /// What the closer did before is seen by a receiver that is told so.
    static func closing() -> (Model) -> Void {
        { model in
            let oneshot = Oneshot<Int>()
            let cell = PlainCell(0)
            model.thread("closer") {
                cell.store(1)
                oneshot.close()
            }
            model.thread("receiver") {
                do throws(OneshotError) {
                    _ = try oneshot.blockingReceive(until: .never)
                    model.check(false, "received what nobody set")
                } catch {
                    model.check(error == .closed)
                    model.check(cell.load() == 1)
                }
            }
        }
    }

    /// A value that nobody takes ends with the oneshot.
    static func unreceived() -> (Model) -> Void {
        { model in
            let cell = PlainCell(1)
            let oneshot = Oneshot<WatchedValue>()
            model.thread("setter") { _ = oneshot.set(WatchedValue(cell)) }
            model.thread("setter") { _ = oneshot.set(WatchedValue(cell)) }
            model.finally {
                model.check(WatchedValue.livingCount(cell) == 1, "lives or died twice")
            }
        }
    }

    /// A raw waiter that another thread withdraws while a value is set.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let oneshot = Oneshot<Int>()
            let wait = RawWait()
            let outcome = OutcomeBox()
            model.thread("setter") { _ = oneshot.set(1) }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: oneshot) }
            model.thread("canceller") {
                outcome.value.withdrawal = wait.withdraw(from: oneshot)
            }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                let value = oneshot.tryReceive()
                model.check(value == 1, "a wait has taken the value")
            }
        }
    }

    /// Operations whose answers must fit an order.
    static func history(_ threads: [[OneValue.Operation]]) -> (Model) -> Void {
        { model in
            let oneshot = Oneshot<Int>()
            let history = model.history(of: OneValue())
            for operations in threads {
                model.thread {
                    for operation in operations {
                        _ = history.record(operation) {
                            switch operation {
                            case .set(let value): .isDone(oneshot.set(value) == nil)
                            case .close: .isDone(oneshot.close())
                            case .tryReceive: .value(oneshot.tryReceive())
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A value whose ends are counted.
struct WatchedValue: ~Copyable {
    private let count: PlainCell<Int>

    init(_ count: PlainCell<Int>) { self.count = count }

    deinit { count.store(count.load() + 1) }

    /// How many of two values have died: the one that was refused, and no other.
    static func livingCount(_ count: PlainCell<Int>) -> Int { 2 - (count.load() - 1) }
}

/// A place that is filled or closed once, and emptied once.
struct OneValue: SequentialSpecification {
    enum Operation {
        case set(Int)
        case close
        case tryReceive
    }

    enum Answer {
        case isDone(Bool)
        case value(Int?)
    }

    enum State: Hashable {
        case empty
        case full(Int)
        case taken
        case closed
    }

    var initialState: State { .empty }

    func apply(_ operation: Operation, _ result: Answer, to state: inout State) -> Bool {
        switch (operation, result) {
        case (.set(let value), .isDone(let isDone)):
            if state != .empty { return !isDone }
            state = .full(value)
            return isDone
        case (.close, .isDone(let isDone)):
            if state != .empty { return !isDone }
            state = .closed
            return isDone
        case (.tryReceive, .value(let value)):
            guard case .full(let held) = state else { return value == nil }
            state = .taken
            return value == held
        default: return false
        }
    }

    /// A setter between claim and publication holds receivers up.
    func mayRefuse(_ operation: Operation, _ result: Answer) -> Bool {
        if case .value(nil) = result { return true }
        return false
    }
}

@Suite("Models of Oneshot")
struct OneshotModelTests {
    @Test(
        "one setter wins and one receiver takes",
        arguments: [
            (1, [.trying]), (1, [.waiting]), (2, [.waiting]), (1, [.waitingInTime]),
            (2, [.trying, .trying]), (1, [.waiting, .trying]), (1, [.waitingInTime, .trying]),
        ] as [(Int, [OneshotPrograms.Receiving])])
    func exchange(setters: Int, receivers: [OneshotPrograms.Receiving]) {
        // Wrong: a value is lost, doubled or handed over without an edge, or a receiver sleeps on.
        let result = exhaust(
            setters, receivers,
            program: OneshotPrograms.exchange(setters: setters, receivers))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "a set and a close meet",
        arguments: [(1, [.trying]), (1, [.waiting]), (2, [.trying]), (0, [.waitingInTime])]
            as [(Int, [OneshotPrograms.Receiving])])
    func closing(setters: Int, receivers: [OneshotPrograms.Receiving]) {
        // Wrong: an accepted value is lost to a close, or a receiver is not told of it.
        let result = exhaust(
            setters, receivers,
            program: OneshotPrograms.exchange(setters: setters, receivers, closes: true))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("several receivers wait")
    func waiters() {
        // Wrong: one of them sleeps on, or both have the value.
        let program = OneshotPrograms.exchange(setters: 1, [.waiting, .waiting])
        let result = exhaustAroundLock(program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("who is told of the close has seen what came before it")
    func closingEdge() {
        // Wrong: the close is known and what was done before it is not.
        let result = exhaust(program: OneshotPrograms.closing())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a value that nobody took ends with the oneshot")
    func unreceived() {
        // Wrong: it leaks, or the loser's value is kept.
        let result = exhaust(program: OneshotPrograms.unreceived())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a withdrawal and a value meet")
    func withdrawal() {
        // Wrong: a raw waiter is woken and withdrawn, or neither, or takes the value along.
        let result = exhaust(program: OneshotPrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the answers fit an order")
    func linearizability() {
        // Wrong: two setters are accepted, or a value is there before it was set.
        let result = exhaust(
            program: OneshotPrograms.history([
                [.set(1), .tryReceive], [.set(2), .tryReceive], [.close, .tryReceive],
            ]))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("set, close and tryReceive end alone while nobody waits")
    func soloProgress() {
        // Wrong: one of them waits for somebody who has stalled.
        let options = ModelOptions { $0.soloStepMax = 20 }
        let result = explore(
            .random(seed: 1, iterations: 10_000), options: options,
            program: OneshotPrograms.history([
                [.set(1), .tryReceive], [.set(2), .tryReceive], [.close, .tryReceive],
            ]))
        #expect(result.holds, "\(result)")
    }
}
