// SPDX-License-Identifier: MIT

@testable import ModelChecking
import Testing

@Suite("The memory against the axioms")
struct AxiomaticTests {
    @Test("random programs have the outcomes that the axioms of C++20 allow")
    func randomPrograms() {
        // Wrong: the modelled memory allows what no machine does, or hides what one can do; or two
        // executions count as one.
        for seed in 50_000_000..<(50_000_000 + programCount) {
            let program = RandomProgram(seed: seed)
            var axioms = AxiomaticModel(program)
            let expected = axioms.allOutcomes()
            var graphs: Set<ExecutionGraph> = []
            let (found, result) = program.outcomes(.exhaustive) { execution in
                graphs.insert(ExecutionGraph(execution.state))
            }
            #expect(found == expected, "seed \(seed): \(program)")
            #expect(graphs.count == axioms.graphCount, "seed \(seed): \(program)")
            #expect(result.executionCount - result.redundantCount >= graphs.count)
            if found != expected || graphs.count != axioms.graphCount { return }
        }
    }

    /// Another number with the environment variable MILLRACE_MODEL_PROGRAMS.
    private var programCount: UInt64 {
        ProcessEnvironment.value("MILLRACE_MODEL_PROGRAMS").flatMap { UInt64($0) }
            ?? (isOptimized ? 300 : 30)
    }
}
