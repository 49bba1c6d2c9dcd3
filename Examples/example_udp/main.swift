// SPDX-License-Identifier: MIT

// UDP in batches: an echo that copies nothing and a client that sends 10,000 datagrams, 50 with
// each system call; then a port that refuses, and a server that stays silent.
//
//     swift run -c release example_udp

import AsyncRuntime
import AtomicSupport
import EventLoops
import Networking

let total = 10_000
let perBatch = 50

/// Sends back what comes, to where it came from, until the socket is closed.
@Sendable func echo(_ socket: DatagramSocket) async {
    let batch = DatagramBatch(capacity: perBatch, slotByteCount: 64)
    do {
        while true {  // Ends when the socket is closed.
            try await socket.receive(into: batch)
            try await socket.send(all: batch)
        }
    } catch {
        print("the echo ended: \(error)")
    }
}

/// Sends numbers and adds up what comes back; how many came, and their sum.
@Sendable func ask(_ client: DatagramSocket) async throws -> (count: Int, sum: Int) {
    let batch = DatagramBatch(capacity: perBatch, slotByteCount: 64)
    var count = 0
    var sum = 0
    for start in stride(from: 0, to: total, by: perBatch) {
        batch.removeAll()
        for number in start..<start + perBatch { batch.append(Array("\(number)".utf8)) }
        try await client.send(all: batch)
        var missing = perBatch
        while missing > 0 {  // Ends: loopback loses nothing that fits the receive buffer.
            missing -= try await client.receive(into: batch)
            for index in 0..<batch.count {
                count += 1
                sum += Int(String(decoding: batch.bytes(at: index), as: UTF8.self)) ?? 0
            }
        }
    }
    return (count, sum)
}

/// What a datagram to a port comes to within 50 ms, if nobody answers.
@Sendable func knock(on address: SocketAddress) async throws -> String {
    let client = try DatagramSocket(connectedTo: address)
    defer { client.close() }
    try await client.send(Array("anybody there?".utf8))
    do throws(SystemError) {
        _ = try await client.receive(until: .now.advanced(by: .milliseconds(50)))
        return "an answer"
    } catch {
        return "\(error)"
    }
}

@Sendable func run(_ group: LoopGroup) async throws {
    guard let any = SocketAddress.ipv4(host: "127.0.0.1", port: 0),
        let refusing = SocketAddress.ipv4(host: "127.0.0.1", port: 1)
    else { return }
    let server = try DatagramSocket(boundTo: any)
    let client = try DatagramSocket(connectedTo: try server.localAddress)
    defer { client.close() }
    try await withThrowingDiscardingTaskGroup { tasks in
        tasks.addTask(executorPreference: group.executors[0]) { await echo(server) }
        defer { server.close() }
        let answers = try await ask(client)
        print("came back: \(answers.count) of \(total), sum \(answers.sum)")
    }
    print("a port that refuses: \(try await knock(on: refusing))")
    let silent = try DatagramSocket(boundTo: any)
    defer { silent.close() }
    print("a silent one: \(try await knock(on: try silent.localAddress))")
}

try LoopGroup.run { group in
    print("running on \(group.selection)")
    try await run(group)
}
