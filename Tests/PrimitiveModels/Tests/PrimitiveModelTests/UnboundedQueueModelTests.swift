// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of UnboundedMPMCQueue")
struct UnboundedQueueModelTests {
    @Test(
        "linearizable: nothing is lost, doubled or out of order, and nil means empty",
        arguments: [
            [[.push], [.pop]], [[.push, .push], [.pop]], [[.push], [.push]],
            [[.push, .pop], [.push]],
        ] as [[[QueueAct]]], [1, 2])
    func handover(threads: [[QueueAct]], segmentCapacity: Int) {
        // Wrong: a slot has two owners, a segment ends too early, or a pop misses an element.
        let result = exhaust(
            threads, segmentCapacity,
            program: UnboundedPrograms.traffic(threads, segmentCapacity: segmentCapacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the same, larger",
        arguments: [
            [[.push], [.push], [.pop]], [[.push], [.pop], [.pop]],
            [[.push, .pop], [.push, .pop]], [[.push, .push], [.pop, .pop]],
            [[.push, .push], [.push], [.pop]], [[.push, .push], [.pop], [.pop]],
        ] as [[[QueueAct]]], [1, 2])
    func larger(threads: [[QueueAct]], segmentCapacity: Int) {
        // Wrong: as above.
        let result = exhaustIfLong(
            threads, segmentCapacity,
            program: UnboundedPrograms.traffic(threads, segmentCapacity: segmentCapacity))
        #expect(result.holds, "\(result)")
    }

    @Test("a closed queue accepts nothing, and its end is told when all is taken")
    func closing() {
        // Wrong: a push is accepted and lost, or a consumer ends too early, or never.
        for threads in [
            [[.push], [.close]], [[.push, .endCheck], [.close]], [[.close], [.close, .push]],
            [[.push], [.close, .endCheck]],
        ] as [[[QueueAct]]] {
            for segmentCapacity in 1...2 {
                let result = exhaust(
                    threads, segmentCapacity,
                    program: UnboundedPrograms.traffic(threads, segmentCapacity: segmentCapacity))
                #expect(result.holds, "\(result)")
                #expect(result.isExhaustive)
            }
        }
        let larger: [[QueueAct]] = [[.push, .push], [.close], [.pop, .endCheck]]
        let result = exhaustIfLong(larger, program: UnboundedPrograms.traffic(larger))
        #expect(result.holds, "\(result)")
    }

    @Test("a drain takes what no pop has")
    func draining() {
        // Wrong: a run of tickets overlaps with another's, or reaches beyond the segment.
        let result = exhaustIfLong(
            program: UnboundedPrograms.traffic(
                [[.push, .push], [.drain], [.pop]], segmentCapacity: 2))
        #expect(result.holds, "\(result)")
    }

    @Test("segments end behind those who are inside of them")
    func segmentEnds() {
        // Wrong: a segment is given back while a push or pop still looks at it.
        for (threads, filled) in [
            ([[.pop, .pop], [.pop]], 2), ([[.push, .pop, .pop], [.push]], 1),
        ] as [([[QueueAct]], Int)] {
            let result = exhaustIfLong(
                threads, filled, program: UnboundedPrograms.traffic(threads, filled: filled))
            #expect(result.holds, "\(result)")
        }
    }

    @Test("what was pushed lives once", arguments: [([2], [1]), ([1, 1], [1]), ([2], [2])])
    func lifetimes(pushes: [Int], pops: [Int]) {
        // Wrong: an element is copied, overwritten, or left behind in a segment that ends.
        let result = exhaustIfLong(
            pushes, pops, program: UnboundedPrograms.lifetimes(pushes, pops))
        #expect(result.holds, "\(result)")
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a push or pop waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 120 }
        let result = explore(
            .random(seed: 1, iterations: 20_000), options: options,
            program: UnboundedPrograms.traffic([
                [.push, .push], [.push, .pop], [.pop, .push],
            ]))
        #expect(result.holds, "\(result)")
    }

    @Test("no ordering can be weakened unnoticed")
    func orderings() {
        // Wrong: an ordering is stronger than it must be, or the programs do not show why.
        let names = unneededOrderings(
            of: [
                UnboundedPrograms.lifetimes([1], [1]), UnboundedPrograms.lifetimes([2], [1]),
                UnboundedPrograms.traffic([[.push, .push], [.pop]]),
                UnboundedPrograms.traffic([[.push, .pop], [.push]]),
                UnboundedPrograms.traffic([[.push, .pop], [.push, .pop]], segmentCapacity: 2),
                UnboundedPrograms.closing(),
                UnboundedPrograms.traffic([[.push, .push], [.push]]),
                UnboundedPrograms.traffic([[.pop, .pop], [.pop]], filled: 2),
                UnboundedPrograms.traffic([[.push, .pop, .pop], [.push]], filled: 1),
                UnboundedPrograms.traffic([[.push], [.push], [.pop, .pop]], filled: 1),
                UnboundedPrograms.traffic([[.pop, .pop], [.push], [.push]], filled: 1),
            ], in: "ConcurrentQueues/")
        // Who finds that another has moved tail must not only have acquired that, but come behind
        // it in the one order of all sequentially consistent accesses: C++20 does not let the
        // former imply the latter, in the model it does.
        let unexplained = names.filter {
            !$0.hasSuffix("compareExchange, failure sequentiallyConsistent → acquiring")
        }
        #expect(unexplained == [])
    }
}
