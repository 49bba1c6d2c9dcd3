// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

/// A register that is written and read.
private struct Register: SequentialSpecification {
    enum Operation {
        case write(Int)
        case read
    }

    var initialState: Int { 0 }

    func apply(_ operation: Operation, _ result: Int, to state: inout Int) -> Bool {
        switch operation {
        case .write(let value):
            state = value
            return true
        case .read:
            return result == state
        }
    }
}

/// A place that one at a time may take, by tries.
private struct TryPlace: SequentialSpecification {
    enum Operation {
        case take
        case give
    }

    let isWeak: Bool
    var initialState: Bool { false }

    func apply(_ operation: Operation, _ result: Bool, to isTaken: inout Bool) -> Bool {
        switch operation {
        case .take:
            let expected = !isTaken
            isTaken = true
            return result == expected
        case .give:
            isTaken = false
            return result
        }
    }

    func mayRefuse(_ operation: Operation, _ result: Bool) -> Bool { isWeak && !result }
}

@Suite("Linearizability, progress, audit")
struct OracleTests {
    @Test("a location is a register, two locations that pretend to be one are not")
    func linearizability() {
        // Wrong: wrong answers that no check looks at pass, or right ones do not.
        func register(_ ordering: AtomicStoreOrdering, isSplit: Bool) -> Exploration {
            explore(.exhaustive) { model in
                let words = Words()
                let history = model.history(of: Register())
                model.thread {
                    _ = history.record(.write(1)) {
                        words.x.store(1, ordering: ordering)
                        if isSplit { words.y.store(1, ordering: ordering) }
                        return 0
                    }
                }
                model.thread {
                    _ = history.record(.read) { words.x.load(ordering: .acquiring) }
                    _ = history.record(.read) {
                        isSplit
                            ? words.y.load(ordering: .acquiring)
                            : words.x.load(ordering: .acquiring)
                    }
                }
            }
        }
        #expect(register(.releasing, isSplit: false).holds)
        #expect(register(.releasing, isSplit: true).failure?.kind == .notLinearizable)
    }

    @Test("a refusal is allowed while another operation is under way, if the specification says so")
    func refusals() {
        // Wrong: the weaker promise cannot be told from the stronger one, or allows everything.
        func place(isWeak: Bool, isOverlapping: Bool) -> Exploration {
            explore(.exhaustive) { model in
                let words = Words()
                let history = model.history(of: TryPlace(isWeak: isWeak))
                // Refuses while the other thread is in the middle of its operation.
                let take: () -> Void = {
                    _ = history.record(.take) {
                        if words.y.exchange(1, ordering: .acquiringAndReleasing) == 1 {
                            return false
                        }
                        let isFree = words.x.exchange(1, ordering: .acquiringAndReleasing) == 0
                        words.y.store(0, ordering: .releasing)
                        return isFree
                    }
                }
                model.thread {
                    take()
                    if !isOverlapping { words.z.store(1, ordering: .releasing) }
                }
                model.thread {
                    if !isOverlapping {
                        while words.z.load(ordering: .acquiring) == 0 { model.yield() }
                        words.y.store(1, ordering: .relaxed)
                        _ = history.record(.give) {
                            words.x.store(0, ordering: .releasing)
                            return true
                        }
                    }
                    take()
                }
            }
        }
        // Whoever comes second is refused, rightly: the place is taken.
        #expect(place(isWeak: true, isOverlapping: true).holds)
        // Refused although the place is free and nobody else is inside.
        let late = place(isWeak: true, isOverlapping: false)
        #expect(late.failure?.kind == .notLinearizable, "\(late)")
    }

    @Test("an operation that needs another thread does not end alone")
    func soloProgress() {
        // Wrong: a lock passes for lock-free.
        func counting(isLockFree: Bool) -> Exploration {
            let options = ModelOptions { $0.soloStepMax = 10 }
            return explore(.random(seed: 1, iterations: 300), options: options) { model in
                let words = Words()
                for _ in 0..<2 {
                    model.thread {
                        model.operation {
                            if isLockFree {
                                words.y.wrappingAdd(1, ordering: .relaxed)
                                return
                            }
                            while words.x.exchange(1, ordering: .acquiring) == 1 {
                                model.yield()
                            }
                            words.y.wrappingAdd(1, ordering: .relaxed)
                            words.x.store(0, ordering: .releasing)
                        }
                    }
                }
            }
        }
        #expect(counting(isLockFree: true).holds)
        #expect(counting(isLockFree: false).failure?.kind == .noProgress)
    }

    @Test("the audit kills what is needed and names what is not")
    func auditing() {
        // Wrong: an ordering that is too weak, or stronger than needed, is not told.
        let report = audit(.exhaustive) { model in
            let words = Words()
            let cell = PlainCell(0)
            model.thread {
                cell.store(1)
                words.x.store(1, ordering: .releasing)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                if words.x.load(ordering: .acquiring) == 1 { model.check(cell.load() == 1) }
            }
        }
        #expect(report.baseline.holds)
        #expect(report.weakenings.count == 3)
        #expect(report.survivors.count == 1)
        #expect(report.survivors.first?.operation == "store")
        #expect(report.survivors.first?.exploration.isExhaustive == true)
        #expect("\(report)".contains("releasing → relaxed killed"))
    }
}
