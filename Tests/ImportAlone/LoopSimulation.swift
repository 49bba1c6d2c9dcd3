// SPDX-License-Identifier: MIT

import AsyncRuntime
import LoopSimulation

let outcome = try Simulation(seed: 1).run { _, _ in
    try await LoopTime.sleep(for: .seconds(3600))
    return "slept"
}
let said = try outcome.result?.get()
precondition(outcome.ending == .finished && said == "slept")
print("LoopSimulation: an hour passed, with \(outcome.traceCount) events")
