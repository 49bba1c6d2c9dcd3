// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Testing

@testable import HTTPServing

/// A server's part on one loop, by itself.
@Suite("Server: its part on a loop")
struct ServerWorkerTests {
    private static func worker(_ executor: LoopExecutor) throws -> HTTPWorker {
        HTTPWorker(
            executor, HTTPServerConfiguration(), try TestRoutes.all().router(), OpenConnections(),
            serverLine: [])
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
        var options = LoopOptions()
        options.timersMax = 1
        try LoopGroup.run(choice: choice, options: options) { group in
            let executor = group.executors[0]
            // SAFETY: the executor lives as long as the loop, and is not looked at.
            let timer = unsafe executor.loop.schedule(
                at: .now.advanced(by: .seconds(600)),
                context: Unmanaged.passUnretained(executor).toOpaque()
            ) { _, _ in }
            #expect(timer != nil)
            let watched = try Self.stopped(executor)
            // The cut comes behind the turn in which the stop came.
            for _ in 0..<1_000 where watched.worker != nil { await Task.yield() }
            #expect(watched.worker == nil)
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
