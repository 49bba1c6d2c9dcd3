// SPDX-License-Identifier: MIT

@testable import ModelChecking
import Testing

@Suite("The reduction against brute force")
struct DifferentialTests {
    @Test("random programs have the outcomes that brute force finds", arguments: [1, 2, 3, 4])
    func randomPrograms(part: UInt64) {
        // Wrong: the reduction leaves out executions in which something else happens.
        let count = programCount / 4
        for seed in (part * 1_000_000)..<(part * 1_000_000 + count) {
            let program = RandomProgram(seed: seed, accessMax: accessMax)
            let (expected, all) = program.outcomes(.bounded(preemptionMax: 1_000))
            let (found, reduced) = program.outcomes(.exhaustive)
            #expect(found == expected, "seed \(seed): \(program)")
            #expect(all.isExhaustive)
            #expect(reduced.isExhaustive)
            #expect(reduced.executionCount <= all.executionCount)
            if found != expected { return }
        }
    }

    /// More than six take minutes: MILLRACE_MODEL_ACCESSES.
    private var accessMax: Int {
        ProcessEnvironment.value("MILLRACE_MODEL_ACCESSES").flatMap { Int($0) } ?? 6
    }

    /// 10,000 with the environment variable MILLRACE_MODEL_PROGRAMS=10000.
    private var programCount: UInt64 {
        ProcessEnvironment.value("MILLRACE_MODEL_PROGRAMS").flatMap { UInt64($0) }
            ?? (isOptimized ? 400 : 40)
    }
}
