// SPDX-License-Identifier: MIT

import Glibc
import HTTP1Codec
import Testing

@Suite("Dates")
struct HTTPDateTests {
    static let now = HTTPDate(secondsSince1970: 1_764_000_000)!  // 24 Nov 2025

    static func parse(_ text: String, now: HTTPDate = now) -> Int64? {
        HTTPDate(parsing: Array(text.utf8).span, now: now)?.secondsSince1970
    }

    static func write(_ seconds: Int64) -> String? {
        guard let date = HTTPDate(secondsSince1970: seconds) else { return nil }
        var bytes = [UInt8](repeating: 0, count: HTTPDate.byteCount)
        // SAFETY: lent.
        let isWritten = unsafe bytes.withUnsafeMutableBytes { unsafe date.write(into: $0) }
        return isWritten ? String(decoding: bytes, as: UTF8.self) : nil
    }

    /// What the C library makes of it.
    static func oracle(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = unsafe tm()  // SAFETY: zeros are a good start.
        unsafe gmtime_r(&time, &parts)  // SAFETY: both are ours.
        var buffer = [CChar](repeating: 0, count: 64)
        // SAFETY: as many bytes as it says.
        let count = unsafe strftime(&buffer, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: buffer.prefix(count).map(UInt8.init), as: UTF8.self)
    }

    @Test("A date is written as the C library writes it, and read back")
    func roundTrip() {
        // If this failed, caches would keep an answer for too long or not at all.
        var seconds: [Int64] = [
            0, -1, 1, 784_111_777, 951_782_399, 951_782_400, 951_868_800, 4_107_542_399,
        ]
        // A step that is no multiple of a day, over the years 1000 to 9999.
        seconds += stride(from: -30_610_224_000, through: 253_402_300_799, by: 86_400 * 131 + 3_723)
        for second in seconds {
            let text = Self.write(second)
            #expect(text == Self.oracle(second))
            #expect(text.map { Self.parse($0) } == second)
        }
        #expect(Self.write(-62_135_596_800) == "Mon, 01 Jan 0001 00:00:00 GMT")
        #expect(Self.write(253_402_300_799) == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate(secondsSince1970: 253_402_300_800) == nil)
        #expect(HTTPDate(secondsSince1970: -62_135_596_801) == nil)
        #expect(HTTPDate(secondsSince1970: .min) == nil)
    }

    @Test("All three forms of RFC 9110, section 5.6.7, are read")
    func forms() {
        // If this failed, conditional requests of old clients would be served in full.
        #expect(Self.parse("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(Self.parse("Sunday, 06-Nov-94 08:49:37 GMT") == 784_111_777)
        #expect(Self.parse("Sun Nov  6 08:49:37 1994") == 784_111_777)
        #expect(Self.parse("Sun Nov 16 08:49:37 1994") == 784_975_777)
        #expect(Self.parse("Thu, 29 Feb 2024 23:59:60 GMT") == 1_709_251_200)
        // The named weekday need not be right.
        #expect(Self.parse("Mon, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        // Two digits: more than fifty years ahead is in the past.
        #expect(Self.parse("Friday, 01-Jan-75 00:00:00 GMT") == 3_313_526_400)
        #expect(Self.parse("Friday, 01-Jan-76 00:00:00 GMT") == 189_302_400)
        #expect(Self.parse("Wednesday, 01-Jan-25 00:00:00 GMT") == 1_735_689_600)
        // In 2060, 2010 is fifty years ago and 2110 fifty ahead: not more, so it is 2110.
        let later = HTTPDate(secondsSince1970: 2_840_140_800)
        for (text, seconds) in [
            ("Wednesday, 01-Jan-10 00:00:00 GMT", 4_417_977_600 as Int64),
            ("Saturday, 01-Jan-11 00:00:00 GMT", 1_293_840_000),
        ] {
            let bytes = Array(text.utf8)
            let date = later.flatMap { HTTPDate(parsing: bytes.span, now: $0) }
            #expect(date?.secondsSince1970 == seconds, "\(text)")
        }
    }

    @Test("What is none of them is refused")
    func refused() {
        // If this failed, a wrong date would decide what is sent.
        let wrong = [
            "", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 2023 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:00:61 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06 Nov 94 08:49:37 GMT", "Sunda, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 06 08:49:37 1994 GMT",
            "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun Nov  0 08:49:37 1994",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Xyz 1994 08:49:37 GMT", "784111777", "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994T08:49:37 GMT",
        ]
        for text in wrong { #expect(Self.parse(text) == nil, "\(text)") }
    }

    @Test("Memory that is too small is left alone behind its end")
    func room() {
        // If this failed, a date would overwrite what lies behind a full buffer.
        var bytes = [UInt8](repeating: 0xEE, count: 28)
        // SAFETY: lent.
        let isWritten = unsafe bytes.withUnsafeMutableBytes { unsafe Self.now.write(into: $0) }
        #expect(!isWritten)
    }
}
