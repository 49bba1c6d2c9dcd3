// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

@Suite("Stream server")
struct ServerTests {
    @Test("Connections are spread over the loops, TCP and Unix", arguments: backends)
    func connectionsAreSpread(_ choice: BackendChoice) throws {
        // If this failed, one loop would do all the work, or a Unix socket could not be shared.
        let path = "/tmp/millrace-server-\(MonotonicInstant.now.nanoseconds)"
        defer { removeFile(path) }
        for address in [loopback, SocketAddress.unix(path: path)] {
            let address = try #require(address)
            let seen = try LoopGroup.run(loops: 2, choice: choice) { group in
                let server = try await StreamServer.open(on: address, group: group)
                let loops = LoopLog()
                await withDiscardingTaskGroup { tasks in
                    tasks.addTask {
                        await server.run { connection in
                            loops.note(connection.executor)
                            try? await echo(connection)
                        }
                    }
                    for number in 0..<40 {
                        guard
                            let connection = try? await StreamConnection.connect(to: server.address)
                        else { continue }
                        try? await connection.write([UInt8(number)])
                        let answer = try? await connection.read(atMost: 1)
                        if answer == [UInt8(number)] { loops.noteAnswer() }
                        connection.close()
                    }
                    server.stopAccepting()
                }
                return (loops.loopCount, loops.answerCount)
            }
            #expect(seen.1 == 40)
            #expect(seen.0 == 2)
        }
    }

    @Test(
        "A connection that comes when others have gone allocates four blocks", arguments: backends)
    func cyclesAllocateLittle(_ choice: BackendChoice) throws {
        // If this failed, a server where connections come and go would keep malloc busy.
        #expect(try child("connections", choice) == ["few"])
    }

    @Test("A closed connection that somebody keeps sees nothing of later ones", arguments: backends)
    func keptConnectionStaysClosed(_ choice: BackendChoice) throws {
        // If this failed, a reference to an old connection would read the bytes of a new one, whose
        // parts were its own.
        let outcome: [Int32] = try LoopGroup.run(choice: choice) { group in
            let server = try await StreamServer.open(on: loopback, group: group)
            let kept = Kept()
            return await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { connection in
                        if kept.connections.count < 3 { kept.connections.append(connection) }
                        try? await echo(connection)
                    }
                }
                var codes: [Int32] = []
                for number in 0..<20 as Range<UInt8> {
                    let answer = await ask(server.address, [number])
                    codes.append(answer == [number] ? 0 : -1)
                }
                for connection in kept.connections {
                    // It was closed here, which is no end of the peer's.
                    let told = await code { _ = try await connection.read(atMost: 10) }
                    codes.append(told == ECANCELED ? 0 : told)
                    codes.append(connection.isAtEnd ? 0 : -1)
                }
                kept.connections = []
                for number in 0..<20 as Range<UInt8> {
                    let answer = await ask(server.address, [number, 1])
                    codes.append(answer == [number, 1] ? 0 : -1)
                }
                server.stopAccepting()
                return codes
            }
        }
        #expect(outcome == Array(repeating: 0, count: outcome.count))
        #expect(outcome.count == 46)
    }

    @Test(
        "Stopping lets open connections end, and a second server gets the port", arguments: backends
    )
    func stopDrains(_ choice: BackendChoice) throws {
        // If this failed, a graceful stop would cut answers off or leave the port taken.
        let answer = try LoopGroup.run(choice: choice) { group in
            let server = try await StreamServer.open(on: loopback, group: group)
            let address = server.address
            let answer = await withTaskGroup(of: [UInt8].self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { connection in
                        let request = try? await connection.read(atMost: 10)
                        try? await LoopTime.sleep(for: .milliseconds(30))
                        try? await connection.write(request ?? [])
                    }
                    return []
                }
                guard let connection = try? await StreamConnection.connect(to: address) else {
                    return [UInt8(0)]
                }
                try? await connection.write([7])
                try? await LoopTime.sleep(for: .milliseconds(10))
                server.stopAccepting()
                let answer = (try? await connection.read(atMost: 1)) ?? []
                connection.close()
                return answer
            }
            let again = try await StreamServer.open(on: address, group: group)
            again.stopAccepting()
            return answer
        }
        #expect(answer == [7])
    }
}

extension ServerTests {
    @Test("Connections of used parts send what is enqueued", arguments: backends)
    func usedPartsSend(_ choice: BackendChoice) throws {
        // If this failed, a server would answer its first clients only.
        let answers = try LoopGroup.run(choice: choice) { group in
            let server = try await StreamServer.open(on: loopback, group: group)
            return await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { connection in
                        _ = try? connection.enqueue([7])
                        try? await connection.flush()
                        _ = try? await connection.read(atMost: 1)
                    }
                }
                var answers: [[UInt8]] = []
                for _ in 0..<20 { answers.append(await ask(server.address, [1])) }
                server.stopAccepting()
                return answers
            }
        }
        #expect(answers == [[UInt8]](repeating: [7], count: 20))
    }

    @Test(
        "Cancelling a server ends what its handlers wait for", arguments: backends, [false, true])
    func cancelling(_ choice: BackendChoice, writes: Bool) throws {
        // If this failed, a program could not stop while a client is silent, or does not read.
        let isEnded = try LoopGroup.run(choice: choice) { group in
            let server = try await StreamServer.open(on: loopback, group: group)
            let isServed = Box(false)
            let isEnded = Box(false)
            return try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { connection in
                        isServed.set(true)
                        if writes {
                            try? await connection.write([UInt8](repeating: 1, count: 16_000_000))
                        } else {
                            _ = try? await connection.read(atMost: 1)
                        }
                    }
                    isEnded.set(true)
                }
                let client = try await StreamConnection.connect(to: server.address)
                defer { client.close() }
                #expect(try await waitUntil { isServed.value })
                try await LoopTime.sleep(for: .milliseconds(30))
                tasks.cancelAll()
                return try await waitUntil { isEnded.value }
            }
        }
        #expect(isEnded)
    }
}

/// Which loops have served, and how many answers were right.
final class LoopLog: Sendable {
    private let first = Atomic<Int>(0)
    private let second = Atomic<Int>(0)
    private let answers = Atomic<Int>(0)

    func note(_ executor: LoopExecutor) {
        let number = ObjectIdentifier(executor).hashValue | 1
        let (isFirst, seen) = first.compareExchange(
            expected: 0, desired: number, ordering: .relaxed)
        if !isFirst && seen != number { second.store(number, ordering: .relaxed) }
    }

    func noteAnswer() { answers.add(1, ordering: .relaxed) }

    var loopCount: Int {
        (first.load(ordering: .relaxed) != 0 ? 1 : 0)
            + (second.load(ordering: .relaxed) != 0 ? 1 : 0)
    }

    var answerCount: Int { answers.load(ordering: .relaxed) }
}

/// Connections that outlive their handlers; the loop's thread alone touches them.
private final class Kept: @unchecked Sendable {
    var connections: [StreamConnection] = []
}

/// What a server answers to the bytes, on a connection of its own.
private func ask(_ address: SocketAddress, _ bytes: [UInt8]) async -> [UInt8] {
    guard let connection = try? await StreamConnection.connect(to: address) else { return [] }
    defer { connection.close() }
    try? await connection.write(bytes)
    var answer: [UInt8] = []
    while answer.count < bytes.count {  // Ends: every turn reads something or leaves.
        let more = (try? await connection.read(atMost: 10)) ?? []
        if more.isEmpty { break }
        answer += more
    }
    return answer
}
