// SPDX-License-Identifier: MIT

import ConcurrentQueues
import Foundation
import ModelChecking
import Testing

/// How many executions a second the checker makes. What is asserted is that they were made; the
/// time is printed only, when MILLRACE_MODEL_SPEED says how many executions are to be timed.
@Suite("The speed of the checker")
struct SpeedTests {
    /// Two threads with one push and one pop each on a ring of two places.
    private func program(_ model: Model) {
        let queue = BoundedMPMCQueue<Int>(capacity: 2)
        for number in 0..<2 {
            model.thread {
                _ = queue.tryPush(number)
                _ = queue.tryPop()
            }
        }
    }

    private var timedCount: Int {
        ProcessInfo.processInfo.environment["MILLRACE_MODEL_SPEED"].flatMap { Int($0) } ?? 0
    }

    @Test("one push and one pop each, by chance")
    func random() {
        // Wrong: executions are counted that were not made.
        let count = timedCount == 0 ? 1_000 : timedCount
        let start = clock()
        let result = explore(.random(seed: 1, iterations: count), program: program)
        let time = clock() - start
        #expect(result.holds, "\(result)")
        #expect(result.executionCount == count)
        #expect(result.stepCount >= count * 10)
        report("random", result.executionCount, result.stepCount, time)
    }

    @Test("one push and one pop each, all")
    func exhaustive() {
        // Wrong: executions are counted that were not made.
        let count = timedCount
        var (executions, steps) = (0, 0)
        let start = clock()
        repeat {
            let result = explore(.exhaustive, program: program)
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
            executions += result.executionCount
            steps += result.stepCount
        } while executions < count
        let time = clock() - start
        #expect(steps >= executions * 10)
        report("exhaustive", executions, steps, time)
    }

    private func report(_ name: String, _ executions: Int, _ steps: Int, _ time: clock_t) {
        if timedCount == 0 { return }
        // The time of the process: the machine may have other work.
        let seconds = Double(time) / Double(CLOCKS_PER_SEC)
        print(
            "SPEED \(name): \(Int(Double(executions) / seconds)) executions/s,"
                + " \(executions) executions, \(steps) steps")
    }
}
