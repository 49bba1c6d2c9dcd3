// SPDX-License-Identifier: MIT

import BackendConformance
import EventLoops
import Testing

/// The backends of this package. One that cannot be opened fails its tests: it is never skipped.
let backends: [BackendChoice] = [.ioUring, .epoll]

@Suite("Backends keep their promises", .serialized)
struct ConformanceTests {
    @Test("Conformance", arguments: backends, ConformanceSuite.checks)
    func conformance(_ choice: BackendChoice, _ check: ConformanceCheck) throws {
        // If this failed, code that works on one backend would break on another.
        try check.run { options in try choice.open(options: options) }
    }

    @Test("Every check has a name of its own")
    func names() {
        // If this failed, a report would not say which of two checks did not pass.
        #expect(Set(ConformanceSuite.checks.map(\.name)).count == ConformanceSuite.checks.count)
    }
}
