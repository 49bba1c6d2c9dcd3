// SPDX-License-Identifier: MIT

/// The routes of a server, while they are registered.
///
/// ```swift
/// try HTTPServer.run(on: "127.0.0.1:8080", group: group) { routes throws(RouteError) in
///     try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
///     try routes.get("/users/:id(uint)") { request in
///         .text("user \(request.parameter("id") ?? "?")")
///     }
/// }
/// ```
///
/// Patterns, methods and conflicts are those of `RouterBuilder`.
public struct HTTPRoutes {
    private var builder: RouterBuilder<HTTPHandler>
    private var middlewares: [HTTPMiddleware] = []

    /// No routes.
    public init(trailingSlash: TrailingSlash = .strict) {
        builder = RouterBuilder(trailingSlash: trailingSlash)
    }

    /// From here on, handlers with a task are called through `middleware`; the one that was
    /// registered first is the outermost. Direct handlers are not.
    public mutating func use(_ middleware: @escaping HTTPMiddleware) {
        middlewares.append(middleware)
    }

    /// Registers a handler for a method, which may be any token.
    public mutating func on(
        _ method: String, _ pattern: String, _ handler: HTTPHandler
    ) throws(RouteError) {
        try builder.add(method, pattern, wrapped(handler))
    }

    /// Registers a handler that answers at once, for GET and HEAD.
    public mutating func get(
        _ pattern: String,
        direct: @escaping @Sendable (borrowing DirectRequest, inout DirectResponse) -> Void
    ) throws(RouteError) {
        try builder.get(pattern, .direct(direct))
    }

    /// Registers a handler for GET and HEAD.
    public mutating func get(
        _ pattern: String,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) throws(RouteError) {
        try builder.get(pattern, wrapped(.task(handler)))
    }

    /// Registers a handler for POST.
    public mutating func post(
        _ pattern: String,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) throws(RouteError) {
        try builder.post(pattern, wrapped(.task(handler)))
    }

    /// Registers a handler for PUT.
    public mutating func put(
        _ pattern: String,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) throws(RouteError) {
        try builder.put(pattern, wrapped(.task(handler)))
    }

    /// Registers a handler for DELETE.
    public mutating func delete(
        _ pattern: String,
        _ handler: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) throws(RouteError) {
        try builder.delete(pattern, wrapped(.task(handler)))
    }

    /// Registers what `body` registers with a prefix before every pattern; middlewares that it adds
    /// concern the group alone.
    public mutating func group(
        _ prefix: String, _ body: (inout HTTPRoutes) throws(RouteError) -> Void
    ) throws(RouteError) {
        var inner = self  // What is added to the group's middlewares ends with it.
        try builder.group(prefix) { (nested: inout RouterBuilder<HTTPHandler>) throws(RouteError) in
            inner.builder = nested
            try body(&inner)
            nested = inner.builder
        }
    }

    func router() -> Router<HTTPHandler> { builder.router() }

    private func wrapped(_ handler: HTTPHandler) -> HTTPHandler {
        guard case .task(var call) = handler else { return handler }
        for middleware in middlewares.reversed() {
            let inner = call
            call = { request in try await middleware(request, inner) }
        }
        return .task(call)
    }
}
