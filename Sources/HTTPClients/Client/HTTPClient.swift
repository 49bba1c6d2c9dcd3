// SPDX-License-Identifier: MIT

public import AsyncRuntime
internal import AtomicSupport
internal import EventLoops

/// An HTTP/1.1 client (RFC 9110, RFC 9112) on the loops of a group: connections are kept and used
/// again, bodies stream both ways, and everything has a limit.
///
/// | Guarantee | `send`, `fetch`                                                                  |
/// |-----------|----------------------------------------------------------------------------------|
/// | Threads   | tasks that prefer one of the group's loops; each loop has its own connections    |
/// | Tasks     | any number at once                                                               |
/// | Limits    | `HTTPClientConfiguration`; each has its own `HTTPClientError`                    |
/// | Cancelling| ends at once what the task waits for, down to the kernel; the connection closes  |
/// | Sent twice| only what is idempotent, and only if no byte of an answer has come               |
/// | Memory    | the loop's receive credit and two send blocks for each request, whatever its size|
///
/// ```swift
/// try LoopGroup.run { group in
///     try await HTTPClient.run(on: group) { client in
///         let answer = try await client.fetch(
///             ClientRequest(RequestURL("http://example.org/")), upTo: 1 << 20)
///         print(answer.status, answer.bytes.count)
///     }
/// }
/// ```
///
/// `close` is a must, before the group's program ends; `run` does it.
public final class HTTPClient: Sendable {
    /// On whose loops the client lives.
    public let group: LoopGroup
    private let loops: [ClientLoop]
    /// The limits.
    public let configuration: HTTPClientConfiguration

    /// A client without connections yet. Any thread.
    public init(
        on group: LoopGroup, configuration: HTTPClientConfiguration = HTTPClientConfiguration()
    ) {
        self.group = group
        self.configuration = configuration
        loops = group.executors.map { ClientLoop($0, configuration) }
    }

    /// Lends a client to `body`, and closes it afterwards.
    ///
    /// - Parameters:
    ///   - group: on whose loops the client lives.
    ///   - configuration: its limits.
    ///   - body: uses the client in tasks of the group.
    /// - Returns: what `body` gave.
    public static func run<Value: Sendable>(
        on group: LoopGroup, configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
        _ body: (HTTPClient) async throws -> Value
    ) async throws -> Value {
        let client = HTTPClient(on: group, configuration: configuration)
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body(client))
        } catch {
            outcome = .failure(error)
        }
        await client.close()
        return try outcome.get()
    }

    /// Sends a request, follows redirects, and hands the answer to `handle`, in the calling task
    /// on its loop. When `handle` has returned, the connection goes back: what is left of the body
    /// is read if it is little, else the connection is closed.
    ///
    /// - Parameters:
    ///   - request: what is asked for.
    ///   - handle: reads the answer. It must not keep the body.
    /// - Returns: what `handle` gave.
    /// - Throws: `HTTPClientError`; what `handle` or the request's own producer threw.
    @concurrent
    public func send<Value: Sendable>(
        _ request: ClientRequest, _ handle: @Sendable (ClientResponse) async throws -> Value
    ) async throws -> Value {
        guard let executor = LoopExecutor.current,
            let loop = loops.first(where: { $0.executor === executor })
        else { preconditionFailure("a client is used in tasks that prefer a loop of its group") }
        let timeout = request.timeout ?? configuration.requestTimeout
        let deadline = timeout.map { MonotonicInstant.now.advanced(by: $0) } ?? .never
        var trail = RedirectTrail(request, configuration.redirects)
        while true {  // Ends: `follow` throws after `RedirectPolicy.limit` turns.
            switch try await loop.perform(trail, until: deadline, handle) {
            case .value(let value): return value
            case .redirect(let status, let location):
                try trail.follow(status: status, location: location)
            }
        }
    }

    /// Sends a request and gathers the whole answer.
    ///
    /// - Parameters:
    ///   - request: what is asked for.
    ///   - byteCountMax: how many bytes of a body are taken.
    /// - Returns: the answer.
    /// - Throws: as `send`; `HTTPClientError.bodyTooLong`.
    public func fetch(
        _ request: ClientRequest, upTo byteCountMax: Int
    ) async throws -> CollectedResponse {
        try await send(request) { response in
            let bytes = try await response.body.collect(upTo: byteCountMax)
            return CollectedResponse(
                status: response.status, fields: response.fields, url: response.url, bytes: bytes,
                trailers: response.body.trailers)
        }
    }

    /// Takes no more requests, closes what is idle, and returns when the requests under way are
    /// over and every connection is closed. Those that wait for a connection fail with `closed`.
    /// More than once is the same as once. Any thread.
    public func close() async {
        await withDiscardingTaskGroup { tasks in
            for loop in loops {
                tasks.addTask(executorPreference: loop.executor) { await loop.close() }
            }
        }
    }
}
