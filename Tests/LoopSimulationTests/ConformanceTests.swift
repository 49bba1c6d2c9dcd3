// SPDX-License-Identifier: MIT

import BackendConformance
import EventLoops
import LoopSimulation
import Testing

@Suite("The simulated backend under the contract")
struct ConformanceTests {
    @Test("keeps the promises of EventBackend", arguments: ConformanceSuite.checks)
    func conforms(_ check: ConformanceCheck) throws {
        // Wrong: what is found in simulation would not happen on a backend that keeps the contract.
        let world = SimulatedWorld(seed: 1, clock: .live)
        world.enter()
        defer { SimulatedWorld.leave() }
        try check.run { options in
            SelectedBackend(
                backend: SimulatedBackend(world, options: options), reason: "simulated")
        }
    }
}
