// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Framing and connection")
struct FramingTests {
    static func request(_ lines: String, version: String = "1.1") -> String {
        "POST / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n\r\n"
    }

    /// Fields that leave the length in doubt.
    static let refused: [(lines: String, error: HTTP1Error)] = [
        // RFC 9112, section 6.3: both.
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", .lengthAndEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .lengthAndEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", .lengthAndEncoding),
        ("Content-Length: 5\r\nTransfer-Encoding: identity", .lengthAndEncoding),
        // RFC 9112, section 6.3: the last coding of a request must be chunked.
        ("Transfer-Encoding: xchunked", .badTransferEncoding),
        ("Transfer-Encoding: chunkedx", .badTransferEncoding),
        ("Transfer-Encoding: identity", .badTransferEncoding),
        ("Transfer-Encoding: gzip", .badTransferEncoding),
        ("Transfer-Encoding: chunked, gzip", .badTransferEncoding),
        ("Transfer-Encoding: chunked, identity", .badTransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", .badTransferEncoding),
        ("Transfer-Encoding:", .badTransferEncoding),
        ("Transfer-Encoding: ,", .badTransferEncoding),
        ("Transfer-Encoding: \"chunked\"", .badTransferEncoding),
        ("Transfer-Encoding: chun ked", .badTransferEncoding),
        ("Transfer-Encoding: chunked chunked", .badTransferEncoding),
        ("Transfer-Encoding: ch\u{FC}nked", .badTransferEncoding),
        // Section 7.1: chunked once; section 7: without parameters.
        ("Transfer-Encoding: chunked, chunked", .badTransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .badTransferEncoding),
        ("Transfer-Encoding: chunked;q=1", .badTransferEncoding),
        ("Transfer-Encoding: chunked;", .badTransferEncoding),
        ("Transfer-Encoding: gzip;q=1, chunked", .badTransferEncoding),
        ("Transfer-Encoding: , chunked", .badTransferEncoding),
        ("Transfer-Encoding: chunked,", .badTransferEncoding),
        ("Transfer-Encoding: gzip,, chunked", .badTransferEncoding),
        // Obfuscations: not a token, not a field name, a control byte.
        ("Transfer-Encoding: chunked\u{B}", .badFieldValue),
        ("Transfer-Encoding: \u{B}chunked", .badFieldValue),
        ("Transfer-Encoding: chunked\u{0}", .badFieldValue),
        ("Transfer-Encoding : chunked", .spaceBeforeColon),
        ("Transfer-Encoding\u{B}: chunked", .badFieldName),
        ("X: y\r\n Transfer-Encoding: chunked", .obsoleteFold),
        ("Transfer-Encoding:\r\n chunked", .badTransferEncoding),
        ("Transfer-Encoding\r\n: chunked", .badFieldName),
        // Section 6.1: not understood, 501.
        ("Transfer-Encoding: gzip, chunked", .unsupportedEncoding),
        ("Transfer-Encoding: identity, chunked", .unsupportedEncoding),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .unsupportedEncoding),
        // RFC 9110, section 8.6.
        ("Content-Length: +5", .badContentLength), ("Content-Length: -5", .badContentLength),
        ("Content-Length: 5 5", .badContentLength), ("Content-Length: 0x5", .badContentLength),
        ("Content-Length:", .badContentLength), ("Content-Length: ", .badContentLength),
        ("Content-Length: 5,5", .badContentLength), ("Content-Length: 5, 5", .badContentLength),
        ("Content-Length: 5, 6", .badContentLength), ("Content-Length: 5;", .badContentLength),
        ("Content-Length: 5.0", .badContentLength), ("Content-Length: 5e1", .badContentLength),
        ("Content-Length: \"5\"", .badContentLength), ("Content-Length: a", .badContentLength),
        ("Content-Length: 1_000", .badContentLength), ("Content-Length: ５", .badContentLength),
        ("Content-Length: 9223372036854775808", .badContentLength),
        ("Content-Length: 18446744073709551616", .badContentLength),
        ("Content-Length: 18446744073709551621", .badContentLength),
        ("Content-Length: 99999999999999999999999999", .badContentLength),
        ("Content-Length: 5\u{B}", .badFieldValue), ("Content-Length: 5\u{0}", .badFieldValue),
        ("Content-Length : 5", .spaceBeforeColon),
        ("Content-Length: 5\r\nContent-Length: 5", .repeatedContentLength),
        ("Content-Length: 5\r\nContent-Length: 6", .repeatedContentLength),
        ("Content-Length: 0\r\nContent-Length: 0", .repeatedContentLength),
    ]

    @Test("Whatever could be framed in two ways is refused and ends the connection")
    func refusedFraming() {
        // If this failed, the rest of one request could be read as another: smuggling.
        for (lines, error) in Self.refused {
            let request = Self.request(lines)
            #expect(outcome(of: request) == .refused(error), "\(lines.debugDescription)")
            #expect(error.mustClose)
            #expect(error.status == (error == .unsupportedEncoding ? 501 : 400))
            #expect(firstDifferingSplit(of: Array(request.utf8)) == nil)
        }
        // RFC 9112, section 6.1: HTTP/1.0 has no transfer codings.
        for lines in [
            "Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        ] {
            let old = Self.request(lines, version: "1.0")
            #expect(outcome(of: old) == .refused(.encodingInOldVersion))
        }
    }

    @Test("The length of a body is what the fields say")
    func framing() {
        // If this failed, the next request would be read from inside a body, or a body waited for
        // that never comes.
        let cases: [(String, BodyFraming)] = [
            ("A: b", .none), ("Content-Length: 0", .none), ("Content-Length: 000", .none),
            ("Content-Length: 5", .length(5)), ("content-length:5", .length(5)),
            ("CONTENT-LENGTH:\t5\t", .length(5)),
            ("Content-Length: 00000000000000000000005", .length(5)),
            ("Content-Length: 67108864", .length(67_108_864)),
            ("Transfer-Encoding: chunked", .chunked), ("transfer-encoding:\tChUnKeD \t", .chunked),
        ]
        for (lines, framing) in cases {
            let head = outcome(of: Self.request(lines)).head
            #expect(head?.framing == framing, "\(lines)")
            #expect(head?.refusal == nil)
        }
        let long = outcome(of: Self.request("Content-Length: 67108865")).head
        #expect(long?.refusal == .bodyTooLong)
        let longest = outcome(of: Self.request("Content-Length: 9223372036854775807")).head
        #expect(longest?.framing == .length(UInt64(Int64.max)))
        #expect(HTTP1Error.bodyTooLong.status == 413)
    }

    @Test("Connection: whole tokens in any case, close wins, 1.0 must ask")
    func keepAlive() {
        // If this failed, a connection would be closed that the client goes on with, or kept that
        // it waits to see closed (RFC 9112, section 9.3).
        let cases: [(String, v11: Bool, v10: Bool)] = [
            ("A: b", true, false), ("Connection: close", false, false),
            ("Connection: Close", false, false), ("connection:CLOSE", false, false),
            ("Connection: closed", true, false), ("Connection: close2", true, false),
            ("Connection: xclose", true, false), ("Connection: keep-alive", true, true),
            ("Connection: Keep-Alive", true, true), ("Connection: keep-alive, close", false, false),
            ("Connection: close, keep-alive", false, false), ("Connection: a,close", false, false),
            ("Connection: a\t,\tclose\t", false, false), ("Connection: , ,close", false, false),
            ("Connection: a\r\nConnection: close", false, false), ("Connection:", true, false),
            ("Connection: close x", true, false), ("Connection: \"close\"", true, false),
            ("Connection: close;a", true, false), ("Keep-Alive: timeout=5", true, false),
            ("Proxy-Connection: keep-alive", true, false), ("Connection: keep-alive,", true, true),
        ]
        for (lines, isKept, isKeptOld) in cases {
            #expect(outcome(of: Self.request(lines)).head?.keepsAlive == isKept, "\(lines)")
            let old = Self.request(lines, version: "1.0")
            #expect(outcome(of: old).head?.keepsAlive == isKeptOld, "\(lines) 1.0")
        }
    }

    @Test("Expect: 100-continue in any case, only with a body; another is 417")
    func expectations() {
        // If this failed, a client would wait for a 100 that never comes, or get one that it does
        // not understand (RFC 9110, section 10.1.1).
        let body = "\r\nContent-Length: 5"
        let cases: [(String, expects: Bool, refusal: HTTP1Error?)] = [
            ("Expect: 100-continue" + body, true, nil), ("expect:100-CONTINUE" + body, true, nil),
            ("Expect: 100-continue\r\nTransfer-Encoding: chunked", true, nil),
            ("Expect: 100-continue", false, nil),
            ("Expect: 100-continue\r\nContent-Length: 0", false, nil),
            ("Expect:" + body, false, nil),
            ("Expect: 100-continue, 100-continue" + body, true, nil),
            ("Expect: 200-ok" + body, false, .unmetExpectation),
            ("Expect: 100-continue, a" + body, false, .unmetExpectation),
            ("Expect: 100-continues" + body, false, .unmetExpectation),
            ("Expect: 100-continue;a=b" + body, false, .unmetExpectation),
            ("Expect: a\r\nExpect: 100-continue" + body, false, .unmetExpectation),
        ]
        for (lines, expects, refusal) in cases {
            let head = outcome(of: Self.request(lines)).head
            #expect(head?.expectsContinue == expects, "\(lines)")
            #expect(head?.refusal == refusal, "\(lines)")
            let old = outcome(of: Self.request(lines, version: "1.0"))
            if !lines.contains("chunked") {
                #expect(old.head?.expectsContinue == false)
                #expect(old.head?.refusal == nil)
            }
        }
        #expect(HTTP1Error.unmetExpectation.status == 417)
        #expect(!HTTP1Error.unmetExpectation.mustClose)
    }

    @Test("Upgrade counts only if Connection names it, and not in HTTP/1.0")
    func upgrade() {
        // If this failed, a proxy that passes Upgrade on without Connection would switch protocols
        // in the middle of a connection (RFC 9110, section 7.8).
        let cases: [(String, Bool)] = [
            ("Upgrade: websocket\r\nConnection: upgrade", true),
            ("Connection: keep-alive, Upgrade\r\nUpgrade: websocket", true),
            ("Upgrade: websocket", false), ("Connection: upgrade", false),
            ("Upgrade: websocket\r\nConnection: keep-alive", false),
            ("Upgrade:\r\nConnection: upgrade", false),
            ("Upgrade: websocket\r\nConnection: xupgrade", false),
        ]
        for (lines, wants) in cases {
            #expect(outcome(of: Self.request(lines)).head?.wantsUpgrade == wants, "\(lines)")
            let old = Self.request(lines, version: "1.0")
            #expect(outcome(of: old).head?.wantsUpgrade == false)
        }
    }
}
