// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Networking
import Testing

/// Nobody listens there: connections are refused at once.
private let refusing = [
    SocketAddress.ipv4(host: "127.0.0.1", port: 1), .ipv6(host: "::1", port: 1),
].compactMap { $0 }

@Suite("Connecting to one of several addresses", .serialized)
struct ConnectTests {
    @Test("A refused address falls through at once", arguments: backends)
    func refusalFallsThrough(_ choice: BackendChoice) throws {
        // If this failed, a host that left one of its addresses would cost a delay each time.
        let seen = try LoopGroup.run(choice: choice) { group in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let start = MonotonicInstant.now
            let connection = try await StreamConnection.connect(
                toAnyOf: refusing + [listener.address], attemptDelay: .seconds(10))
            let elapsed = MonotonicInstant.now.nanoseconds(since: start)
            defer { connection.close() }
            return (
                try connection.peerAddress == listener.address, elapsed,
                group.executors[0].loop.operationCount
            )
        }
        #expect(seen.0)
        #expect(seen.1 < 2_000_000_000)
        #expect(seen.2 == 0)
    }

    @Test("An address that does not answer is overtaken after the delay", arguments: backends)
    func silenceIsOvertaken(_ choice: BackendChoice) throws {
        // If this failed, a black hole would hold the caller for the kernel's two minutes.
        let seen = try withBlackHole(choice) { loop, hole in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let start = MonotonicInstant.now
            let connection = try await StreamConnection.connect(
                toAnyOf: [hole, listener.address], attemptDelay: .milliseconds(40))
            let elapsed = MonotonicInstant.now.nanoseconds(since: start)
            defer { connection.close() }
            return (
                try connection.peerAddress == listener.address, elapsed, loop.operationCount
            )
        }
        #expect(seen.0)
        #expect((40_000_000..<900_000_000).contains(seen.1), "\(seen.1)")
        #expect(seen.2 == 0, "the slower attempt is over in the kernel")
    }

    @Test("When all refuse, each is named with its reason", arguments: backends)
    func allRefuse(_ choice: BackendChoice) throws {
        // If this failed, a user would learn of one address and look for the fault at the other.
        let failure = try LoopGroup.run(choice: choice) { _ in
            await connectFailure { try await StreamConnection.connect(toAnyOf: refusing) }
        }
        #expect(failure?.cause == .allFailed)
        #expect(failure?.attempts.map(\.address) == refusing)
        #expect(failure?.attempts.map(\.reason.code) == [111, 111])
        #expect(
            failure?.description
                == "no connection: 127.0.0.1:1: connect: Connection refused (ECONNREFUSED); "
                + "[::1]:1: connect: Connection refused (ECONNREFUSED)")
        #expect(failure?.summary == SystemError(.connect, code: Int32(MILLRACE_ECONNREFUSED)))
    }

    @Test("The deadline ends all attempts", arguments: backends)
    func deadline(_ choice: BackendChoice) throws {
        // If this failed, a connect with a deadline would come back late, or leave sockets behind.
        let seen = try withBlackHole(choice) { loop, hole in
            let start = MonotonicInstant.now
            let failure = await connectFailure {
                try await StreamConnection.connect(
                    toAnyOf: [hole, refusing[0], hole], attemptDelay: .milliseconds(10),
                    until: start.advanced(byNanoseconds: 60_000_000))
            }
            return (failure, MonotonicInstant.now.nanoseconds(since: start), loop.operationCount)
        }
        #expect(seen.0?.cause == .deadlineReached)
        #expect(seen.0?.attempts.map(\.reason.code) == [110, 111, 110])
        #expect(seen.0?.summary.isTimeout == true)
        #expect((60_000_000..<900_000_000).contains(seen.1), "\(seen.1)")
        #expect(seen.2 == 0)
    }

    @Test("Cancelling the task ends all attempts", arguments: backends)
    func cancellation(_ choice: BackendChoice) throws {
        // If this failed, a program could not stop while a peer does not answer.
        let seen = try withBlackHole(choice) { loop, hole in
            await withTaskGroup(of: ConnectFailure?.self) { tasks in
                tasks.addTask {
                    await connectFailure {
                        try await StreamConnection.connect(
                            toAnyOf: [hole, hole], attemptDelay: .milliseconds(10))
                    }
                }
                try? await LoopTime.sleep(for: .milliseconds(50))
                let underWay = loop.operationCount
                tasks.cancelAll()
                return (await tasks.next() ?? nil, underWay, loop.operationCount)
            }
        }
        #expect(seen.0?.cause == .cancelled)
        #expect(seen.0?.attempts.map(\.reason.code) == [125, 125])
        #expect(seen.1 == 2)
        #expect(seen.2 == 0)
    }

    @Test("Nobody is asked for a connection that is not wanted any more", arguments: backends)
    func unwanted(_ choice: BackendChoice) throws {
        // If this failed, a client that is shut down between two waits of an attempt would wait for
        // a silent peer, up to two minutes.
        let failure = try withBlackHole(choice) { _, hole in
            let executor = try #require(LoopExecutor.current)
            return await connectFailure {
                try await StreamConnection.connect(
                    to: .host("127.0.0.1", port: hole.port), options: StreamOptions(),
                    attemptDelay: .milliseconds(250), until: .now.advanced(by: .seconds(2)),
                    waitingOn: Suspension(executor), isWanted: { false })
            }
        }
        #expect(failure?.cause == .cancelled)
        #expect(failure?.attempts == [])
    }

    @Test("An attempt that finds no place for its operation has failed", arguments: backends)
    func noPlace(_ choice: BackendChoice) throws {
        // If this failed, a caller would wait for an answer to what was never asked.
        let failure = try withFullTable(choice) { _, _ in
            await connectFailure {
                try await StreamConnection.connect(toAnyOf: refusing, until: inTime)
            }
        }
        #expect(failure?.cause == .allFailed)
        #expect(
            failure?.attempts.map(\.reason.code)
                == [Int32(MILLRACE_ENOBUFS), Int32(MILLRACE_ENOBUFS)])
    }

    @Test("A name is looked up and its addresses raced", arguments: backends)
    func names(_ choice: BackendChoice) throws {
        // If this failed, "localhost" would not reach a server that listens on IPv4 alone.
        let seen = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let connection = try await StreamConnection.connect(
                to: .host("localhost", port: listener.address.port))
            let isRight = try connection.peerAddress == listener.address
            connection.close()
            let unresolved = await connectFailure {
                try await StreamConnection.connect(to: .host("name.invalid", port: 7))
            }
            let late = await connectFailure {
                try await StreamConnection.connect(
                    to: .host("localhost", port: 1), until: MonotonicInstant(nanoseconds: 1))
            }
            return (isRight, unresolved?.description, late?.cause)
        }
        #expect(seen.0)
        #expect(seen.1?.hasPrefix("no connection: name.invalid:7: ") == true)
        #expect(seen.2 == .deadlineReached)
    }

    @Test("Refused options fail each attempt and close it", arguments: backends)
    func refusedOptions(_ choice: BackendChoice) throws {
        // If this failed, a connection that nobody has would stay open at the peer; or the backend
        // would take the next socket with that number for the old one and never wake its reader.
        let seen = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let good = try await StreamConnection.connect(to: listener.address)
            defer { good.close() }
            var options = StreamOptions()
            options.unsentByteCountMax = 0
            let failure = await connectFailure { [options] in
                try await StreamConnection.connect(toAnyOf: [listener.address], options: options)
            }
            let first = try await listener.accept()
            let second = try await listener.accept()
            defer {
                first.close()
                second.close()
            }
            let bytes = try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    try await LoopTime.sleep(for: .milliseconds(5))
                    try await good.write([7])
                }
                return try await first.read(
                    atMost: 1, until: .now.advanced(byNanoseconds: 1_000_000_000))
            }
            return (failure?.summary, bytes, await code { _ = try await second.read(atMost: 1) })
        }
        #expect(seen.0 == SystemError(.setOption, code: Int32(MILLRACE_EINVAL)))
        #expect(seen.1 == [7])
        #expect(seen.2 == 0)
    }

    @Test("A thousand races leave no descriptor behind", arguments: backends)
    func nothingIsLeftBehind(_ choice: BackendChoice) throws {
        // If this failed, a client that reconnects would run out of descriptors.
        #expect(try child("races", choice) == ["won: 1000", "no leak"])
    }
}

/// The failure that `body` ends with; nil if it succeeds.
private func connectFailure(_ body: () async throws -> StreamConnection) async -> ConnectFailure? {
    do {
        try await body().close()
        return nil
    } catch {
        return error as? ConnectFailure
    }
}

/// Calls `body` with the address of a listener whose queue is full: it drops what asks for a
/// connection and does not answer. listen(2), tcp(7).
private func withBlackHole<Value: Sendable>(
    _ choice: BackendChoice,
    _ body: @escaping @Sendable (EventLoop, SocketAddress) async throws -> Value
) throws -> Value {
    try LoopGroup.run(choice: choice) { group in
        var options = StreamListener.Options()
        options.backlog = 0
        let listener = try StreamListener(on: loopback, options: options)
        defer { listener.close() }
        let first = try await StreamConnection.connect(to: listener.address)
        defer { first.close() }
        return try await body(group.executors[0].loop, listener.address)
    }
}
