// SPDX-License-Identifier: MIT

// What must be counted in a process of its own: descriptors, allocations. The first argument says what, the
// second on which backend.

import AsyncRuntime
import AtomicSupport
import CTestSupport
import EventLoops
import Networking

let arguments = CommandLine.arguments
let choice: BackendChoice =
    arguments.count > 2 ? BackendChoice(rawValue: arguments[2]) ?? .automatic : .automatic

switch arguments.count > 1 ? arguments[1] : "" {
case "races": try raceRepeatedly()
case "datagrams": try countAllocationsOfDatagrams()
case "connections": try countAllocationsOfConnections()
case "handover": try stopWhileHandingOver()
default: fatalError("NetworkChild (races|datagrams|connections|handover) [BACKEND]")
}

func anyPort() -> SocketAddress {
    guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
        preconditionFailure("a literal address")
    }
    return address
}

/// A thousand races between a listener that does not answer, one port that refuses and a server.
func raceRepeatedly() throws {
    try LoopGroup.run(choice: choice) { group in
        var options = StreamListener.Options()
        options.backlog = 0
        let hole = try StreamListener(on: anyPort(), options: options)
        defer { hole.close() }
        let first = try await StreamConnection.connect(to: hole.address)
        defer { first.close() }
        let server = try await StreamServer.open(on: anyPort(), group: group)
        guard let refusing = SocketAddress.ipv4(host: "127.0.0.1", port: 1) else { return }
        await withTaskGroup(of: Int.self) { tasks in
            tasks.addTask {
                await server.run { connection in _ = try? await connection.read(atMost: 1) }
                return 0
            }
            let addresses = [refusing, hole.address, hole.address, server.address]
            _ = await race(10, over: addresses)
            let before = await count(group)
            for _ in 0..<20 {
                tasks.addTask { await race(50, over: addresses) }
            }
            var won = 0
            for _ in 0..<20 { won += await tasks.next() ?? 0 }
            print("won: \(won)")
            let after = await count(group)
            print(before == after ? "no leak" : "leak: \(before) before, \(after) after")
            server.stopAccepting()
        }
    }
}

/// How many descriptors there are when the server has closed its ends too.
func count(_ group: LoopGroup) async -> Int32 {
    try? await LoopTime.sleep(for: .milliseconds(200))
    return test_descriptor_count()
}

/// One race after the other; how many were won.
func race(_ count: Int, over addresses: [SocketAddress]) async -> Int {
    var won = 0
    for _ in 0..<count {
        let connection = try? await StreamConnection.connect(
            toAnyOf: addresses, attemptDelay: .milliseconds(10))
        guard let connection else { continue }
        won += 1
        connection.reset()
    }
    return won
}
