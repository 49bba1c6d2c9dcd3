// SPDX-License-Identifier: MIT

/// What answers a request.
public enum HTTPHandler: Sendable {
    /// Answers at once, on the loop, without a task: nothing in it may wait or block. A body that
    /// the request has is dropped.
    case direct(@Sendable (borrowing DirectRequest, inout DirectResponse) -> Void)
    /// Answers in a task of its own on the connection's loop. What it throws becomes an answer:
    /// `HTTPFailure` and `RequestBodyError` say which, anything else is 500.
    case task(@Sendable (ServerRequest) async throws -> ServerResponse)
}

/// What stands around handlers that have a task: sees the request before and the response after,
/// and may answer by itself.
public typealias HTTPMiddleware =
    @Sendable (
        ServerRequest, _ next: @Sendable (ServerRequest) async throws -> ServerResponse
    ) async throws -> ServerResponse

/// An answer that a handler throws: a status with a line of text.
public struct HTTPFailure: Error, Sendable {
    /// The status, 400 to 599.
    public let status: Int
    /// What the client is told; nil for the status's own phrase.
    public let message: String?

    /// An answer with a status.
    public init(_ status: Int, _ message: String? = nil) {
        precondition((400...599).contains(status), "a failure has a status of 400 to 599")
        self.status = status
        self.message = message
    }
}
