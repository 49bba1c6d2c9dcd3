// SPDX-License-Identifier: MIT

// An echo server and its client in one async program on two event loops.
//
//     swift run -c release example_echo_async

import AsyncRuntime
import EventLoops
import Networking

/// Sends back what comes, until the client has finished.
@Sendable func echo(_ connection: StreamConnection) async {
    do {
        while true {  // Ends with the client's end.
            let bytes = try await connection.read(atMost: 4096)
            if bytes.isEmpty { break }
            try await connection.write(bytes)
        }
        try await connection.finishWriting()
    } catch {
        print("a connection broke: \(error)")
    }
}

/// Says something, and reads until the server has finished.
@Sendable func ask(_ text: String, at address: SocketAddress) async throws -> String {
    let connection = try await StreamConnection.connect(to: address)
    defer { connection.close() }
    try await connection.write(Array(text.utf8))
    try await connection.finishWriting()
    var answer: [UInt8] = []
    while true {  // Ends with the server's end.
        let bytes = try await connection.read(atMost: 4096)
        if bytes.isEmpty { break }
        answer += bytes
    }
    return String(decoding: answer, as: UTF8.self)
}

/// Serves, asks three times, and stops.
@Sendable func run(_ group: LoopGroup) async throws -> [String] {
    guard let any = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else { return [] }
    let server = try await StreamServer.open(on: any, group: group)
    return try await withThrowingTaskGroup(of: [String].self) { tasks in
        tasks.addTask(executorPreference: group.executors[0]) {
            await server.run(echo)
            return []
        }
        defer { server.stopAccepting() }
        var answers: [String] = []
        for text in ["one", "two", "three"] {
            answers.append(try await ask(text, at: server.address))
        }
        return answers
    }
}

let answers = try LoopGroup.run(loops: 2) { group in
    print("running on \(group.selection)")
    return try await run(group)
}
print("echoed: \(answers.joined(separator: ", "))")
