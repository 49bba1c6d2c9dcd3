// SPDX-License-Identifier: MIT

import AtomicSupport
import Testing

@Suite("Call sites")
struct CallSiteTests {
    @Test("A place in one word is read back")
    func isReadBack() {
        // If this failed, a report would name another line.
        let line = UInt32(#line) + 1
        let site = here()
        #expect(site.line == Int(line))
        #expect(site.description == "AtomicSupportTests/CallSiteTests.swift:\(line)")
        // SAFETY: it comes from a site.
        #expect(unsafe CallSite(rawValue: site.rawValue) == site)
    }

    @Test("A line beyond 16 bits is cut, no place has no name")
    func limits() {
        // If this failed, a long file would spoil the address of its name.
        let site = CallSite(file: "long.swift", line: 70_000)
        #expect(site.line == 65_535)
        #expect(site.description == "long.swift:65535")
        let none = unsafe CallSite(rawValue: 0)  // SAFETY: no place.
        #expect(none.description == "?:0")
    }
}

private func here(file: StaticString = #fileID, line: UInt32 = #line) -> CallSite {
    CallSite(file: file, line: line)
}
