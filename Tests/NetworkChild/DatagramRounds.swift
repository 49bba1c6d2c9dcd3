// SPDX-License-Identifier: MIT

import AsyncRuntime
import CMallocCount
import Networking

/// Sends batches to an echo and back, and counts what that allocates.
func countAllocationsOfDatagrams() throws {
    let counted: (Int, Int64) = try LoopGroup.run(choice: choice) { _ in
        let server = try DatagramSocket(boundTo: anyPort())
        let client = try DatagramSocket(connectedTo: try server.localAddress)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                let batch = DatagramBatch(capacity: 64, slotByteCount: 1472)
                while true {  // Ends when the socket is closed.
                    guard (try? await server.receive(into: batch)) != nil else { return }
                    try await server.send(all: batch)
                }
            }
            defer {
                client.close()
                server.close()
            }
            let outgoing = DatagramBatch(capacity: 64, slotByteCount: 1472)
            while outgoing.append([UInt8](repeating: 1, count: 1000)) {}  // Ends when it is full.
            let incoming = DatagramBatch(capacity: 64, slotByteCount: 1472)
            _ = try await exchange(100, outgoing, incoming, client)
            let before = test_allocation_count()
            let datagrams = try await exchange(500, outgoing, incoming, client)
            return (datagrams, before < 0 ? -1 : test_allocation_count() - before)
        }
    }
    print("datagrams: \(counted.0)")
    print(counted.1 < 100 ? "no allocations" : "allocations: \(counted.1)")
}

/// How many datagrams came back.
func exchange(
    _ rounds: Int, _ outgoing: DatagramBatch, _ incoming: DatagramBatch, _ client: DatagramSocket
) async throws -> Int {
    var total = 0
    for _ in 0..<rounds {
        try await client.send(all: outgoing)
        var count = 0
        while count < outgoing.count {  // Ends: loopback loses nothing that fits the buffer.
            count += try await client.receive(into: incoming)
        }
        total += count
    }
    return total
}
