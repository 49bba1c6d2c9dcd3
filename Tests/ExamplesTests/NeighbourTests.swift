// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    /// Whether `./dev neighbours` runs, which installs the other programs.
    private var wantsNeighbours: Bool {
        unsafe getenv("MILLRACE_NEIGHBOURS") != nil  // SAFETY: only compared with nil.
    }

    @Suite("The HTTP server among other programs", .serialized, .enabled(if: wantsNeighbours))
    struct NeighbourTests {
        @Test(
            "Behind nginx and HAProxy, under wrk and ab, in Chromium",
            arguments: ["io_uring", "epoll"])
        func neighbours(_ backend: String) throws {
            // If this failed, the server would only work with clients that its authors wrote.
            let source = #filePath
            let folder = source.split(separator: "/").dropLast(2).joined(separator: "/")
            let script =
                "exec /\(folder)/Neighbours/run.sh \"$(dirname \"$1\")\" --backend \(backend)"
            let ending = try Program("example_http_server", script: script).end(seconds: 200)
            for line in ending.output.split(separator: "\n") {
                #expect(line.hasPrefix("ok ") || line.hasPrefix("skip "), "\(line)")
            }
            #expect(ending.output.contains("ok server"))
            #expect(ending.status == 0, "\(ending.errorOutput)")
            print(ending.output)
        }
    }
#endif
