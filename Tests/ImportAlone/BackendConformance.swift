// SPDX-License-Identifier: MIT

import BackendConformance
import EventLoops

var failures: [any Error] = []
for check in ConformanceSuite.checks {
    do {
        try check.run { options in try BackendChoice.epoll.open(options: options) }
    } catch {
        failures.append(error)
    }
}
for failure in failures { print(failure) }
precondition(failures.isEmpty)
print("BackendConformance: \(ConformanceSuite.checks.count) checks, epoll passed them")
