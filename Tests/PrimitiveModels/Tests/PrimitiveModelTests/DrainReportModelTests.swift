// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import ModelChecking
import Testing

@Suite("Models of DrainAllocator's report")
struct DrainReportModelTests {
    @Test("a drain with a report answers as one without")
    func answer() {
        // Wrong: who waits goes on while memory is out, or reports what is back.
        let result = exhaust { model in
            model.thread("alone") {
                let allocator = DrainAllocator(byteCountMax: 1024)
                let past = MonotonicInstant(nanoseconds: 0)
                model.check(allocator.blockingDrained(until: past) { _ in }, "nothing is out")
                // SAFETY: given back below.
                let memory = unsafe allocator.allocate(byteCount: 16)?.baseAddress
                model.check(!allocator.blockingDrained(until: past) { _ in }, "a block is out")
                // SAFETY: given out above.
                if let memory = unsafe memory { unsafe allocator.deallocate(memory) }
                model.check(allocator.blockingDrained(until: past) { _ in }, "all is back")
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
