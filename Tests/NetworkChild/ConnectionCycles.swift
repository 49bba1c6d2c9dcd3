// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CMallocCount
import Glibc
import Networking

/// Opens and closes connections to a server, and counts what the later ones allocate. The clients
/// are plain sockets, which allocate nothing.
func countAllocationsOfConnections() throws {
    let perConnection: Double = try LoopGroup.run(choice: choice) { group in
        let server = try await StreamServer.open(on: anyPort(), group: group)
        let ended = EndedConnections()
        return await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: group.executors[0]) {
                await server.run { connection in
                    _ = try? await connection.consume { $0.byteCount }
                    ended.count.add(1, ordering: .relaxed)
                }
            }
            var counts: [Int64] = []
            for cycle in 0..<12 {
                if cycle == 2 || cycle == 11 { counts.append(test_allocation_count()) }
                await openAndClose(50, server.address.port, ended, (cycle + 1) * 50)
            }
            server.stopAccepting()
            return Double(counts[1] - counts[0]) / 450
        }
    }
    print(perConnection <= allocationsMax ? "few" : "allocations of a connection: \(perConnection)")
}

/// Four, and what the loop's arrays need to grow. Without optimization every closure and generic
/// call boxes something: eleven or twelve more, and one more again without the reuse.
private var allocationsMax: Double {
    #if DEBUG
        16
    #else
        4.5
    #endif
}

/// Opens connections, sends a byte over each, and waits until the server has ended so many.
private func openAndClose(
    _ count: Int, _ port: UInt16, _ ended: EndedConnections, _ goal: Int
) async {
    for _ in 0..<count {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // SAFETY: the address is lent for the call; the backlog takes the connection.
        let status = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(status == 0, "loopback does not answer")
        var byte: UInt8 = 1
        _ = unsafe send(descriptor, &byte, 1, 0)  // SAFETY: one byte.
        close(descriptor)
    }
    while ended.count.load(ordering: .relaxed) < goal {  // Ends: each connection does.
        try? await LoopTime.sleep(for: .milliseconds(1))
    }
}

private final class EndedConnections: Sendable {
    let count = Atomic<Int>(0)
}
