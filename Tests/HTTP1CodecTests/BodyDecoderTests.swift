// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Bodies")
struct BodyDecoderTests {
    @Test("A body of known length ends there, and what follows is not touched")
    func length() {
        // If this failed, the next request would begin inside this one's body or behind its start.
        for extra in ["", "GET"] {
            let bytes = Array("hello\(extra)".utf8)
            let whole = decode(bytes, .length(5), endingAt: [bytes.count])
            #expect(whole == BodyOutcome(payload: Array("hello".utf8), byteCount: 5))
            #expect(firstDifferingSplit(ofBody: bytes, .length(5)) == nil)
        }
        #expect(decode("", .none).byteCount == 0)
        #expect(decode("GET", .none).byteCount == 0)
        #expect(decode("hell", .length(5)).byteCount == nil)
    }

    @Test("A body without length ends with the stream, others are then truncated")
    func untilClose() {
        // If this failed, a cut response would be taken for a whole one (RFC 9112, section 8).
        var endless = BodyDecoder(.untilClose)
        var trailers = FieldTable(capacity: 0)
        let bytes = Array("hello".utf8)
        let step = try? endless.decode(bytes.span, limits: HTTPLimits(), trailers: &trailers)
        #expect(step?.payload.count == 5)
        #expect(step?.isComplete == false)
        #expect(throws: Never.self) { try endless.finish() }
        #expect(endless.isComplete)
        for framing in [BodyFraming.length(1), .chunked] {
            var decoder = BodyDecoder(framing)
            #expect(throws: HTTP1Error.truncated) { try decoder.finish() }
        }
        var empty = BodyDecoder(.none)
        #expect(throws: Never.self) { try empty.finish() }
    }

    @Test("Chunks are put together, extensions and trailers are read")
    func chunks() {
        // If this failed, a body would have bytes of its framing in it or lose some.
        let long = String(repeating: "x", count: 0x123)
        let cases: [(String, payload: String, trailers: [String])] = [
            ("0\r\n\r\n", "", []), ("5\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", []),
            ("005\r\nhello\r\n000\r\n\r\n", "hello", []),
            ("123\r\n\(long)\r\n0\r\n\r\n", long, []),
            ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789", []),
            ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", []),
            ("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", []),
            // RFC 9112, section 7.1.1.
            ("5;a\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", []),
            ("5 ; a = b ;c\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("5\t;\ta\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("5;a=\"b;c\\\"d\té\"\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("5;a=\"\" ;b\r\nhello\r\n0\r\n\r\n", "hello", []),
            // RFC 9112, section 7.1.2.
            ("0\r\nA: b\r\n\r\n", "", ["A=b"]),
            ("1\r\nx\r\n0\r\nA: b\r\nETag:\t\"c\" \r\n\r\n", "x", ["A=b", "ETag=\"c\""]),
        ]
        for (text, payload, trailers) in cases {
            let bytes = Array(text.utf8)
            let expected = BodyOutcome(
                payload: Array(payload.utf8), trailers: trailers, byteCount: bytes.count)
            #expect(decode(text) == expected, "\(text.debugDescription)")
            #expect(firstDifferingSplit(ofBody: bytes) == nil, "\(text.debugDescription)")
            // What follows is the next message's.
            #expect(decode(text + "GET / HTTP/1.1\r\n").byteCount == bytes.count)
        }
    }

    /// Bodies that are refused. RFC 9112, section 7.1.
    static let refused: [(text: String, error: HTTP1Error)] = [
        ("\r\n", .badChunkSize), ("\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        (";a\r\n", .badChunkSize),
        ("+5\r\nhello", .badChunkSize), ("-5\r\nhello", .badChunkSize),
        ("0x5\r\nhello", .badChunkSize),
        ("5x\r\nhello", .badChunkSize), ("1_0\r\n", .badChunkSize), (" 5\r\nhello", .badChunkSize),
        ("\t5\r\n", .badChunkSize), ("5 \r\nhello", .badChunkSize), ("5\t\r\nhello", .badChunkSize),
        ("g\r\n", .badChunkSize), ("5,\r\n", .badChunkSize), ("5\u{0}\r\n", .badChunkSize),
        ("5\u{B}\r\n", .badChunkSize), ("５\r\n", .badChunkSize), ("5 5\r\n", .badChunkExtension),
        ("8000000000000000\r\n", .badChunkSize), ("10000000000000005\r\n", .badChunkSize),
        ("ffffffffffffffff\r\n", .badChunkSize), ("FFFFFFFFFFFFFFFFFF\r\n", .badChunkSize),
        ("00000000000000005\r\n", .badChunkSize),
        // Line ends.
        ("5\nhello", .bareLineFeed), ("5\rhello", .bareCarriageReturn),
        ("5\r\rhello", .bareCarriageReturn),
        ("5;a\nhello", .bareLineFeed), ("5;a=\"b\nc\"\r\n", .bareLineFeed),
        ("5;a=\"b\rc\"\r\n", .badChunkExtension), ("5;a=\"b\r\nc\"\r\n", .badChunkExtension),
        ("5;a\rb\r\n", .bareCarriageReturn), ("\n5\r\n", .badChunkSize),
        // Extensions by their grammar.
        ("5;\r\n", .badChunkExtension), ("5;;a\r\n", .badChunkExtension),
        ("5;=b\r\n", .badChunkExtension),
        ("5;a=\r\n", .badChunkExtension), ("5;a=b=c\r\n", .badChunkExtension),
        ("5;a b\r\n", .badChunkExtension),
        ("5;a \r\n", .badChunkExtension), ("5;a=b c\r\n", .badChunkExtension),
        ("5;a=b \r\n", .badChunkSize),
        ("5;a=\"b\"c\r\n", .badChunkExtension), ("5;a=\"b\r\n", .badChunkExtension),
        ("5;a\u{0}\r\n", .badChunkExtension), ("5;a=\"\u{1}\"\r\n", .badChunkExtension),
        ("5;a=\"\\\u{1}\"\r\n", .badChunkExtension), ("5;a,b\r\n", .badChunkExtension),
        ("5;é\r\n", .badChunkExtension), ("5; \r\n", .badChunkExtension),
        // The end of a chunk's data.
        ("5\r\nhello0\r\n\r\n", .badChunkEnd), ("5\r\nhello\n0\r\n\r\n", .badChunkEnd),
        ("5\r\nhello\r0\r\n\r\n", .badChunkEnd), ("4\r\nhello\r\n0\r\n\r\n", .badChunkEnd),
        ("5\r\nhello \r\n0\r\n\r\n", .badChunkEnd), ("6\r\nhello\r\n0\r\n\r\n", .badChunkEnd),
        // Trailers are field lines.
        ("0\r\n A: b\r\n\r\n", .leadingWhitespace), ("0\r\nA : b\r\n\r\n", .spaceBeforeColon),
        ("0\r\nA: b\r\n c\r\n\r\n", .obsoleteFold), ("0\r\nA\r\n\r\n", .badFieldName),
        ("0\r\nA: b\u{0}\r\n\r\n", .badFieldValue), ("0\r\nA: b\n\r\n", .bareLineFeed),
        ("0\r\n\n", .bareLineFeed), ("0\r\n\rA", .bareCarriageReturn),
        // RFC 9110, section 6.5.1.
        ("0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
        ("0\r\nhost: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nTRANSFER-ENCODING: chunked\r\n\r\n", .forbiddenTrailer),
        ("0\r\nAuthorization: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nTrailer: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nContent-Encoding: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nCookie: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nConnection: close\r\n\r\n", .forbiddenTrailer),
        ("0\r\nTE: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nRange: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nSet-Cookie: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nContent-Type: a\r\n\r\n", .forbiddenTrailer),
    ]

    @Test("Wrong chunks and trailers are refused, at every split")
    func refusedBodies() {
        // If this failed, the rest of a body could be read as a request: smuggling.
        for (text, error) in Self.refused {
            #expect(decode(text).error == error, "\(text.debugDescription)")
            #expect(
                firstDifferingSplit(ofBody: Array(text.utf8)) == nil, "\(text.debugDescription)")
            #expect(error.status == 400)
            #expect(error.mustClose)
        }
    }

    @Test("The limits of bodies are kept exactly")
    func limits() {
        // If this failed, chunk lines, extensions or trailers without end would keep a server busy.
        var limits = HTTPLimits()
        limits.bodyByteCountMax = 10
        limits.chunkLineByteCountMax = 12
        limits.chunkExtensionsByteCountMax = 15
        limits.trailerCountMax = 2
        limits.trailersByteCountMax = 40
        limits.fieldLineByteCountMax = 30
        let x = { (count: Int) in String(repeating: "x", count: count) }
        let cases: [(String, HTTP1Error?)] = [
            ("a\r\n0123456789\r\n0\r\n\r\n", nil), ("b\r\n", .bodyTooLong),
            ("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", nil), ("5\r\nhello\r\n6\r\n", .bodyTooLong),
            ("7fffffffffffffff\r\n", .bodyTooLong), ("1;\(x(10))\r\nx\r\n0\r\n\r\n", nil),
            ("1;\(x(11))\r\n", .chunkLineTooLong), ("1;\(x(400))", .chunkLineTooLong),
            ("1;\(x(7))\r\nx\r\n1;\(x(6))\r\nx\r\n0\r\n\r\n", nil),
            ("1;\(x(7))\r\nx\r\n1;\(x(7))\r\nx\r\n", .chunkExtensionsTooLong),
            ("0\r\nA: b\r\nA: b\r\n\r\n", nil),
            ("0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", .tooManyTrailers),
            ("0\r\nA: \(x(27))\r\n\r\n", nil), ("0\r\nA: \(x(28))\r\n\r\n", .fieldTooLong),
            ("0\r\nA: \(x(27))\r\nB: \(x(20))\r\n\r\n", .trailersTooLong),
        ]
        for (text, error) in cases {
            let whole = decode(text, limits: limits)
            #expect(whole.error == error, "\(text.debugDescription)")
            if error == nil { #expect(whole.byteCount == text.utf8.count) }
            #expect(firstDifferingSplit(ofBody: Array(text.utf8), limits: limits) == nil, "\(text)")
        }
        #expect(decode("0123456789x", .untilClose, limits: limits).error == .bodyTooLong)
        #expect(decode("0123456789", .untilClose, limits: limits).error == nil)
    }

    @Test("Without places, trailers are checked and dropped; with too few, refused")
    func trailerPlaces() {
        // If this failed, a server that wants no trailers would refuse good bodies, or not look.
        let good = Array("0\r\nA: b\r\nC: d\r\n\r\n".utf8)
        let dropped = decode(good, .chunked, endingAt: [good.count], trailerCapacity: 0)
        #expect(dropped == BodyOutcome(byteCount: good.count))
        let full = decode(good, .chunked, endingAt: [good.count], trailerCapacity: 1)
        #expect(full.error == .tooManyTrailers)
        let bad = Array("0\r\nHost: b\r\n\r\n".utf8)
        #expect(
            decode(bad, .chunked, endingAt: [bad.count], trailerCapacity: 0).error
                == .forbiddenTrailer)
    }
}
