// SPDX-License-Identifier: MIT

import BackendConformance
import PollBackends
import Testing

@Suite("poll keeps a backend's promises", .serialized)
struct ConformanceTests {
    @Test("Conformance", arguments: ConformanceSuite.checks)
    func conformance(_ check: ConformanceCheck) throws {
        // If this failed, the backend, or the suite as an outsider sees it, would be wrong.
        try check.run(on: PollBackend.open)
    }
}
