// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension Resolver {
    /// The addresses of an endpoint, best first; on the suspension's loop.
    static func resolve(
        _ endpoint: Endpoint, until deadline: MonotonicInstant, waitingOn bell: Suspension,
        pool: BlockingPool = .shared
    ) async throws(ConnectFailure) -> [SocketAddress] {
        guard case .host(let host, let port) = endpoint,
            SocketAddress.numeric(host: host, port: port) == nil
        else { return try await resolveAtOnce(endpoint) }
        let executor = bell.executor
        let lookup = Lookup(waitingOn: bell)
        defer { lookup.abandon() }
        pool.submit {
            let answer = lookUp(host: host, port: port).mapError {
                Failure(endpoint: endpoint, reason: $0.text)
            }
            executor.perform { lookup.take(answer) }
        }
        while true {  // Ends with the answer, the deadline or the task: other signals are passed.
            if let answer = lookup.answer { return try unwrap(answer) }
            switch await bell.waitForSignal(until: deadline) {
            case 0...: continue
            case -Int32(MILLRACE_ETIMEDOUT):
                throw ConnectFailure(cause: .deadlineReached, attempts: [])
            default: throw ConnectFailure(cause: .cancelled, attempts: [])
            }
        }
    }

    private static func resolveAtOnce(
        _ endpoint: Endpoint
    ) async throws(ConnectFailure) -> [SocketAddress] {
        do throws(Failure) {
            return try await resolve(endpoint)
        } catch {
            throw ConnectFailure(cause: .unresolved(error), attempts: [])
        }
    }

    private static func unwrap(
        _ answer: Lookup.Answer
    ) throws(ConnectFailure) -> [SocketAddress] {
        switch answer {
        case .success(let addresses): return addresses
        case .failure(let failure):
            throw ConnectFailure(cause: .unresolved(failure), attempts: [])
        }
    }
}
