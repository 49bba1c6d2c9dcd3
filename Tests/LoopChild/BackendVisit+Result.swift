// SPDX-License-Identifier: MIT

import AtomicSupport
import BackendConformance
import EventLoops

extension BackendVisit {
    /// What becomes of an operation; nil if that is not known after ten thousand turns. What else
    /// comes meanwhile is dropped.
    func result(of id: OperationID) -> Int32? {
        for _ in 0..<10_000 {
            let completions = wait(until: .now.advanced(byNanoseconds: 1_000_000))
            let last = completions.last { $0.id == id && !$0.hasMore }
            if let last { return last.result }
        }
        return nil
    }
}
