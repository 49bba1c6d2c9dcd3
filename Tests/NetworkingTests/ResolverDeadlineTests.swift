// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

@testable import Networking

@Suite("A resolver that takes its time")
struct ResolverDeadlineTests {
    @Test(
        "The deadline ends the wait, and the answer that comes later is dropped",
        arguments: backends)
    func deadline(_ choice: BackendChoice) throws {
        // If this failed, a name server that is down would hold a connect past its time limit.
        let pool = BlockingPool(threadsMax: 1)
        let isOver = Shared(Atomic<Bool>(false))
        let seen = try LoopGroup.run(choice: choice) { group in
            let executor = group.executors[0]
            // The pool's thread has something else to do until the deadline has passed.
            pool.submit {
                while !isOver.value.load(ordering: .acquiring) { _ = millrace_poll(-1, 0, 1) }
            }
            let bell = Suspension(executor)
            let endpoint = Endpoint.host("localhost", port: 7)
            var cause: ConnectFailure.Cause?
            do throws(ConnectFailure) {
                _ = try await Resolver.resolve(
                    endpoint, until: .now.advanced(by: .milliseconds(20)), waitingOn: bell,
                    pool: pool)
            } catch {
                cause = error.cause
            }
            isOver.value.store(true, ordering: .releasing)
            // Behind the lookup that nobody waits for, another one has its answer.
            let addresses = try await Resolver.resolve(
                endpoint, until: .never, waitingOn: bell, pool: pool)
            return (cause, addresses.isEmpty)
        }
        #expect(seen.0 == .deadlineReached)
        #expect(!seen.1)
    }
}
