// SPDX-License-Identifier: MIT

import HTTP1Codec

/// A request in two pieces, a chunked body, and an answer.
func useHTTP1Codec() {
    parseRequest()
    decodeChunks()
    writeAnswer()
}

private func parseRequest() {
    let request: StaticString = "GET /a?b HTTP/1.1\r\nHost: c:80\r\nAccept: text/html\r\n\r\n"
    // SAFETY: a literal lives as long as the program.
    let bytes = unsafe UnsafeRawBufferPointer(
        start: request.utf8Start, count: request.utf8CodeUnitCount)
    var parser = RequestHeadParser()
    var fields = FieldTable(capacity: 8)
    let limits = HTTPLimits()
    do throws(HTTP1Error) {
        // SAFETY: a literal.
        let first = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<20])
        // SAFETY: a literal.
        let early = try unsafe parser.parse(first, limits: limits, fields: &fields)
        check(early == nil, "HTTP1Codec: a part was taken for the whole")
        // SAFETY: a literal.
        let head = try unsafe parser.parse(bytes, limits: limits, fields: &fields)
        check(head?.method == .get, "HTTP1Codec: the method is another")
        check(head?.target.query.count == 1, "HTTP1Codec: the query is another")
        check(head?.port == 80, "HTTP1Codec: the port is another")
        check(fields.contains(.accept), "HTTP1Codec: a field is missing")
    } catch {
        check(false, "HTTP1Codec: a good request was refused")
    }
}

private func decodeChunks() {
    let body: StaticString = "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n"
    // SAFETY: a literal lives as long as the program.
    let bytes = unsafe UnsafeRawBufferPointer(
        start: body.utf8Start, count: body.utf8CodeUnitCount)
    var decoder = BodyDecoder(.chunked)
    var trailers = FieldTable(capacity: 4)
    do throws(HTTP1Error) {
        // SAFETY: a literal.
        let step = try unsafe decoder.decode(bytes, limits: HTTPLimits(), trailers: &trailers)
        check(step.payload.count == 3, "HTTP1Codec: the payload is another")
        // SAFETY: a literal.
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[step.consumedByteCount...])
        // SAFETY: a literal.
        let last = try unsafe decoder.decode(rest, limits: HTTPLimits(), trailers: &trailers)
        check(last.isComplete, "HTTP1Codec: the body has no end")
        check(trailers.count == 1, "HTTP1Codec: the trailer is missing")
    } catch {
        check(false, "HTTP1Codec: a good body was refused")
    }
}

private func writeAnswer() {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 200, alignment: 1)
    defer { unsafe memory.deallocate() }  // SAFETY: nobody keeps it.
    var writer = unsafe HeadWriter(memory)  // SAFETY: alive while the writer is.
    writer.status(404)
    writer.field(.contentLength, 0)
    if let date = HTTPDate(secondsSince1970: 0) { writer.field(.date, date) }
    do throws(HTTP1WriteError) {
        let byteCount = try writer.end()
        check(byteCount == 82, "HTTP1Codec: the answer has another length")
    } catch {
        check(false, "HTTP1Codec: a good answer was refused")
    }
}
