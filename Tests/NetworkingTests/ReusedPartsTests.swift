// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

@Suite("Connections that are made of used parts")
struct ReusedPartsTests {
    @Test("How one connection has ended is forgotten with it", arguments: backends)
    func ends(_ choice: BackendChoice) throws {
        // Wrong: a stream that was cut looks whole because the one before it was, or the reverse.
        let outcomes = try LoopGroup.run(choice: choice) { group in
            let server = try await StreamServer.open(on: loopback, group: group)
            let visits = Visits()
            return try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { connection in await visits.serve(connection) }
                }
                defer { server.stopAccepting() }
                for number in 0..<6 {
                    try await visits.visit(server.address, resets: number % 2 == 1)
                }
                return visits.outcomes
            }
        }
        let sound = Visits.Outcome(sending: [0, EPIPE], receiving: 0)
        let broken = Visits.Outcome(sending: [ECONNRESET], receiving: ECONNRESET)
        #expect(outcomes == [sound, broken, sound, broken, sound, broken])
    }
}

/// Clients that are gone before their handler does anything. The loop's thread alone touches it.
private final class Visits: @unchecked Sendable {
    struct Outcome: Equatable {
        var sending: [Int32] = []
        var receiving: Int32 = 0
    }

    private(set) var outcomes: [Outcome] = []
    private var resets = false
    private var isGone = false

    func visit(_ address: SocketAddress, resets: Bool) async throws {
        self.resets = resets
        isGone = false
        let count = outcomes.count
        let connection = try await StreamConnection.connect(to: address)
        try await connection.write([1, 2])
        if resets {
            connection.reset()
        } else {
            try await connection.finishWriting()
            connection.close()
        }
        isGone = true
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while outcomes.count == count && MonotonicInstant.now < deadline {
            try await LoopTime.sleep(for: .milliseconds(1))
        }
    }

    /// Sends before it has received anything: what becomes of that says how the client went.
    func serve(_ connection: StreamConnection) async {
        while !isGone { try? await LoopTime.sleep(for: .milliseconds(1)) }  // Ends with the visit.
        var outcome = Outcome()
        for _ in 0..<(resets ? 1 : 2) {
            try? await LoopTime.sleep(for: .milliseconds(20))
            outcome.sending.append(
                await code {
                    _ = try connection.enqueue([3])
                    try await connection.flush()
                })
        }
        var bytes: [UInt8] = []
        outcome.receiving = await code {
            while true {  // Ends with the stream.
                let more = try await connection.read(atMost: 10)
                if more.isEmpty { break }
                bytes += more
            }
        }
        if !resets { #expect(bytes == [1, 2]) }
        outcomes.append(outcome)
    }
}
