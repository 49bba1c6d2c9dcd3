// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

// Heads: from received bytes to a handler.
extension HTTPConnection {
    // MARK: Heads

    /// Reads one head, or a part of one; false at the end of the stream.
    func readHead() -> Bool {
        let used = input.consume { bytes in
            // SAFETY: lent for the call.
            unsafe bytes.withUnsafeBytes { unsafe self.take($0) }
        }
        return used != nil
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        let limits = worker.configuration.limits
        do throws(HTTP1Error) {
            if let partial {
                let known = partial.bytes.count
                // SAFETY: lent by the caller.
                guard let head = unsafe try partial.parse(bytes, limits: limits) else {
                    return bytes.count
                }
                self.partial = nil
                // SAFETY: lent for the call.
                unsafe partial.bytes.span.bytes.withUnsafeBytes { all in
                    unsafe dispatch(all, head, partial.fields.pointer)  // SAFETY: as above.
                }
                return head.byteCount - known
            }
            let table = unsafe worker.fields.pointer  // SAFETY: the worker's, for this call.
            unsafe table.pointee.removeAll()  // SAFETY: as above.
            var parser = RequestHeadParser()
            // SAFETY: as above.
            let parsed = unsafe try parser.parse(bytes, limits: limits, fields: &table.pointee)
            guard let head = parsed else {
                unsafe try keep(bytes)  // SAFETY: copied while lent.
                return bytes.count
            }
            unsafe dispatch(bytes, head, table)  // SAFETY: lent for the call.
            return head.byteCount
        } catch {
            // SAFETY: lent by the caller.
            let isHead = unsafe partial.map { Self.saysHead($0.bytes) } ?? Self.saysHead(bytes)
            refuse(error.status, isHead: isHead)
            return bytes.count
        }
    }

    /// The head goes on in bytes that have not come yet.
    func keep(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Error) {
        let fresh = PartialHead(limits: worker.configuration.limits)
        // SAFETY: copied while lent. Parsed again, once, into a table of its own.
        _ = unsafe try fresh.parse(bytes, limits: worker.configuration.limits)
        partial = fresh
        wait(until: worker.now.advanced(byNanoseconds: worker.headerNanoseconds))
    }

    /// Whether what began as a request says that its answer has no body.
    static func saysHead(_ bytes: some Sequence<UInt8>) -> Bool {
        let isLineEnd = { (byte: UInt8) in byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
        }
        return bytes.drop(while: isLineEnd).starts(with: "HEAD ".utf8)
    }

    /// Answers a head that is none, and ends.
    func refuse(_ status: Int, isHead: Bool) {
        partial = nil
        state.receiveRefusedHead()
        self.isHead = isHead
        isOldVersion = false
        isAnswerBegun = false
        if worker.configuration.onAccess != nil {
            access = HTTPAccess(remote, at: worker.now)
        }
        fail(status)
    }

    // MARK: Requests

    func dispatch(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead,
        _ fields: UnsafeMutablePointer<FieldTable>
    ) {
        state.receive(head)
        body = BodyDecoder(head.framing)
        isHead = head.method == .head
        isOldVersion = head.versionMinor == 0
        saidClose = false
        isAnswerBegun = false
        wait(until: .never)
        // What follows the head without being asked for is the body.
        if bytes.count > head.byteCount { state.receiveBodyUnasked() }
        if worker.configuration.onAccess != nil {
            // SAFETY: copied while lent.
            access = unsafe HTTPAccess(remote, bytes, head, fields, at: worker.now)
        }
        if isShed {
            state.stopReading()
            return fail(503, "Retry-After: 1\r\n")
        }
        if let refusal = head.refusal { return fail(refusal.status) }
        guard let path = Self.path(of: head) else {
            state.breakOff()  // CONNECT: what follows is for somebody else.
            return fail(501)
        }
        // SAFETY: lent for the call, here and below.
        let pathBytes = unsafe path.isEmpty ? Self.root(head) : bytes[path]
        let span = unsafe Span<UInt8>(_unsafeBytes: pathBytes)
        let name = unsafe Span<UInt8>(_unsafeBytes: bytes[head.methodName])
        var parameters = RouteParameters()
        switch worker.route(name, span, &parameters) {
        case .found(.direct(let handler), _):
            // SAFETY: as above.
            let request = unsafe DirectRequest(bytes, head, fields, path, parameters)
            var response = DirectResponse(self)
            handler(request, &response)
            response.finish()
        case .found(.task(let handler), let id):
            // SAFETY: copied while lent.
            let copy = unsafe RequestCopy(
                bytes, head, fields, path: path, Self.root(head), parameters,
                worker.router.parameterNames(of: id))
            begin(copy, handler)
        case .other(let outcome):
            // SAFETY: as above.
            let query = unsafe String(decoding: bytes[head.target.query], as: UTF8.self)
            answer(
                outcome, unsafe String(decoding: pathBytes, as: UTF8.self),
                head.target.hasQuery ? "?" + query : "")
        }
    }

    /// The peer's address, while it can be had.
    var remote: SocketAddress? { try? SocketAddress(peerOf: descriptor) }

    /// Where the path is; nil for the authority form, which only CONNECT has.
    private static func path(of head: RequestHead) -> ByteRange? {
        switch head.target.form {
        case .origin, .absolute: head.target.path
        case .asterisk: head.target.whole
        case .authority: nil
        }
    }

    /// The path of a target that has none: "http://host" (RFC 9112, section 3.2.4).
    private static func root(_ head: RequestHead) -> UnsafeRawBufferPointer {
        let root: StaticString = head.method == .options ? "*" : "/"
        // SAFETY: a literal lives for ever.
        return unsafe UnsafeRawBufferPointer(start: root.utf8Start, count: 1)
    }

    func answer(_ outcome: RouteOutcome, _ path: String, _ query: String) {
        switch outcome {
        case .found: assertionFailure("a route was found")
        case .methodNotAllowed(let allow): fail(405, Self.line("Allow", allow))
        case .options(let allow):
            var lines = FieldLines()
            lines.add("Allow", String(decoding: allow, as: UTF8.self))
            // SAFETY: no bytes.
            unsafe answer(204, nil, lines, UnsafeRawBufferPointer(start: nil, count: 0))
        case .redirect(let change): redirect(path, query, change)
        case .notFound: fail(404)
        case .methodNotImplemented: fail(501)
        case .malformedPath: fail(400)
        case .pathTooLong: fail(414)
        }
    }

    /// The same target with a slash more or less; the method stays (RFC 9110, section 15.4.9).
    func redirect(_ path: String, _ query: String, _ change: SlashChange) {
        let target =
            switch change {
            case .add: path + "/"
            case .remove: String(path.dropLast())
            }
        // Not "//host": that would name another server.
        guard !target.hasPrefix("//") else { return fail(404) }
        fail(308, "Location: \(target)\(query)\r\n")
    }

    private static func line(_ name: String, _ value: [UInt8]) -> String {
        "\(name): \(String(decoding: value, as: UTF8.self))\r\n"
    }
}
