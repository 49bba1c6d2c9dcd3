// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import HTTPServing

@Suite("Access log and names of requests")
struct LogTests {
    private let figures = AccessLog.Figures(
        secondsSince1970: 971_211_336, status: 200, byteCount: 2326, durationNanoseconds: 1_234_567)

    private func line(
        _ format: AccessLog.Format, target: String = "/a?b=1", agent: String? = "curl/8"
    ) -> String {
        let remote = bytes("192.0.2.1")
        let method = bytes("GET")
        let target = bytes(target)
        let agent = agent.map { bytes($0) }
        let id = bytes("abc")
        var output: [UInt8] = []
        AccessLog.append(
            format, figures, remote: remote.span, method: method.span, target: target.span,
            version: "HTTP/1.1", userAgent: agent?.span, requestID: id.span, to: &output)
        return text(output)
    }

    @Test("The three formats")
    func formats() {
        // If this failed, the usual tools would not read the log.
        let common = "192.0.2.1 - - [10/Oct/2000:20:55:36 +0000] \"GET /a?b=1 HTTP/1.1\" 200 2326"
        #expect(line(.common) == common + "\n")
        #expect(line(.combined) == common + " \"-\" \"curl/8\"\n")
        #expect(line(.timed) == common + " \"-\" \"curl/8\" 1234 abc\n")
        #expect(line(.combined, agent: nil) == common + " \"-\" \"-\"\n")
        #expect(line(.combined, agent: "") == common + " \"-\" \"-\"\n")
    }

    @Test("Nothing that a client sends leaves its place")
    func injection() {
        // If this failed, a client could forge lines or steer the terminal of whoever reads them.
        let hostile = "a\" 500 1\r\n10.0.0.1 - -\\\u{1B}[2J\u{0}\u{7F}\u{85}\u{202E}"
        let written = line(.combined, target: hostile, agent: hostile)
        #expect(written.utf8.filter { $0 == 0x0A }.count == 1)
        #expect(written.utf8.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
        #expect(
            written.contains(
                "a\\\" 500 1\\x0D\\x0A10.0.0.1 - -\\\\\\x1B[2J\\x00\\x7F\\xC2\\x85\\xE2\\x80\\xAE"))
        let long = line(.common, target: String(repeating: "x", count: 5000))
        #expect(long.utf8.count < 1200)
        #expect(long.contains("xxx... HTTP/1.1"))
        // Exactly as long as may be, and one byte more.
        let most = bytes(String(repeating: "x", count: LogText.byteCountMax))
        #expect(LogText.text(most.span) == text(most))
        let more = most + [0x78]
        #expect(LogText.text(more.span) == text(most) + "...")
    }

    /// Year to second, as the C library counts them.
    private static func parts(_ seconds: Int64) -> [UInt64] {
        var time = time_t(seconds)
        // SAFETY: both live through the call; the zone's name is not read.
        var parts = unsafe tm()
        unsafe gmtime_r(&time, &parts)
        return unsafe [
            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
            parts.tm_sec,
        ].map { UInt64($0) }
    }

    @Test("Dates against the C library")
    func dates() {
        // If this failed, the log would be a day off after some leap year.
        var seconds: Int64 = 0
        while seconds <= CalendarDate.secondsMax {
            let parts = Self.parts(seconds)
            let date = CalendarDate(secondsSince1970: seconds)
            let isSame =
                [date.year, date.month, date.day, date.hour, date.minute, date.second] == parts
            if !isSame {
                Issue.record("\(seconds): \(date)")
                return
            }
            seconds += 10_000_019
        }
        #expect(CalendarDate(secondsSince1970: -1) == CalendarDate(secondsSince1970: 0))
        #expect(CalendarDate(secondsSince1970: .max).year == 9999)
    }

    @Test("Names that may be taken over")
    func acceptable() {
        // If this failed, a client's header could break the log or the response.
        for name in ["a", "0190a6f0-1d2c-7abc", "Root=1-67891233-abc", "aGVsbG8+/=", "a.b_c~d:e"] {
            let isFine = RequestID.isAcceptable(bytes(name).span)
            #expect(isFine, "\(name)")
        }
        let long = String(repeating: "a", count: 128)
        let isFine = RequestID.isAcceptable(bytes(long).span)
        #expect(isFine)
        for name in ["", long + "a", "a b", "a\"", "a\n", "\u{E4}", "a,b", "a;b", "<a>", "a\0"] {
            let isFine = RequestID.isAcceptable(bytes(name).span)
            #expect(!isFine, "\(name)")
        }
    }

    @Test("Names that are made")
    func generated() {
        // If this failed, two requests would have one name.
        var generator = RequestIDGenerator()
        var other = RequestIDGenerator()
        var names: Set<[UInt8]> = []
        for _ in 0..<10_000 {
            var name: [UInt8] = []
            generator.append(to: &name)
            names.insert(name)
            name = []
            other.append(to: &name)
            names.insert(name)
            let isFine = RequestID.isAcceptable(name.span)
            #expect(isFine && name.count == RequestIDGenerator.byteCount)
        }
        #expect(names.count == 20_000)
    }
}

#if HTTP

    import Logging

    @Suite("Access log as metadata")
    struct LogMetadataTests {
        @Test("Values are escaped, and only what is known is there")
        func metadata() {
            // If this failed, a client could forge lines through the logger.
            let method = bytes("GET")
            let target = bytes("/\n\"")
            let figures = AccessLog.Figures(
                secondsSince1970: 0, status: 404, byteCount: 7, durationNanoseconds: 2500)
            let metadata = AccessLog.metadata(
                figures, remote: nil, method: method.span, target: target.span)
            #expect(metadata["target"] == .string("/\\x0A\\\""))
            #expect(metadata["status"] == .stringConvertible(404 as UInt16))
            #expect(metadata["microseconds"] == .stringConvertible(2 as UInt64))
            #expect(metadata["remote"] == nil)
            #expect(metadata["user-agent"] == nil)
        }
    }

#endif
