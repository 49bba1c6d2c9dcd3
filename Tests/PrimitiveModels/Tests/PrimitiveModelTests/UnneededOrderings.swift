// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

/// The orderings of a primitive that none of the programs needs, as `File.swift:line operation
/// order → weaker`. The programs have orderings of their own, which are not what is asked about.
func unneededOrderings(
    of programs: [(Model) -> Void], function: String = #function
) -> [String] {
    var options = ModelOptions()
    options.executionMax = min(ModelRun.executionMax, ModelRun.isLong ? 3_000_000 : 20_000)
    var isNeeded: [String: Bool] = [:]
    for program in programs {
        let report = audit(options: options, program: program)
        #expect(report.baseline.holds, "\(report)")
        if ModelRun.printsCounts { print("\(function): \(report.baseline)\n\(report)") }
        for weakening in report.weakenings
        where !"\(weakening.site.file)".hasPrefix("PrimitiveModelTests") {
            let change = "\(weakening.order) → \(weakening.weakerOrder)"
            let name = "\(weakening.site) \(weakening.operation) \(change)"
            isNeeded[name] = isNeeded[name] == true || weakening.isKilled
        }
    }
    return isNeeded.filter { !$0.value }.keys.sorted()
}
