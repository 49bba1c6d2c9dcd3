// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

/// The orderings of primitives that none of the programs needs, as `File.swift:line operation
/// order → weaker`; of one room, if it is named. The programs have orderings of their own, which
/// are not what is asked about. Each thread may see one weak compare-exchange fail for no reason.
func unneededOrderings(
    of programs: [(Model) -> Void], in room: String = "", function: String = #function
) -> [String] {
    var options = ModelOptions()
    options.spuriousFailureMax = 1
    // A weakened ordering that is needed fails within these; a long run asks no more.
    options.executionMax = min(ModelRun.executionMax, 20_000)
    var isNeeded: [String: Bool] = [:]
    for program in programs {
        let report = audit(options: options, program: program)
        #expect(report.baseline.holds, "\(report)")
        if ModelRun.printsCounts { print("\(function): \(report.baseline)\n\(report)") }
        for weakening in report.weakenings {
            let file = "\(weakening.site.file)"
            if !file.hasPrefix(room) || file.hasPrefix("PrimitiveModelTests") { continue }
            let change = "\(weakening.order) → \(weakening.weakerOrder)"
            let name = "\(weakening.site) \(weakening.operation) \(change)"
            isNeeded[name] = isNeeded[name] == true || weakening.isKilled
        }
    }
    return isNeeded.filter { !$0.value }.keys.sorted()
}
