// SPDX-License-Identifier: MIT

import CLinuxShims
import EventLoops
import Testing

@testable import HTTPServing

@Suite("Server: files that have just changed")
struct ServerFreshFileTests {
    /// Whether the tag of a file of that time is weak, so many nanoseconds later.
    private func isWeak(modifiedNanoseconds: UInt32, after nanoseconds: Int64) -> Bool? {
        let info = millrace_file_info(
            inode: 1, byte_count: 2, modified_seconds: 1_000,
            modified_nanoseconds: modifiedNanoseconds, kind: 0)
        let now = 1_000_000_000_000 + Int64(modifiedNanoseconds) + nanoseconds
        return FileTag.make(info, nowNanoseconds: now)?.isWeak
    }

    @Test("A tag is weak exactly while another change could hide behind it")
    func settling() {
        // If this failed, two versions could have one strong tag, or downloads not go on.
        for (fraction, limit) in [(UInt32(5), Int64(20_000_000)), (0, 2_000_000_000)] {
            #expect(isWeak(modifiedNanoseconds: fraction, after: -1) == true)
            #expect(isWeak(modifiedNanoseconds: fraction, after: 0) == true)
            #expect(isWeak(modifiedNanoseconds: fraction, after: limit - 1) == true)
            #expect(isWeak(modifiedNanoseconds: fraction, after: limit) == false)
        }
    }

    @Test("If-Match and If-Range hold for a file of just now", arguments: wires)
    func conditions(_ choice: Wire) throws {
        // If this failed, a download of a new file could not go on where it broke off.
        let folder = TemporaryFolder()
        var routes = HTTPRoutes()
        try routes.files("/files", StaticFiles(folder.path))
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        var tags: Set<String> = []
        for content in ["one", "two", "six"] {
            folder.write("new.txt", content)
            TestServer.pause(milliseconds: 50)
            try client.send(request("GET /files/new.txt"))
            let tag = try #require(try client.answer()["etag"])
            #expect(!tag.hasPrefix("W/"))
            tags.insert(tag)
            for (fields, status) in [
                ("If-Match: \(tag)", 200), ("If-None-Match: \(tag)", 304),
                ("Range: bytes=0-1\r\nIf-Range: \(tag)", 206),
            ] {
                try client.send(request("GET /files/new.txt", fields + "\r\n"))
                #expect(try client.answer().status == status, "\(fields)")
            }
        }
        #expect(tags.count == 3)
    }
}
