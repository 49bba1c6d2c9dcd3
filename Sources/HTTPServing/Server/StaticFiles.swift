// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import CLinuxShims
internal import HTTP1Codec

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
        var codings = AcceptedCodings()
        for value in request.values(of: "Accept-Encoding") {
            let bytes = Array(value.utf8)
            codings.add(bytes.span)
        }
        let path = Array(request.pathBytes[range])
        let accepted = codings
        let opened = await BlockingPool.shared.run { self.open(path, accepted) }
        switch opened {
        case .success(let file): return try answer(request, file)
        case .failure(.isFolder): return Self.redirect(request)
        case .failure(let error): throw HTTPFailure(error.status)
        }
    }

    private func open(
        _ path: [UInt8], _ codings: AcceptedCodings
    ) -> Result<OpenedFile, FileError> {
        do throws(FileError) {
            let file = try root.open(
                path.span, accepting: codings, nowSeconds: millrace_clock_realtime_seconds())
            return .success(OpenedFile(file))
        } catch {
            return .failure(error)
        }
    }

    private static func redirect(_ request: ServerRequest) -> ServerResponse {
        let query = request.query.map { "?" + $0 } ?? ""
        return .failure(308).adding("Location", request.path + "/" + query)
    }

    // MARK: Conditions and ranges

    private func answer(_ request: ServerRequest, _ file: OpenedFile) throws -> ServerResponse {
        switch Self.outcome(request, file) {
        case .failed: throw HTTPFailure(412)
        case .notModified: return described(ServerResponse(status: 304), file, hasContent: false)
        case .proceed: break
        }
        guard request.head.method == .get, let value = request[.range],
            Self.ifRangeHolds(request, file)
        else { return whole(file) }
        let bytes = Array(value.utf8)
        switch RangeRequest.parse(bytes.span, completeByteCount: file.byteCount) {
        case .whole: return whole(file)
        case .unsatisfiable:
            var text: [UInt8] = []
            ContentRange.appendUnsatisfied(completeByteCount: file.byteCount, to: &text)
            return .failure(416).adding("Content-Range", String(decoding: text, as: UTF8.self))
        case .ranges(let ranges):
            return ranges.count == 1 ? part(file, ranges[0]) : parts(file, ranges)
        }
    }

    private static func outcome(
        _ request: ServerRequest, _ file: OpenedFile
    ) -> PreconditionOutcome {
        var conditions = Preconditions(file.validators)
        for value in request.values(of: "If-Match") {
            let bytes = Array(value.utf8)
            conditions.ifMatch(bytes.span)
        }
        for value in request.values(of: "If-None-Match") {
            let bytes = Array(value.utf8)
            conditions.ifNoneMatch(bytes.span)
        }
        for value in request.values(of: "If-Modified-Since") {
            conditions.ifModifiedSince(seconds(value))
        }
        for value in request.values(of: "If-Unmodified-Since") {
            conditions.ifUnmodifiedSince(seconds(value))
        }
        let isGetOrHead = request.head.method == .get || request.head.method == .head
        return conditions.outcome(isGetOrHead: isGetOrHead)
    }

    private static func ifRangeHolds(_ request: ServerRequest, _ file: OpenedFile) -> Bool {
        guard let value = request[.ifRange] else { return true }
        let bytes = Array(value.utf8)
        return Preconditions.ifRangeHolds(
            bytes.span, dateSeconds: seconds(value), file.validators,
            nowSeconds: millrace_clock_realtime_seconds())
    }

    private static func seconds(_ date: String) -> Int64? {
        guard let now = HTTPDate(secondsSince1970: millrace_clock_realtime_seconds()) else {
            return nil
        }
        let bytes = Array(date.utf8)
        return HTTPDate(parsing: bytes.span, now: now)?.secondsSince1970
    }

    // MARK: Answers

    private func whole(_ file: OpenedFile) -> ServerResponse {
        let part = FilePart(file, offset: 0, byteCount: file.byteCount)
        return described(.file(status: 200, part), file, hasContent: true)
    }

    private func part(_ file: OpenedFile, _ range: ContentRange) -> ServerResponse {
        var text: [UInt8] = []
        range.append(completeByteCount: file.byteCount, to: &text)
        let part = FilePart(file, offset: range.offset, byteCount: range.byteCount)
        return described(.file(status: 206, part), file, hasContent: true)
            .adding("Content-Range", String(decoding: text, as: UTF8.self))
    }

    /// Several ranges: multipart/byteranges (section 14.6).
    private func parts(_ file: OpenedFile, _ ranges: ContentRanges) -> ServerResponse {
        let boundary = Array("millrace-\(String(UInt64.random(in: .min ... .max), radix: 36))".utf8)
        let body = ByteRangesBody(
            ranges, of: file.byteCount, contentType: Array("\(file.mediaType)".utf8),
            boundary: boundary)
        var type: [UInt8] = []
        body.appendContentType(to: &type)
        let response = ServerResponse.stream(
            status: 206, type: String(decoding: type, as: UTF8.self), byteCount: body.byteCount
        ) { writer in
            for index in 0..<ranges.count {
                var head: [UInt8] = []
                body.appendHead(of: index, to: &head)
                try await writer.write(head)
                let range = ranges[index]
                try await writer.write(
                    FilePart(file, offset: range.offset, byteCount: range.byteCount))
            }
            var end: [UInt8] = []
            body.appendEnd(to: &end)
            try await writer.write(end)
        }
        return described(response, file, hasContent: true)
    }

    /// Adds what is said about the file. `hasContent`: about its bytes too.
    private func described(
        _ response: ServerResponse, _ file: OpenedFile, hasContent: Bool
    ) -> ServerResponse {
        var response = response
        if hasContent {
            if response.value(of: "Content-Type") == nil {
                response.add("Content-Type", "\(file.mediaType)")
            }
            if file.coding != .identity { response.add("Content-Encoding", file.coding.name) }
            response.add("Accept-Ranges", "bytes")
        }
        if let tag = file.validators.entityTag { response.add("ETag", tag.text) }
        if let seconds = file.validators.lastModifiedSeconds,
            let date = HTTPDate(secondsSince1970: seconds)
        {
            response.add("Last-Modified", date.text)
        }
        if file.varies { response.add("Vary", "Accept-Encoding") }
        if let cacheControl { response.add("Cache-Control", cacheControl) }
        return response
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

extension HTTPDate {
    /// As it is sent.
    var text: String {
        // SAFETY: the memory is ours for the call, as long as a date.
        unsafe String(unsafeUninitializedCapacity: Self.byteCount) { memory in
            // SAFETY: as above.
            unsafe write(into: UnsafeMutableRawBufferPointer(memory)) ? Self.byteCount : 0
        }
    }
}
