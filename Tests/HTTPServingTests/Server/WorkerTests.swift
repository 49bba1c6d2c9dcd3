// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

@testable import HTTPServing

/// A server's part on one loop, by itself.
@Suite("Server: its part on a loop")
struct ServerWorkerTests {
    private static func worker(
        _ executor: LoopExecutor, _ configuration: HTTPServerConfiguration = .init(),
        _ openCount: OpenConnections = OpenConnections()
    ) throws -> HTTPWorker {
        HTTPWorker(
            executor, configuration, try TestRoutes.all().router(), openCount, serverLine: [])
    }

    /// Takes the loop's only timer.
    private static func takeTimer(of loop: EventLoop) throws -> LoopTimer {
        // SAFETY: the loop outlives its timer, and is not looked at.
        let timer = unsafe loop.schedule(
            at: .now.advanced(by: .seconds(600)),
            context: Unmanaged.passUnretained(loop).toOpaque()
        ) { _, _ in }
        return try #require(timer)
    }

    /// Runs on a loop whose only timer is taken.
    private static func withoutTimer(
        _ choice: BackendChoice, _ body: @escaping @Sendable (LoopExecutor) async throws -> Void
    ) throws {
        var options = LoopOptions()
        options.timersMax = 1
        try LoopGroup.run(choice: choice, options: options) { group in
            let executor = group.executors[0]
            _ = try takeTimer(of: executor.loop)
            try await body(executor)
        }
    }

    @Test("Some tasks wait for the next request, and are found again", arguments: backends)
    func tasks(_ choice: BackendChoice) throws {
        // If this failed, each request, or each of a crowd, would leave a task behind.
        try LoopGroup.run(choice: choice) { group in
            let worker = try Self.worker(group.executors[0])
            let all = (0..<70).map { _ in worker.takeTask() }
            let kept = all.filter { worker.keep($0) }
            #expect(kept.count == 64)
            let names = Set(kept.map { ObjectIdentifier($0) })
            let again = (0..<64).map { _ in worker.takeTask() }
            #expect(Set(again.map { ObjectIdentifier($0) }) == names)
            // One that has ended gets no request.
            for task in kept { #expect(worker.keep(task)) }
            worker.drop(kept[7])
            let rest = (0..<64).map { _ in worker.takeTask() }
            #expect(!rest.contains { $0 === kept[7] })
            #expect(rest.count { names.contains(ObjectIdentifier($0)) } == 63)
        }
    }

    @Test("A stop that finds no timer cuts soon, and keeps nothing", arguments: backends)
    func noTimer(_ choice: BackendChoice) throws {
        // If this failed, a stop would wait for ever for a handler that does not end.
        try Self.withoutTimer(choice) { executor in
            let watched = try Self.stopped(executor)
            // The cut comes behind the turn in which the stop came.
            for _ in 0..<1_000 where watched.worker != nil { await Task.yield() }
            #expect(watched.worker == nil)
        }
    }

    @Test("A stop that finds no timer gives its worker back once", arguments: backends)
    func givenBackOnce(_ choice: BackendChoice) throws {
        // If this failed, memory that others use would be freed.
        try Self.withoutTimer(choice) { executor in
            let worker = try Self.worker(executor)
            let watched = WatchedWorker(worker)
            worker.stopGracefully()
            // The cut comes behind the turn in which the stop came.
            for _ in 0..<100 { await Task.yield() }
            let isThere = watched.worker != nil
            withExtendedLifetime(worker) {}
            #expect(isThere)
        }
    }

    @Test("A limit that finds its timer a turn later holds as it was", arguments: backends)
    func lateTimer(_ choice: BackendChoice) throws {
        // If this failed, a silent client would have the time of one that rests between requests.
        var options = LoopOptions()
        options.timersMax = 1
        try LoopGroup.run(choice: choice, options: options) { group in
            let loop = group.executors[0].loop
            var configuration = HTTPServerConfiguration()
            configuration.headerTimeout = .milliseconds(50)
            configuration.idleTimeout = .seconds(600)
            configuration.lingerTimeout = .milliseconds(10)
            let openCount = OpenConnections()
            let worker = try Self.worker(group.executors[0], configuration, openCount)
            var ends: [Int32] = [-1, -1]
            // SAFETY: room for two.
            try #require(unsafe millrace_socket_pair(Int32(MILLRACE_SOCK_STREAM), &ends) == 0)
            defer { _ = millrace_close(ends[1]) }
            let timer = try Self.takeTimer(of: loop)
            let begin = MonotonicInstant.now
            worker.adopt(ends[0])
            #expect(loop.cancel(timer))
            #expect(openCount.count == 1)
            let deadline = MonotonicInstant.now.advanced(by: .seconds(10))
            while openCount.count > 0, .now < deadline { await Task.yield() }  // Ends by then.
            #expect(openCount.count == 0)
            #expect(begin.advanced(by: .milliseconds(45)) < .now, "it had not its time")
        }
    }

    /// One that nothing but its own stop keeps.
    private static func stopped(_ executor: LoopExecutor) throws -> WatchedWorker {
        let worker = try worker(executor)
        worker.stopGracefully()
        #expect(worker.isStopping)
        return WatchedWorker(worker)
    }
}

/// A worker, as long as somebody else keeps it.
private final class WatchedWorker {
    weak var worker: HTTPWorker?

    init(_ worker: HTTPWorker) { self.worker = worker }
}
