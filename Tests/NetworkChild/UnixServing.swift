// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CTestSupport
import EventLoops
import Glibc
import Networking

/// Starts and stops servers on a Unix socket while clients on two loops keep connecting; every
/// other server is stopped by cancelling its task.
func stopWhileHandingOver() throws {
    let path = "/tmp/millrace-handover-\(MonotonicInstant.now.nanoseconds)"
    let tally = Tally()
    try LoopGroup.run(loops: 2, choice: choice) { group in
        try await serveOnce(path, group, tally, isCancelled: false)
        let before = await count(group)
        for number in 0..<20 {
            try await serveOnce(path, group, tally, isCancelled: number % 2 == 0)
        }
        let after = await count(group)
        print(before == after ? "no leak" : "leak: \(before) before, \(after) after")
        var operations: [Int] = []
        for executor in group.executors {
            operations.append(
                await withTaskExecutorPreference(executor) { executor.loop.operationCount })
        }
        print("operations: \(operations), stuck: \(tally.stuck.load(ordering: .relaxed))")
    }
    let served = tally.served.load(ordering: .relaxed)
    print(served > 100 ? "served" : "served: \(served)")
}

final class Tally: Sendable {
    let served = Atomic<Int>(0)
    let stuck = Atomic<Int>(0)
}

/// One life of a server: it stops while clients connect, and all tasks end.
func serveOnce(
    _ path: String, _ group: LoopGroup, _ tally: Tally, isCancelled: Bool
) async throws {
    _ = unsafe unlink(path)  // SAFETY: NUL-terminated for the call.
    defer { _ = unsafe unlink(path) }  // SAFETY: as above.
    guard let address = SocketAddress.unix(path: path) else { return }
    let server = try await StreamServer.open(on: address, group: group)
    await withDiscardingTaskGroup { tasks in
        for executor in group.executors {
            for _ in 0..<16 {
                tasks.addTask(executorPreference: executor) {
                    for _ in 0..<20 { await visit(address, tally) }
                }
            }
        }
        await withDiscardingTaskGroup { life in
            life.addTask { await server.run { await answer($0) } }
            try? await LoopTime.sleep(for: .milliseconds(8))
            if isCancelled { life.cancelAll() } else { server.stopAccepting() }
        }
    }
}

@Sendable func answer(_ connection: StreamConnection) async {
    while true {  // Ends with the stream, or when the server's task is cancelled.
        let bytes = try? await connection.read(atMost: 100)
        guard let bytes, !bytes.isEmpty else { return }
        try? await connection.write(bytes)
    }
}

/// Connects, asks, and reads the answer; an error is what a stopping server owes.
func visit(_ address: SocketAddress, _ tally: Tally) async {
    let deadline = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000_000)
    do throws(SystemError) {
        let connection = try await StreamConnection.connect(to: address, until: deadline)
        defer { connection.close() }
        try await connection.write([1, 2, 3], until: deadline)
        let answer = try await connection.read(atMost: 3, until: deadline)
        if answer == [1, 2, 3] { tally.served.add(1, ordering: .relaxed) }
    } catch {
        if error.isTimeout { tally.stuck.add(1, ordering: .relaxed) }
    }
}
