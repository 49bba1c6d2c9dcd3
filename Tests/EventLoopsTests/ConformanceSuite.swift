// SPDX-License-Identifier: MIT

import EventLoops
import Testing

/// One promise, and the program that finds out whether a backend keeps it.
struct ConformanceCheck: Sendable, CustomTestStringConvertible {
    let name: String
    let body: @Sendable (BackendFactory) throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (BackendFactory) throws -> Void) {
        self.name = name
        self.body = body
    }

    var testDescription: String { name }
}

/// What every backend must do, whoever wrote it: give `checks` a factory.
enum ConformanceSuite {
    static let checks =
        acceptChecks + connectChecks + receiveChecks + sendChecks + cancelChecks + pollChecks
        + limitChecks + creditChecks + timerChecks + postingChecks + stoppingChecks
}

/// The backends of this package. One that cannot be opened fails its tests: it is never skipped.
let backends: [BackendChoice] = [.ioUring, .epoll]

@Suite("Backends keep their promises", .serialized)
struct ConformanceTests {
    @Test("Conformance", arguments: backends, ConformanceSuite.checks)
    func conformance(_ choice: BackendChoice, _ check: ConformanceCheck) throws {
        // If this failed, code that works on one backend would break on another.
        try check.body { options in try choice.open(options: options) }
    }
}
