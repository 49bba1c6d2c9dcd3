// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import ObjectPools
import Testing

@Suite("Reports under the trait CallSites")
struct CallSiteTests {
    @Test("A pool names the line of each lease that has not ended")
    func leases() {
        // If this failed, a leak could be counted, but not found.
        let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
        let line = #line + 1
        let kept = pool.tryAcquire()
        let ended = pool.tryAcquire()
        if let ended { pool.release(ended) }
        var sites: [CallSite?] = []
        pool.forEachLease { sites.append($0.site) }
        #expect(sites.map { $0?.line } == [line])
        #expect(sites.first??.description == "CallSiteTests/CallSiteTests.swift:\(line)")
        if let kept { pool.release(kept) }
    }

    @Test("A slot that is leased again is named by its new line")
    func leasedAgain() {
        // If this failed, the report would blame who gave the slot back.
        let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
        if let first = pool.tryAcquire() { pool.release(first) }
        let line = #line + 1
        let second = pool.tryAcquire()
        var lines: [Int?] = []
        pool.forEachLease { lines.append($0.site?.line) }
        #expect(lines == [line])
        if let second { pool.release(second) }
        pool.forEachLease { _ in Issue.record("nothing is out") }
    }

    @Test("A drain whose time is up names the line of each block that is out")
    func blocks() {
        // If this failed, a program that does not end would not say whose memory it waits for.
        let allocator = DrainAllocator(byteCountMax: 1 << 10)
        let line = #line + 1
        let kept = allocator.make(UInt64(1))
        let ended = allocator.make(UInt32(2))
        drop(ended)
        var report: [OutstandingBlock] = []
        let isDrained = allocator.blockingDrained(until: .now) { report.append($0) }
        #expect(!isDrained)
        #expect(report.map(\.byteCount) == [8])
        #expect(report.map(\.site.line) == [line])
        allocator.checkInvariants()
        let second = allocator.make(UInt8(2))
        let third = allocator.make(UInt32(3))
        #expect(allocator.outstanding.byteCount == 13)
        allocator.checkInvariants()
        drop(second)
        allocator.checkInvariants()
        drop(third)
        allocator.checkInvariants()
        drop(kept)
        allocator.checkInvariants()
        report = []
        let isDrainedNow = allocator.blockingDrained(until: .now) { report.append($0) }
        #expect(isDrainedNow && report.isEmpty)
    }
}

/// Ends a value's life here.
private func drop<Value: ~Copyable>(_ value: consuming Value) {}
