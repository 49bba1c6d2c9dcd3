// SPDX-License-Identifier: MIT

import EventLoops
import Testing

@testable import HTTPServing

/// What a client sends on a connection of its own, and what must come back.
struct ServerCase {
    enum After {
        /// The connection serves the next request.
        case goesOn
        /// The last answer says `Connection: close`, and the connection ends.
        case closes
        /// The connection ends, although the last answer could not know that yet.
        case ends
    }

    let name: String
    let request: String
    /// The statuses in order; those of HEAD requests are negative.
    let statuses: [Int]
    let after: After
    /// What the last answer's body is; nil for anything.
    let body: String?

    init(
        _ name: String, _ request: String, _ statuses: [Int], _ after: After = .goesOn,
        body: String? = nil
    ) {
        self.name = name
        self.request = request
        self.statuses = statuses
        self.after = after
        self.body = body
    }

    /// Plays the case and notes what is wrong.
    func run(on server: TestServer) {
        do {
            let client = try server.connect()
            try client.send(request)
            try check(client)
        } catch {
            Issue.record("\(name): \(error)")
        }
    }

    /// The same in pieces. After each the server has time to take it, if it is not a byte of many.
    func run(on server: TestServer, in pieces: [[UInt8]]) {
        do {
            let client = try server.connect()
            for piece in pieces {
                try client.send(piece)
                if pieces.count < 10 { TestServer.pause(milliseconds: 2) }
            }
            try check(client)
        } catch {
            Issue.record("\(name), in \(pieces.map(\.count)): \(error)")
        }
    }

    private func check(_ client: RawClient) throws {
        var last: Answer?
        for status in statuses {
            let answer = try client.answer(isHead: status < 0)
            #expect(answer.status == abs(status), "\(name)")
            last = answer
        }
        if let body { #expect(last.map { text($0.body) } == body, "\(name)") }
        switch after {
        case .goesOn:
            #expect(last?.saysClose != true, "\(name)")
            try client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try client.answer()
            #expect(text(answer.body) == "Hello, World!", "\(name)")
        case .closes:
            #expect(last?.saysClose ?? true, "\(name)")
            try client.expectEnd()
        case .ends: try client.expectEnd()
        }
    }
}

/// A request of HTTP/1.1 with a Host.
func request(_ line: String, _ fields: String = "", body: String = "") -> String {
    "\(line) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\(body)"
}
