// SPDX-License-Identifier: MIT

/// What servers are asked: the program that asks, and what both sides count.
package struct LoadKind: Sendable {
    /// The load generator.
    let program: String
    /// What the server's totals call its work.
    let served: String
    /// What the load's result calls it.
    let asked: String
    /// What the program is told besides.
    var arguments: [String] = []

    /// Bytes that come back.
    package static let echo = LoadKind(program: "load_c", served: "bytes", asked: "total_bytes")
    /// GET /hello.
    package static let http = LoadKind(
        program: "http_load_c", served: "requests", asked: "total_requests")

    /// GET of a path by TLS; further arguments say how.
    package static func tls(_ arguments: [String]) -> LoadKind {
        LoadKind(
            program: "tls_load_c", served: "requests", asked: "total_requests",
            arguments: arguments)
    }

    /// Whether the load opens connections as it goes on, and says how many.
    var countsConnections: Bool { program == "tls_load_c" }

    /// Whether messages have a size, and readers may stand still.
    var isEcho: Bool { program == Self.echo.program }
}
