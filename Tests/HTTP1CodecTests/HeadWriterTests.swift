// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Writing")
struct HeadWriterTests {
    /// What a writer makes of memory of so many bytes, or its fault.
    static func write(
        byteCount: Int = 1000, _ body: (inout HeadWriter) -> Void
    ) -> Result<String, HTTP1WriteError> {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 1)
        defer { unsafe memory.deallocate() }  // SAFETY: nobody keeps it.
        var writer = unsafe HeadWriter(memory)  // SAFETY: alive while the writer is.
        body(&writer)
        do throws(HTTP1WriteError) {
            let count = try writer.end()
            // SAFETY: as above.
            return unsafe .success(String(decoding: memory[..<count], as: UTF8.self))
        } catch {
            return .failure(error)
        }
    }

    @Test("A response's head is written byte for byte")
    func response() {
        // If this failed, clients would misread answers (RFC 9112, sections 4 and 5).
        let written = Self.write { writer in
            writer.status(206)
            writer.field(.contentLength, 18_446_744_073_709_551_615)
            writer.field(.age, 0)
            writer.field(.contentType, "text/plain")
            writer.field("X-a", "")
            writer.field(Array("b".utf8).span, Array("c\td é".utf8).span)
            if let date = HTTPDate(secondsSince1970: 784_111_777) { writer.field(.date, date) }
            writer.lines("Server: m\r\n")
        }
        let expected =
            "HTTP/1.1 206 Partial Content\r\nContent-Length: 18446744073709551615\r\nAge: 0\r\n"
            + "Content-Type: text/plain\r\nX-a: \r\nb: c\td é\r\n"
            + "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: m\r\n\r\n"
        #expect(written == .success(expected))
        #expect(Self.write { $0.status(200) } == .success("HTTP/1.1 200 OK\r\n\r\n"))
        #expect(Self.write { $0.status(304) } == .success("HTTP/1.1 304 Not Modified\r\n\r\n"))
        #expect(Self.write { $0.status(404) } == .success("HTTP/1.1 404 Not Found\r\n\r\n"))
        #expect(Self.write { $0.status(999) } == .success("HTTP/1.1 999 \r\n\r\n"))
        #expect(
            Self.write { $0.status(200, reason: "Fine") } == .success("HTTP/1.1 200 Fine\r\n\r\n"))
    }

    @Test("What would split a message is refused")
    func injection() {
        // If this failed, a value from outside could add fields or a whole response.
        let values = ["a\r\nB: c", "a\n", "\r", "a\u{0}", "\u{1}", "a\u{7F}", "0123456789abcdef\n"]
        for value in values {
            let bytes = Array(value.utf8)
            #expect(Self.write { $0.field(.location, bytes.span) } == .failure(.badValue))
            #expect(
                Self.write { $0.field(Array("a".utf8).span, bytes.span) } == .failure(.badValue))
        }
        for name in ["", "a b", "a:", "a\r\n", "é", "a\u{0}", "a(", "\u{7F}"] {
            let bytes = Array(name.utf8)
            #expect(Self.write { $0.field(bytes.span, bytes.span) } == .failure(.badName))
        }
        #expect(Self.write { $0.field(.other, 1) } == .failure(.badName))
        #expect(Self.write { $0.field(.other, "a") } == .failure(.badName))
        for status in [-1, 0, 99, 1000] {
            #expect(Self.write { $0.status(status) } == .failure(.badStartLine))
        }
        #expect(Self.write { $0.status(200, reason: "a\r\nb") } == .failure(.badStartLine))
        // The first fault stays.
        let twice = Self.write { writer in
            writer.field("", "a")
            writer.field("a", "\n")
        }
        #expect(twice == .failure(.badName))
    }

    @Test("Nothing is written beyond the memory's end")
    func room() {
        // If this failed, a long value would overwrite what lies behind.
        let body = { (writer: inout HeadWriter) in
            writer.status(200)
            writer.field(.contentLength, 12345)
            writer.field(.server, "m")
            if let date = HTTPDate(secondsSince1970: 0) { writer.field(.date, date) }
        }
        guard case .success(let whole) = Self.write(body) else {
            Issue.record("there was room")
            return
        }
        let needed = whole.utf8.count
        #expect(Self.write(byteCount: needed, body) == .success(whole))
        for count in 0..<needed {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: needed, alignment: 1)
            defer { unsafe memory.deallocate() }  // SAFETY: nobody keeps it.
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xEE)  // SAFETY: ours.
            // SAFETY: alive while the writer is.
            var writer = unsafe HeadWriter(
                UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
            body(&writer)
            #expect(throws: HTTP1WriteError.noRoom) { try writer.end() }
            #expect(unsafe memory[count...].allSatisfy { $0 == 0xEE })  // SAFETY: ours.
        }
    }

    @Test("A request's head is written, and only with a target that is one")
    func request() {
        // If this failed, a target from outside could become a second request.
        let write = { (method: RequestMethod, target: String) in
            Self.write { writer in
                let bytes = Array(target.utf8)
                // SAFETY: lent.
                unsafe bytes.withUnsafeBytes { unsafe writer.request(method, target: $0) }
            }
        }
        #expect(write(.get, "/a?b") == .success("GET /a?b HTTP/1.1\r\n\r\n"))
        #expect(write(.options, "*") == .success("OPTIONS * HTTP/1.1\r\n\r\n"))
        for target in ["", "/a b", "/\r\n", "/é", "/\u{0}", "/#", "/a HTTP/1.1\r\nHost: b"] {
            #expect(write(.get, target) == .failure(.badStartLine), "\(target)")
        }
        #expect(write(.other, "/") == .failure(.badStartLine))
    }

    @Test("Chunks' lines have the length in hexadecimal digits")
    func chunks() {
        // If this failed, a body would be cut or run into the next message.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 18, alignment: 1)
        defer { unsafe memory.deallocate() }  // SAFETY: nobody keeps it.
        let cases = [
            (1, "1\r\n", "00000001\r\n"), (15, "f\r\n", "0000000f\r\n"),
            (16, "10\r\n", "00000010\r\n"),
            (0xABCDEF, "abcdef\r\n", "00abcdef\r\n"), (0xFFFF_FFFF, "ffffffff\r\n", "ffffffff\r\n"),
        ]
        for (byteCount, short, fixed) in cases {
            // SAFETY: ours, all of these.
            let count = unsafe ChunkWriter.begin(byteCount: byteCount, into: memory) ?? 0
            #expect(unsafe String(decoding: memory[..<count], as: UTF8.self) == short)
            let fixedCount = unsafe ChunkWriter.beginFixed(byteCount: byteCount, into: memory) ?? 0
            // SAFETY: as above.
            #expect(unsafe String(decoding: memory[..<fixedCount], as: UTF8.self) == fixed)
            #expect(fixedCount == ChunkWriter.beginFixedByteCount)
        }
        // SAFETY: as above.
        #expect(unsafe ChunkWriter.begin(byteCount: .max, into: memory) == 18)
        // SAFETY: as above.
        let small = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<4])
        // SAFETY: as above.
        #expect(unsafe ChunkWriter.begin(byteCount: 0xFFF, into: small) == nil)
        #expect(unsafe ChunkWriter.begin(byteCount: 0xFF, into: small) == 4)  // SAFETY: as above.
    }

    @Test("Every status has a line, and every known one a reason")
    func statuses() {
        // If this failed, an error's own status would have no reason or break the line.
        for status in 100...999 {
            guard case .success(let line) = Self.write({ $0.status(status) }) else {
                Issue.record("\(status)")
                continue
            }
            #expect(line == "HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n\r\n")
        }
        for error in HTTP1Error.allCases {
            #expect(!"\(ReasonPhrase.of(error.status))".isEmpty)
        }
    }
}
