// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    /// The programs that `./dev neighbours` has installed; nil when something else runs the tests.
    private var installedNeighbours: String? {
        let value = unsafe getenv("MILLRACE_NEIGHBOURS")  // SAFETY: copied below.
        // SAFETY: the environment ends it with a NUL, and nobody changes it.
        return unsafe value.map { unsafe String(cString: $0) }
    }

    @Suite(
        "The HTTP server among other programs", .serialized,
        .enabled(if: installedNeighbours != nil))
    struct NeighbourTests {
        @Test(
            "Behind nginx and HAProxy, under wrk and ab, in Chromium",
            arguments: ["io_uring", "epoll"])
        func neighbours(_ backend: String) throws {
            // If this failed, the server would only work with clients that its authors wrote.
            let source = #filePath
            let folder = source.split(separator: "/").dropLast(2).joined(separator: "/")
            let names = try #require(installedNeighbours)
            let script =
                "NEIGHBOURS=\"\(names)\" exec /\(folder)/Neighbours/run.sh \"$(dirname \"$1\")\""
                + " --backend \(backend)"
            let ending = try Program("example_http_server", script: script).end(seconds: 200)
            let lines = ending.output.split(separator: "\n")
            for name in "\(names) server".split(separator: " ") {
                #expect(lines.contains { $0 == "ok \(name)" }, "\(ending.output)")
            }
            #expect(ending.status == 0, "\(ending.errorOutput)")
            print("neighbours on \(backend): \(lines.last ?? "no line")")
        }
    }
#endif
