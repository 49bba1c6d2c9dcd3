// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// Makes the bytes of a request's head. Everything that a caller gives goes through `HeadWriter`,
/// which refuses what would split the message.
enum RequestHeadBytes {
    /// The fields that the client writes itself (lower case).
    private static let ownFields: Set<String> = [
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection",
        "transfer-encoding", "upgrade",
    ]

    /// The head of a request; `isToProxy` sends the whole URL.
    static func bytes(
        of request: ClientRequest, proxy: HTTPProxy?, _ configuration: HTTPClientConfiguration
    ) throws(HTTPClientError) -> [UInt8] {
        try check(request)
        let target = proxy == nil ? request.url.target : request.url.description
        var lines: [(String, String)] = [("Host", request.url.origin.hostField)]
        if let agent = configuration.userAgent, request.fields["User-Agent"] == nil {
            lines.append(("User-Agent", agent))
        }
        for field in request.fields.fields { lines.append((field.name, field.value)) }
        if asksForCodings(request, configuration) { lines.append(("Accept-Encoding", "gzip, br")) }
        if let proxy, let authorization = proxy.authorization {
            lines.append(("Proxy-Authorization", authorization))
        }
        if let upgrade = request.upgrade {
            lines.append(("Connection", "upgrade"))
            lines.append(("Upgrade", upgrade))
        }
        framing(of: request).map { lines.append($0) }
        if request.continueTimeout != nil, request.hasBody {
            lines.append(("Expect", "100-continue"))
        }
        return try write(request.method, target, lines)
    }

    /// The head of CONNECT.
    static func connect(
        to origin: HTTPOrigin, through proxy: HTTPProxy, _ configuration: HTTPClientConfiguration
    ) throws(HTTPClientError) -> [UInt8] {
        let authority = "\(origin.host):\(origin.port)"
        var lines = [("Host", authority)]
        if let agent = configuration.userAgent { lines.append(("User-Agent", agent)) }
        if let authorization = proxy.authorization {
            lines.append(("Proxy-Authorization", authorization))
        }
        return try write("CONNECT", authority, lines)
    }

    /// Whether the client adds `Accept-Encoding`, and so undoes what it asked for.
    static func asksForCodings(
        _ request: ClientRequest, _ configuration: HTTPClientConfiguration
    ) -> Bool {
        #if Compression
            return configuration.decodesBodies && request.fields["Accept-Encoding"] == nil
                && request.fields["Range"] == nil
        #else
            return false
        #endif
    }

    private static func check(_ request: ClientRequest) throws(HTTPClientError) {
        if request.method == "CONNECT" { throw .badRequest(.method) }
        if request.method == "TRACE" && request.hasBody { throw .badRequest(.method) }
        for field in request.fields.fields where ownFields.contains(field.name.lowercased()) {
            throw .badRequest(.ownField(name: field.name))
        }
    }

    /// RFC 9110, section 8.6; RFC 9112, section 6.
    private static func framing(of request: ClientRequest) -> (String, String)? {
        switch request.body.content {
        case .none:
            let expectsBody = ["POST", "PUT", "PATCH"].contains(request.method)
            return expectsBody ? ("Content-Length", "0") : nil
        case .bytes(let bytes): return ("Content-Length", "\(bytes.count)")
        case .stream(let byteCount?, _): return ("Content-Length", "\(byteCount)")
        case .stream(nil, _): return ("Transfer-Encoding", "chunked")
        }
    }

    private static func write(
        _ method: String, _ target: String, _ lines: [(String, String)]
    ) throws(HTTPClientError) -> [UInt8] {
        var byteCount = method.utf8.count + target.utf8.count + 16
        for (name, value) in lines { byteCount += name.utf8.count + value.utf8.count + 4 }
        var fault: HTTP1WriteError?
        // SAFETY: the writer writes at most so many bytes, and says how many.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { memory, count in
            var writer = unsafe HeadWriter(UnsafeMutableRawBufferPointer(memory))
            // SAFETY: lent for the call.
            unsafe withBytes(method) { method in
                unsafe withBytes(target) { unsafe writer.request(method: method, target: $0) }
            }
            for (name, value) in lines {
                // SAFETY: as above.
                unsafe withBytes(name) { name in
                    unsafe withBytes(value) { unsafe writer.field(name, $0) }
                }
            }
            do throws(HTTP1WriteError) { count = try writer.end() } catch { fault = error }
        }
        switch fault {
        case nil: return bytes
        case .badStartLine: throw .badRequest(.method)
        case .badName, .badValue, .noRoom: throw .badRequest(.field)
        }
    }

    private static func withBytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        var text = text
        // SAFETY: lent for the call.
        text.withUTF8 { unsafe body(UnsafeRawBufferPointer($0)) }
    }
}

extension ClientRequest {
    /// Whether bytes follow the head.
    var hasBody: Bool {
        switch body.content {
        case .none: false
        case .bytes(let bytes): !bytes.isEmpty
        case .stream(let byteCount, _): byteCount != 0
        }
    }

    /// The method as the parser of responses takes it: those that decide how an answer is read.
    var knownMethod: RequestMethod {
        switch method {
        case "GET": .get
        case "HEAD": .head
        case "POST": .post
        default: .other
        }
    }
}
