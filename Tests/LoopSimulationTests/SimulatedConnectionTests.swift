// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import LoopSimulation
import Networking
import Testing

@Suite("Connections in a simulated world")
struct SimulatedConnectionTests {
    @Test("A SYN is counted as acknowledged where the kernel counts it")
    func acknowledgedSYN() throws {
        // Wrong: the world counts bytes in another way than Linux, and who counts wrongly for Linux
        // is right in every storm.
        let expected: [UInt64] = [1, 0, 4, 2]
        for choice in [BackendChoice.ioUring, .epoll] {
            #expect(try LoopGroup.run(choice: choice) { _ in try await countBytes() } == expected)
        }
        let outcome = try Simulation(seed: 1).run { _, _ in try await countBytes() }
        #expect(try outcome.result?.get() == expected)
    }
}

/// What TCP_INFO says of both sides of a connection, of the one that asked for it first: when it is
/// new, and when they have sent three bytes and two.
private func countBytes() async throws -> [UInt64] {
    let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0))
    let listener = try StreamListener(on: address)
    defer { listener.close() }
    let client = try await StreamConnection.connect(to: listener.address)
    defer { client.close() }
    let accepted = try await listener.accept()
    defer { accepted.close() }
    let sides = [client, accepted]
    let fresh = sides.map(acknowledged)
    try await client.write([1, 2, 3])
    try await accepted.write([4, 5])
    let limit = MonotonicInstant.now.advanced(by: .seconds(5))
    while sides.map(acknowledged) != [fresh[0] + 3, fresh[1] + 2] {  // Ends by the limit.
        if .now > limit { break }
        try await LoopTime.sleep(for: .milliseconds(1))
    }
    return fresh + sides.map(acknowledged)
}

private func acknowledged(_ connection: StreamConnection) -> UInt64 {
    var info = millrace_tcp_info()
    // SAFETY: the callee fills the structure in.
    let status = unsafe millrace_socket_tcp_info(connection.descriptor, &info)
    return status < 0 ? .max / 2 : info.bytes_acked
}
