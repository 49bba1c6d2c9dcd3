// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import HTTP1Codec

/// Bytes with what is said about them: the part that files below a folder and embedded ones have in
/// common. Answers conditional requests (RFC 9110, section 13) and ranges (section 14).
struct Representation: Sendable {
    enum Source: Sendable {
        case file(OpenedFile)
        case bytes([UInt8])
    }

    let source: Source
    let byteCount: UInt64
    let validators: Validators
    let mediaType: String
    let coding: ContentCoding
    /// Whether another client may get another coding.
    let varies: Bool
    /// What `Cache-Control` says; nil leaves it out.
    let cacheControl: String?

    /// A file of a folder.
    init(_ file: OpenedFile, cacheControl: String?) {
        source = .file(file)
        byteCount = file.byteCount
        validators = file.validators
        mediaType = "\(file.mediaType)"
        coding = file.coding
        varies = file.varies
        self.cacheControl = cacheControl
    }

    /// Bytes of the program.
    init(
        _ bytes: [UInt8], _ validators: Validators, mediaType: String, _ coding: ContentCoding,
        varies: Bool, cacheControl: String?
    ) {
        source = .bytes(bytes)
        byteCount = UInt64(bytes.count)
        self.validators = validators
        self.mediaType = mediaType
        self.coding = coding
        self.varies = varies
        self.cacheControl = cacheControl
    }

    /// The answer to a GET or HEAD request.
    func respond(to request: ServerRequest) throws(HTTPFailure) -> ServerResponse {
        switch outcome(request) {
        case .failed: throw HTTPFailure(412)
        case .notModified: return described(ServerResponse(status: 304), hasContent: false)
        case .proceed: break
        }
        guard request.head.method == .get, let value = request[.range], ifRangeHolds(request)
        else { return whole() }
        let bytes = Array(value.utf8)
        switch RangeRequest.parse(bytes.span, completeByteCount: byteCount) {
        case .whole: return whole()
        case .unsatisfiable:
            var text: [UInt8] = []
            ContentRange.appendUnsatisfied(completeByteCount: byteCount, to: &text)
            return .failure(416).adding("Content-Range", String(decoding: text, as: UTF8.self))
        case .ranges(let ranges):
            return ranges.count == 1 ? part(ranges[0]) : parts(ranges)
        }
    }

    // MARK: Conditions

    private func outcome(_ request: ServerRequest) -> PreconditionOutcome {
        var conditions = Preconditions(validators)
        for value in request.values(of: "If-Match") {
            let bytes = Array(value.utf8)
            conditions.ifMatch(bytes.span)
        }
        for value in request.values(of: "If-None-Match") {
            let bytes = Array(value.utf8)
            conditions.ifNoneMatch(bytes.span)
        }
        for value in request.values(of: "If-Modified-Since") {
            conditions.ifModifiedSince(Self.seconds(value))
        }
        for value in request.values(of: "If-Unmodified-Since") {
            conditions.ifUnmodifiedSince(Self.seconds(value))
        }
        let isGetOrHead = request.head.method == .get || request.head.method == .head
        return conditions.outcome(isGetOrHead: isGetOrHead)
    }

    private func ifRangeHolds(_ request: ServerRequest) -> Bool {
        guard let value = request[.ifRange] else { return true }
        let bytes = Array(value.utf8)
        return Preconditions.ifRangeHolds(
            bytes.span, dateSeconds: Self.seconds(value), validators,
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

    private func whole() -> ServerResponse {
        switch source {
        case .file(let file):
            let part = FilePart(file, offset: 0, byteCount: byteCount)
            return described(.file(status: 200, part), hasContent: true)
        case .bytes(let bytes): return described(ServerResponse(bytes: bytes), hasContent: true)
        }
    }

    private func part(_ range: ContentRange) -> ServerResponse {
        var text: [UInt8] = []
        range.append(completeByteCount: byteCount, to: &text)
        let response: ServerResponse
        switch source {
        case .file(let file):
            let part = FilePart(file, offset: range.offset, byteCount: range.byteCount)
            response = .file(status: 206, part)
        case .bytes(let bytes):
            response = ServerResponse(status: 206, bytes: Array(bytes[range.offsets]))
        }
        return described(response, hasContent: true)
            .adding("Content-Range", String(decoding: text, as: UTF8.self))
    }

    /// Several ranges: multipart/byteranges (section 14.6).
    private func parts(_ ranges: ContentRanges) -> ServerResponse {
        let boundary = Array("millrace-\(String(UInt64.random(in: .min ... .max), radix: 36))".utf8)
        let body = ByteRangesBody(
            ranges, of: byteCount, contentType: Array(mediaType.utf8), boundary: boundary)
        var type: [UInt8] = []
        body.appendContentType(to: &type)
        let source = source
        let response = ServerResponse.stream(
            status: 206, type: String(decoding: type, as: UTF8.self), byteCount: body.byteCount
        ) { writer in
            for index in 0..<ranges.count {
                var head: [UInt8] = []
                body.appendHead(of: index, to: &head)
                try await writer.write(head)
                let range = ranges[index]
                switch source {
                case .file(let file):
                    try await writer.write(
                        FilePart(file, offset: range.offset, byteCount: range.byteCount))
                case .bytes(let bytes): try await writer.write(Array(bytes[range.offsets]))
                }
            }
            var end: [UInt8] = []
            body.appendEnd(to: &end)
            try await writer.write(end)
        }
        return described(response, hasContent: true)
    }

    /// Adds what is said about the bytes. `hasContent`: about their form too.
    private func described(_ response: ServerResponse, hasContent: Bool) -> ServerResponse {
        var response = response
        if hasContent {
            if response.value(of: "Content-Type") == nil { response.add("Content-Type", mediaType) }
            if coding != .identity { response.add("Content-Encoding", coding.name) }
            response.add("Accept-Ranges", "bytes")
        }
        if let tag = validators.entityTag { response.add("ETag", tag.text) }
        if let seconds = validators.lastModifiedSeconds,
            let date = HTTPDate(secondsSince1970: seconds)
        {
            response.add("Last-Modified", date.text)
        }
        if varies { response.add("Vary", "Accept-Encoding") }
        if let cacheControl { response.add("Cache-Control", cacheControl) }
        return response
    }
}

extension ContentRange {
    /// Where it lies in an array that has the whole.
    fileprivate var offsets: Range<Int> { Int(offset)..<Int(end) }
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

extension ServerRequest {
    /// What the client says about codings.
    var acceptedCodings: AcceptedCodings {
        var codings = AcceptedCodings()
        for value in values(of: "Accept-Encoding") {
            let bytes = Array(value.utf8)
            codings.add(bytes.span)
        }
        return codings
    }
}

extension ServerResponse {
    /// The request's path names a folder, and has no slash at its end.
    static func redirect(toFolder request: ServerRequest) -> ServerResponse {
        let query = request.query.map { "?" + $0 } ?? ""
        return .failure(308).adding("Location", request.path + "/" + query)
    }
}
