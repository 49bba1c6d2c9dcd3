// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import ModelChecking
import Testing

/// A queue without bound whose pop may answer "a push is under way": -2. Empty is -1.
private struct IntrusiveFIFO: SequentialSpecification {
    enum Operation {
        case push(Int)
        case pop
    }

    var initialState: [Int] { [] }

    func apply(_ operation: Operation, _ result: Int, to queue: inout [Int]) -> Bool {
        switch operation {
        case .push(let element):
            queue.append(element)
            return true
        case .pop:
            return result == (queue.isEmpty ? -1 : queue.removeFirst())
        }
    }

    func mayRefuse(_ operation: Operation, _ result: Int) -> Bool { result == -2 }
}

@Suite("Models of IntrusiveMPSCQueue")
struct IntrusiveQueueModelTests {
    /// A node and what it carries, which is watched.
    private final class Job {
        let memory: SharedBlock
        let number: Int
        let content = PlainCell(0)

        init(_ number: Int) {
            memory = SharedBlock(byteCount: CacheLine.byteCount)
            self.number = number
            unsafe node.initialize(to: IntrusiveMPSCNode())  // SAFETY: fresh memory.
        }

        var node: UnsafeMutablePointer<IntrusiveMPSCNode> {
            unsafe memory.pointer(at: 0, to: IntrusiveMPSCNode.self)  // SAFETY: in its block.
        }
    }

    /// Producers that push so many nodes, and a consumer that pops so often; with `again`, it
    /// pushes what it popped once more.
    private static func traffic(
        _ pushes: [Int], pops: Int, again: Bool = false
    ) -> (Model) -> Void {
        { model in
            let queue = IntrusiveMPSCQueue()
            let history = model.history(of: IntrusiveFIFO())
            let jobs = pushes.enumerated().flatMap { producer, count in
                (0..<count).map { Job(10 * producer + $0) }
            }
            let taken = Tally()
            func pop() -> Job? {
                var found: Job?
                _ = history.record(.pop) {
                    switch unsafe queue.pop() {  // SAFETY: jobs alone are in the queue.
                    case .node(let node):
                        found = jobs.first { unsafe $0.node == node }  // SAFETY: addresses.
                        return found?.number ?? -3
                    case .empty: return -1
                    case .busy: return -2
                    }
                }
                return found
            }
            func push(_ job: Job) {
                _ = history.record(.push(job.number)) {
                    unsafe queue.push(job.node)  // SAFETY: in no queue.
                    return 0
                }
            }
            for producer in pushes.indices {
                model.thread("producer \(producer)") {
                    for job in jobs where job.number / 10 == producer {
                        job.content.store(1)
                        push(job)
                    }
                }
            }
            model.thread("consumer") {
                for _ in 0..<pops {
                    guard let job = pop() else { continue }
                    model.check(job.content.load() >= 1)
                    job.content.store(2)
                    if again && job.number == 0 && taken.values.isEmpty {
                        push(job)
                    }
                    taken.add(job.number)
                }
            }
            model.finally {
                while let job = pop() { taken.add(job.number) }
                var expected = jobs.map(\.number)
                if again && taken.values.filter({ $0 == 0 }).count == 2 { expected.append(0) }
                model.check(taken.values.sorted() == expected.sorted(), "lost or doubled")
            }
        }
    }

    @Test(
        "nothing is lost or doubled, in order, and empty means empty",
        arguments: [([1], 2), ([2], 2), ([1, 1], 2), ([2, 1], 2), ([1, 1], 3)])
    func handover(pushes: [Int], pops: Int) {
        // Wrong: a link is overwritten, a node given back that is still needed, or one hidden.
        let result = exhaust(pushes, pops, program: Self.traffic(pushes, pops: pops))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a node that was popped can be pushed again at once")
    func reuse() {
        // Wrong: a producer still writes into a node that the consumer has back.
        let result = exhaust(program: Self.traffic([1, 1], pops: 3, again: true))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a push or pop waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 12 }
        let result = explore(
            .random(seed: 1, iterations: 20_000), options: options,
            program: Self.traffic([2, 2], pops: 4))
        #expect(result.holds, "\(result)")
    }

    @Test("no ordering can be weakened unnoticed")
    func orderings() {
        // Wrong: an ordering is stronger than it must be, or the programs do not show why.
        let names = unneededOrderings(of: [
            Self.traffic([1, 1], pops: 2), Self.traffic([2], pops: 2),
            Self.traffic([1, 1], pops: 3, again: true),
        ])
        #expect(names == [])
    }
}
