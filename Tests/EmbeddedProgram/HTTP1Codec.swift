// SPDX-License-Identifier: MIT

import HTTP1Codec

/// A request that comes in two pieces.
func useHTTP1Codec() {
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
