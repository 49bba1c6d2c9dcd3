// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import CLinuxShims

/// Answers requests with the files below a folder: conditional requests (RFC 9110, section 13),
/// ranges (section 14), codings that lie beside a file; bytes go from the file to the socket
/// without passing through the program.
///
/// Opening is done on a thread that may block, sending on the loop.
public final class StaticFiles: Sendable {
    private let root: FileRoot
    /// What `Cache-Control` says; nil leaves it out.
    private let cacheControl: String?

    /// The files below a folder, which `FileRoot` guards.
    public init(
        _ path: String, options: FileRootOptions = FileRootOptions(), cacheControl: String? = nil
    ) throws(FileError) {
        root = try FileRoot(path, options)
        self.cacheControl = cacheControl
    }

    /// The answer to a GET or HEAD request for the file that a route's wildcard names.
    public func respond(
        to request: ServerRequest, wildcard: String = "path"
    ) async throws -> ServerResponse {
        guard let range = request.parameterRange(wildcard) else { throw HTTPFailure(500) }
        let path = Array(request.pathBytes[range])
        let accepted = request.acceptedCodings
        let opened = await BlockingPool.shared.run { self.open(path, accepted) }
        switch opened {
        case .success(let file):
            return try Representation(file, cacheControl: cacheControl).respond(to: request)
        case .failure(.isFolder): return .redirect(toFolder: request)
        case .failure(let error): throw HTTPFailure(error.status)
        }
    }

    private func open(
        _ path: [UInt8], _ codings: AcceptedCodings
    ) -> Result<OpenedFile, FileError> {
        do throws(FileError) {
            let now = millrace_clock_realtime_nanoseconds()
            let file = try root.open(
                path.span, accepting: codings, nowSeconds: now / 1_000_000_000,
                nanoseconds: now % 1_000_000_000)
            return .success(OpenedFile(file))
        } catch {
            return .failure(error)
        }
    }
}

extension HTTPRoutes {
    /// Serves the files below a folder for GET and HEAD, under a prefix without a slash at its end.
    public mutating func files(_ prefix: String, _ files: StaticFiles) throws(RouteError) {
        try get(prefix + "/*path") { request in try await files.respond(to: request) }
    }
}

extension FileError {
    /// The status of the answer.
    var status: Int {
        switch self {
        case .malformedPath: 400
        case .notFound: 404
        case .isFolder: 308
        case .forbidden: 403
        case .notAcceptable: 406
        case .exhausted: 503
        case .failed: 500
        }
    }
}
