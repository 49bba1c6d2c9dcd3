// SPDX-License-Identifier: MIT

import HTTP1Codec

var parser = RequestHeadParser()
var fields = FieldTable(capacity: 8)
let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
let head = try parser.parse(bytes.span, limits: HTTPLimits(), fields: &fields)
print("HTTP1Codec: \(fields.count) field, complete: \(head != nil)")
