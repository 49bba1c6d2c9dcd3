// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the gate of wait groups and drain allocators.
enum GatePrograms {
    /// Workers that each do so many pieces of work, and threads that wait for all of it. With
    /// `ends`, the only waiter gives the gate's memory back when its wait has ended.
    static func work(_ pieces: [Int], waiters: Int, ends: Bool = false) -> (Model) -> Void {
        { model in
            let memory = GateMemory()
            let gate = memory.gate
            let cells = pieces.map { _ in PlainCell(0) }
            gate.add(pieces.reduce(0, +))
            for (number, count) in pieces.enumerated() {
                model.thread("worker \(number)") {
                    for piece in 1...count {
                        cells[number].store(piece)
                        gate.subtract(1)
                    }
                }
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let isOver = gate.parkThread(until: .never)
                    model.check(isOver, "a wait without a deadline has given up")
                    for (cell, count) in zip(cells, pieces) { model.check(cell.load() == count) }
                    if ends { memory.end() }
                }
            }
            model.finally {
                if ends { return }
                model.check(gate.count == 0)
                model.check(gate.parkThread(until: .never), "an empty gate holds up")
                memory.end()
            }
        }
    }

    /// Work that is announced while a thread waits, by one who has some under way.
    static func announced() -> (Model) -> Void {
        { model in
            let memory = GateMemory()
            let gate = memory.gate
            let cell = PlainCell(0)
            let handOver = Atomic(0)
            gate.add(1)
            model.thread("parent") {
                gate.add(1)
                handOver.store(1, ordering: .releasing)
                gate.subtract(1)
            }
            model.thread("child") {
                if handOver.load(ordering: .acquiring) == 1 {
                    cell.store(1)
                    gate.subtract(1)
                } else {
                    while handOver.load(ordering: .acquiring) == 0 { model.yield() }
                    cell.store(1)
                    gate.subtract(1)
                }
            }
            model.thread("waiter") {
                _ = gate.parkThread(until: .never)
                model.check(cell.load() == 1, "the wait has ended before the work")
            }
            model.finally { memory.end() }
        }
    }

    /// Waits whose deadlines may pass at any moment, next to work: who gave up has left the list,
    /// who did not has seen the end.
    static func deadlines(waiters: Int) -> (Model) -> Void {
        { model in
            let memory = GateMemory()
            let gate = memory.gate
            let cell = PlainCell(0)
            gate.add(1)
            model.thread("worker") {
                cell.store(1)
                gate.subtract(1)
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let isOver = gate.parkThread(until: MonotonicInstant(nanoseconds: 1))
                    if isOver { model.check(cell.load() == 1) }
                }
            }
            model.finally {
                model.check(gate.count == 0)
                memory.end()
            }
        }
    }

    /// A raw waiter that is withdrawn by another thread while the work ends.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let memory = GateMemory()
            let gate = memory.gate
            let wait = RawWait()
            let outcome = OutcomeBox()
            gate.add(1)
            model.thread("worker") { gate.subtract(1) }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: gate) }
            model.thread("canceller") { outcome.value.withdrawal = wait.withdraw(from: gate) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                // Nobody is left in the list: the next end of work finds it empty.
                gate.add(1)
                gate.subtract(1)
                model.check(gate.count == 0)
                model.check(outcome.value.isGranted(wakes: wait.wakeCount) == isGranted)
                memory.end()
            }
        }
    }
}

/// A gate in memory whose end is watched.
@safe
final class GateMemory {
    let gate: ZeroGate
    private let base: UnsafeMutableRawPointer

    init() {
        let byteCount = ZeroGate.byteCount
        // SAFETY: given back in `end`, which each program calls once.
        unsafe base = ModelHeap.allocate(byteCount: byteCount, alignment: CacheLine.byteCount)
        // SAFETY: fresh memory.
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        unsafe gate = ZeroGate(at: base)  // SAFETY: as above.
    }

    /// Gives the memory back: nobody may touch the gate any more.
    func end() { unsafe ModelHeap.deallocate(base) }  // SAFETY: the model watches it.
}

/// What became of a raw wait, written by the model's threads, which are fibers of one thread.
final class OutcomeBox {
    var value = RawOutcome()
}

@Suite("Models of ZeroGate, the gate of WaitGroup and DrainAllocator")
struct GateModelTests {
    @Test(
        "who waits passes when all is done, and has seen it all",
        arguments: [([1], 1), ([2], 1), ([1, 1], 1), ([3], 1), ([1], 2)])
    func work(pieces: [Int], waiters: Int) {
        // Wrong: a wait ends early, without an edge, or never.
        let result = exhaust(pieces, waiters, program: GatePrograms.work(pieces, waiters: waiters))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("whose wait has ended may free the gate", arguments: [[1], [1, 1], [2]])
    func end(pieces: [Int]) {
        // Wrong: the last subtract touches the gate after its waiter has gone on.
        let result = exhaust(pieces, program: GatePrograms.work(pieces, waiters: 1, ends: true))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a count that never falls to zero does not end a wait")
    func announced() {
        // Wrong: a subtract ends the wait while another piece is under way.
        let result = exhaust(program: GatePrograms.announced())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a deadline and a grant meet")
    func deadline() {
        // Wrong: a wait that has given up is granted, or its node stays in the list.
        let result = exhaust(program: GatePrograms.deadlines(waiters: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("deadlines of two waiters and a grant meet")
    func deadlines() {
        // Wrong: as above, or one that gives up takes the other's waiting bit away.
        let result = exhaustAroundLock(program: GatePrograms.deadlines(waiters: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a withdrawal and a grant meet")
    func withdrawal() {
        // Wrong: a raw waiter is woken and withdrawn, or neither.
        let result = exhaust(program: GatePrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
