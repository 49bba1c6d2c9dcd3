// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("The memory against the axioms")
struct AxiomaticTests {
    @Test("random programs have the outcomes that the axioms of C++20 allow")
    func randomPrograms() {
        // Wrong: the modelled memory allows what no machine does, or hides what one can do.
        for seed in 50_000_000..<(50_000_000 + programCount) {
            let program = RandomProgram(seed: seed)
            var axioms = AxiomaticModel(program)
            let expected = axioms.allOutcomes()
            let (found, _) = program.outcomes(.exhaustive)
            #expect(found == expected, "seed \(seed): \(program)")
            if found != expected { return }
        }
    }

    /// Another number with the environment variable MILLRACE_MODEL_PROGRAMS.
    private var programCount: UInt64 {
        ProcessEnvironment.value("MILLRACE_MODEL_PROGRAMS").flatMap { UInt64($0) }
            ?? (isOptimized ? 300 : 30)
    }
}
