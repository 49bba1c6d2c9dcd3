// SPDX-License-Identifier: MIT

import ConcurrentQueues
import Foundation
import ModelChecking
import Testing

/// How many executions a second the checker makes. What is asserted is that they were made; the
/// time is printed only, by MILLRACE_MODEL_SPEED, which says how many hundred thousand.
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

    private var hundredThousands: Int {
        ProcessInfo.processInfo.environment["MILLRACE_MODEL_SPEED"].flatMap { Int($0) } ?? 0
    }

    @Test("one push and one pop each, by chance")
    func random() {
        // Wrong: executions are counted that were not made.
        let count = hundredThousands == 0 ? 1_000 : hundredThousands * 100_000
        let start = ContinuousClock.now
        let result = explore(.random(seed: 1, iterations: count), program: program)
        let time = ContinuousClock.now - start
        #expect(result.holds, "\(result)")
        #expect(result.executionCount == count)
        #expect(result.stepCount >= count * 10)
        report("random", result.executionCount, result.stepCount, time)
    }

    @Test("one push and one pop each, all")
    func exhaustive() {
        // Wrong: executions are counted that were not made.
        let count = hundredThousands * 100_000
        var (executions, steps) = (0, 0)
        let start = ContinuousClock.now
        repeat {
            let result = explore(.exhaustive, program: program)
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
            executions += result.executionCount
            steps += result.stepCount
        } while executions < count
        let time = ContinuousClock.now - start
        #expect(steps >= executions * 10)
        report("exhaustive", executions, steps, time)
    }

    private func report(_ name: String, _ executions: Int, _ steps: Int, _ time: Duration) {
        if hundredThousands == 0 { return }
        let seconds = time / .seconds(1)
        print(
            "SPEED \(name): \(Int(Double(executions) / seconds)) executions/s,"
                + " \(executions) executions, \(steps) steps")
    }
}
