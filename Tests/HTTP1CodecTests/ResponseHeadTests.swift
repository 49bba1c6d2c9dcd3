// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Response heads")
struct ResponseHeadTests {
    enum Outcome: Equatable {
        case complete(ResponseHead, fieldCount: Int)
        case incomplete
        case refused(HTTP1Error)

        var head: ResponseHead? {
            if case .complete(let head, _) = self { head } else { nil }
        }
    }

    static func parse(
        _ bytes: [UInt8], to method: RequestMethod, endingAt ends: some Sequence<Int>,
        limits: HTTPLimits = HTTPLimits()
    ) -> Outcome {
        var parser = ResponseHeadParser(to: method)
        var fields = FieldTable(capacity: 20)
        for end in ends {
            do throws(HTTP1Error) {
                let piece = Array(bytes[..<end])
                let head = try parser.parse(piece.span, limits: limits, fields: &fields)
                if let head { return .complete(head, fieldCount: fields.count) }
            } catch {
                return .refused(error)
            }
        }
        return .incomplete
    }

    /// What comes of a whole response, which must not depend on how it is cut.
    static func parse(
        _ text: String, to method: RequestMethod = .get, limits: HTTPLimits = HTTPLimits()
    ) -> Outcome {
        let bytes = Array(text.utf8)
        let whole = parse(bytes, to: method, endingAt: [bytes.count], limits: limits)
        for split in 0..<bytes.count {
            let parts = parse(bytes, to: method, endingAt: [split, bytes.count], limits: limits)
            #expect(parts == whole, "split at \(split)")
        }
        let single = parse(bytes, to: method, endingAt: 0...bytes.count, limits: limits)
        #expect(single == whole, "byte by byte")
        return whole
    }

    @Test("Status lines are taken apart; the reason may be empty")
    func statusLines() {
        // If this failed, clients would refuse good servers (RFC 9112, section 4).
        let lines: [(String, status: Int, minor: UInt8, reason: String)] = [
            ("HTTP/1.1 200 OK", 200, 1, "OK"), ("HTTP/1.0 404 Not Found", 404, 0, "Not Found"),
            ("HTTP/1.1 200 ", 200, 1, ""), ("HTTP/1.1 200", 200, 1, ""),
            ("HTTP/1.2 299 a\tb é", 299, 2, "a\tb é"), ("HTTP/1.1 999 x", 999, 1, "x"),
            ("HTTP/1.1 100 Continue", 100, 1, "Continue"), ("HTTP/1.1 200  two", 200, 1, " two"),
        ]
        for (line, status, minor, reason) in lines {
            let response = "\(line)\r\nContent-Length: 0\r\n\r\n"
            let head = Self.parse(response).head
            #expect(head?.status == status)
            #expect(head?.versionMinor == minor)
            #expect(head.map { text($0.reason, of: response) } == reason)
            #expect(head?.byteCount == response.utf8.count)
        }
    }

    @Test("Wrong status lines and fields are refused")
    func refused() {
        // If this failed, what is no response would be taken for one.
        let lines: [(String, HTTP1Error)] = [
            ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
            ("HTTP/2 200 OK\r\n\r\n", .badVersion),
            ("http/1.1 200 OK\r\n\r\n", .badVersion), ("HTTP/1.10 200 OK\r\n\r\n", .badStatusLine),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", .badVersion), ("ICY 200 OK\r\n\r\n", .badVersion),
            ("HTTP/1.1 20 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 099 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 2x0 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1\t200 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 200\tOK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 -20 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .badStatusLine), ("HTTP/1.1\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 200 OK\n\r\n", .bareLineFeed), ("HTTP/1.1 200\n\r\n", .bareLineFeed),
            ("HTTP/1.1 200 OK\rA: b\r\n\r\n", .bareCarriageReturn),
            ("HTTP/1.1 200\rx", .bareCarriageReturn),
            ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsoleteFold),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                .lengthAndEncoding
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                .repeatedContentLength
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", .badContentLength),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedEncoding),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
                .badTransferEncoding
            ),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .encodingInOldVersion),
        ]
        for (response, error) in lines {
            #expect(Self.parse(response) == .refused(error), "\(response.debugDescription)")
        }
        var limits = HTTPLimits()
        limits.reasonByteCountMax = 10
        let ten = "HTTP/1.1 200 0123456789\r\n\r\n"
        #expect(Self.parse(ten, limits: limits).head != nil)
        let eleven = "HTTP/1.1 200 01234567890\r\n\r\n"
        #expect(Self.parse(eleven, limits: limits) == .refused(.badStatusLine))
    }

    @Test("The length of a body depends on the status and the request's method")
    func framing() {
        // If this failed, a client would wait for a body that never comes, or read the next
        // response from inside one (RFC 9112, section 6.3).
        let length = "Content-Length: 5\r\n"
        let chunked = "Transfer-Encoding: chunked\r\n"
        let cases: [(Int, RequestMethod, String, BodyFraming, keeps: Bool, switches: Bool)] = [
            (200, .get, length, .length(5), true, false),
            (200, .get, chunked, .chunked, true, false),
            (200, .get, "", .untilClose, false, false),
            (200, .get, "Content-Length: 0\r\n", .none, true, false),
            (200, .head, length, .none, true, false), (200, .head, chunked, .none, true, false),
            (200, .head, "", .none, true, false), (204, .get, "", .none, true, false),
            (204, .get, length, .none, true, false), (304, .get, length, .none, true, false),
            (304, .get, "", .none, true, false), (100, .post, "", .none, true, false),
            (103, .get, length, .none, true, false), (101, .get, "", .none, true, true),
            (200, .connect, length, .none, true, true), (299, .connect, chunked, .none, true, true),
            (407, .connect, length, .length(5), true, false),
            (404, .get, length, .length(5), true, false),
            (205, .get, length, .length(5), true, false),
            (200, .get, length + "Connection: close\r\n", .length(5), false, false),
        ]
        for (status, method, lines, framing, keeps, switches) in cases {
            let head = Self.parse("HTTP/1.1 \(status) x\r\n\(lines)\r\n", to: method).head
            #expect(head?.framing == framing, "\(status) \(method) \(lines)")
            #expect(head?.keepsAlive == keeps, "\(status) \(method) \(lines)")
            #expect(head?.switchesProtocol == switches, "\(status) \(method) \(lines)")
            #expect(head?.isInterim == (status < 200 && status != 101))
        }
        let old = Self.parse("HTTP/1.0 200 OK\r\n\(length)\r\n").head
        #expect(old?.keepsAlive == false)
        let asked = Self.parse("HTTP/1.0 200 OK\r\n\(length)Connection: keep-alive\r\n\r\n").head
        #expect(asked?.keepsAlive == true)
    }
}
