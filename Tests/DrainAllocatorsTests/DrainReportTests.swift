// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import StressSupport
import Testing

@Suite("Report of a drain allocator")
struct DrainReportTests {
    @Test("A wait that ends by its deadline names what is out")
    func namesWhatIsOut() {
        // If this failed, a leak at the end could be counted, but not found.
        let allocator = DrainAllocator(byteCountMax: 1 << 16)
        let line = UInt32(#line) + 1
        let first = allocator.make(UInt64(1))
        let second = allocator.make(UInt32(2))
        // SAFETY: given back below.
        let third = unsafe allocator.allocate(byteCount: 100, alignment: 256)
        drop(second)
        var report: [OutstandingBlock] = []
        let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000)
        let isDrained = allocator.blockingDrained(until: soon) { report.append($0) }
        #expect(!isDrained)
        #if CallSites
            #expect(report.map(\.byteCount) == [100, 8])
            #expect(report.last?.site == CallSite(file: #fileID, line: line))
            // SAFETY: a number.
            let address = unsafe UInt(bitPattern: third?.baseAddress)
            #expect(report.first?.address == address)
        #else
            #expect(report.isEmpty && line > 0)
        #endif
        #expect(allocator.outstanding.blockCount == 2)
        allocator.checkInvariants()
        drop(first)
        allocator.checkInvariants()
        // SAFETY: allocated above.
        if let memory = unsafe third?.baseAddress { unsafe allocator.deallocate(memory) }
        report = []
        let isDrainedNow = allocator.blockingDrained(until: soon) { report.append($0) }
        #expect(isDrainedNow)
        #expect(report.isEmpty)
    }

    @Test("The list of what is out holds while threads allocate and free")
    func holdsUnderThreads() {
        // If this failed, the report would follow the link of a block that is gone.
        let allocator = Shared(DrainAllocator(byteCountMax: 1 << 20))
        ThreadTeam.run(count: 4) { thread in
            for turn in 0..<2_000 {
                guard let first = allocator.value.make(turn) else { continue }
                let second = allocator.value.make(thread)
                precondition(first.withValue { $0 } == turn)
                drop(second)
                if turn % 100 == 0 {
                    var sum = 0
                    allocator.value.forEachOutstanding { sum += $0.byteCount }
                    precondition(sum <= 8 * 8, "more is out than four threads took")
                }
            }
        }
        var left = 0
        allocator.value.forEachOutstanding { _ in left += 1 }
        #expect(left == 0)
        #expect(allocator.value.outstanding.blockCount == 0)
        allocator.value.checkInvariants()
    }
}

/// Ends a value's life here.
private func drop<Value: ~Copyable>(_ value: consuming Value) {}
