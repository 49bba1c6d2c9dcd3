// SPDX-License-Identifier: MIT

/// Gives every answer the request's name in `X-Request-ID`: the client's own if it is of a sane
/// form, else a new one. The handler finds it in `RequestIDMiddleware.current`.
public struct RequestIDMiddleware: Sendable {
    /// The name of the request that the calling task answers; nil outside of one.
    @TaskLocal public static var current: String?

    /// The middleware.
    public init() {}

    /// What `HTTPRoutes.use` takes.
    public var middleware: HTTPMiddleware {
        { request, next in
            let name = Self.name(for: request)
            return await Self.$current.withValue(name) {
                do {
                    return try await next(request).adding("X-Request-ID", name)
                } catch {
                    // The answer is made here, so that it has the name too.
                    return ServerResponse(to: error).adding("X-Request-ID", name)
                }
            }
        }
    }

    private static func name(for request: ServerRequest) -> String {
        if let sent = request["X-Request-ID"] {
            let bytes = Array(sent.utf8)
            if RequestID.isAcceptable(bytes.span) { return sent }
        }
        var bytes: [UInt8] = []
        var generator = RequestIDGenerator()
        generator.append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
