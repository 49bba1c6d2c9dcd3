// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Field lines")
struct FieldLineTests {
    static func request(_ lines: String) -> String { "GET / HTTP/1.1\r\n\(lines)\r\n\r\n" }

    /// Field lines behind "Host: a" that are refused. RFC 9112, sections 2.2 and 5.
    static let refused: [(lines: String, error: HTTP1Error)] = [
        // Section 5.1: no white space between name and colon.
        ("Host: a\r\nA : b", .spaceBeforeColon), ("Host: a\r\nA\t: b", .spaceBeforeColon),
        ("Host : a", .spaceBeforeColon),
        // Section 5.2: obs-fold; section 2.2: white space before the first field.
        ("Host: a\r\n b", .obsoleteFold), ("Host: a\r\nA: b\r\n\tc", .obsoleteFold),
        ("Host: a\r\n \r\nA: b", .obsoleteFold), (" Host: a", .leadingWhitespace),
        ("\tHost: a", .leadingWhitespace),
        // RFC 9110, section 5.1: a name is a token.
        ("Host: a\r\n: b", .badFieldName), ("Host: a\r\nb", .badFieldName),
        ("Host: a\r\nA(: b", .badFieldName), ("Host: a\r\nA@b: c", .badFieldName),
        ("Host: a\r\n\"A\": b", .badFieldName), ("Host: a\r\nA\u{7F}: b", .badFieldName),
        ("Host: a\r\nA\u{0}: b", .badFieldName), ("Host: a\r\nÄ: b", .badFieldName),
        ("Host: a\r\nA[1]: b", .badFieldName), ("Host: a\r\nA/b: c", .badFieldName),
        ("Host: a\r\n\u{1}A: b", .badFieldName), ("Host: a\r\nA b: c", .spaceBeforeColon),
        ("Host: a\r\nA=b", .badFieldName), ("Host: a\r\nA;b: c", .badFieldName),
        // RFC 9110, section 5.5: no control bytes in a value, HTAB excepted.
        ("Host: a\r\nA: b\u{0}c", .badFieldValue), ("Host: a\r\nA: \u{1}", .badFieldValue),
        ("Host: a\r\nA: b\u{7F}", .badFieldValue), ("Host: a\r\nA: \u{1B}[0m", .badFieldValue),
        ("Host: a\r\nA: b\u{B}c", .badFieldValue), ("Host: a\r\nA:\u{8}", .badFieldValue),
        // RFC 9112, section 2.2: CR LF ends a line, and neither stands alone.
        ("Host: a\r\nA: b\rc", .bareCarriageReturn),
        ("Host: a\r\nA: b\r\r\nC: d", .bareCarriageReturn),
        ("Host: a\r\nA: b\nC: d", .bareLineFeed), ("Host: a\nA: b", .bareLineFeed),
        ("Host: a\r\nA\r\n: b", .badFieldName), ("Host: a\r\nA\n: b", .bareLineFeed),
        ("Host: a\r\nA: b\r\n\n", .bareLineFeed), ("Host: a\r\n\rA: b", .bareCarriageReturn),
        ("Host: a\r\nA:\rb", .bareCarriageReturn), ("Host: a\r\nA:\nb", .bareLineFeed),
    ]

    @Test("A wrong field line is refused, at every split")
    func refusedLines() {
        // If this failed, a proxy and we could see different fields in one message: smuggling.
        for (lines, error) in Self.refused {
            let request = Self.request(lines)
            #expect(outcome(of: request) == .refused(error), "\(lines.debugDescription)")
            #expect(
                firstDifferingSplit(of: Array(request.utf8)) == nil, "\(lines.debugDescription)")
            #expect(error.status == 400)
            #expect(error.mustClose)
        }
    }

    @Test("Names and values are found, without the blanks around a value")
    func values() {
        // If this failed, values would keep blanks (RFC 9110, section 5.6.3: HTAB is one), or lose
        // bytes at an end of a block of sixteen.
        let values: [(sent: String, value: String)] = [
            ("b", "b"), ("", ""), (" ", ""), ("\t", ""), (" \t b", "b"), ("b \t ", "b"),
            (" b c ", "b c"), ("\tb\tc\t", "b\tc"), ("b:c", "b:c"), ("é", "é"),
            ("\"b\\\"\"", "\"b\\\"\""),
            ("0123456789abcde", "0123456789abcde"), ("0123456789abcdef", "0123456789abcdef"),
            ("0123456789abcdefg", "0123456789abcdefg"),
            (String(repeating: "x", count: 1000), String(repeating: "x", count: 1000)),
            (String(repeating: "\t", count: 50), ""), ("~}|{`_^]\\[@?>=<;", "~}|{`_^]\\[@?>=<;"),
        ]
        for (sent, value) in values {
            for name in [
                "A", "x-custom_name.1", "!#$%&'*+-.^_`|~09az", "ABCDEFGHIJKLMNOPQRSTUVWXYZ-",
            ] {
                let request = Self.request("Host: a\r\n\(name):\(sent)")
                guard case .complete(_, let records) = outcome(of: request) else {
                    Issue.record("\(name):\(sent)")
                    continue
                }
                #expect(records.count == 2)
                #expect(text(records[1].name, of: request) == name)
                #expect(text(records[1].value, of: request) == value)
            }
            #expect(
                firstDifferingSplit(of: Array(Self.request("Host: a\r\nA:\(sent)").utf8)) == nil)
        }
    }

    @Test("Every byte is judged in names and values, at every place of a block")
    func everyByte() {
        // If this failed, the sixteen bytes at once and one byte alone would be judged differently.
        let token = Set("!#$%&'*+-.^_`|~0123456789".utf8)
        for byte in UInt8.min...UInt8.max {
            let isLetter = (0x41...0x5A).contains(byte & ~0x20)
            let isToken = byte < 0x80 && (token.contains(byte) || isLetter)
            let isText = byte == 9 || (byte >= 0x20 && byte != 0x7F)
            for place in [0, 1, 7, 8, 15, 16, 17, 30] {
                let fill = [UInt8](repeating: 0x61, count: place)
                let head = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)
                let name = head + fill + [byte] + Array("b: c\r\n\r\n".utf8)
                let isGoodName = isToken || (byte == 0x3A && place > 0)
                #expect((outcome(of: name).head != nil) == isGoodName, "name \(byte) at \(place)")
                let value = head + Array("n:".utf8) + fill + [byte] + Array("\r\n\r\n".utf8)
                #expect((outcome(of: value).head != nil) == isText, "value \(byte) at \(place)")
                let long =
                    head + Array("n:".utf8) + fill + [byte] + Array("aaaaaaaaaaaaaaaa\r\n\r\n".utf8)
                #expect((outcome(of: long).head != nil) == isText, "value \(byte) at \(place)")
            }
        }
    }

    @Test("Known fields are recognised in any case, and only they")
    func knownFields() {
        // If this failed, Content-Length in an unusual spelling would not frame the body.
        for field in KnownField.allCases where field != .other && !field.rawValue.isSpecial {
            let name = "\(field.name)"
            for spelling in [name, name.lowercased(), name.uppercased()] {
                guard
                    case .complete(_, let records) = outcome(
                        of: Self.request("Host: a\r\n\(spelling): b"))
                else {
                    Issue.record("\(spelling)")
                    continue
                }
                #expect(records[1].known == field, "\(spelling)")
            }
            // One byte different at any place, or one more at either end, is another name.
            for index in name.indices {
                let other = name.replacingCharacters(
                    at: index, with: name[index] == "q" ? "p" : "q")
                guard
                    case .complete(_, let records) = outcome(
                        of: Self.request("Host: a\r\n\(other): b"))
                else { continue }
                #expect(records[1].known == .other, "\(other)")
            }
            for other in ["x\(name)", "\(name)x"] {
                guard
                    case .complete(_, let records) = outcome(
                        of: Self.request("Host: a\r\n\(other): b"))
                else { continue }
                #expect(records[1].known == .other, "\(other)")
            }
        }
    }

    @Test("The limits of fields are kept exactly: 431")
    func limits() {
        // If this failed, a peer could make the server hold more than it was told to.
        var limits = HTTPLimits()
        limits.fieldLineByteCountMax = 40
        limits.fieldCountMax = 3
        limits.fieldsByteCountMax = 100
        let x = { (count: Int) in String(repeating: "x", count: count) }
        let cases: [(String, HTTP1Error?)] = [
            ("Host: a\r\nA: \(x(37))", nil), ("Host: a\r\nA: \(x(38))", .fieldTooLong),
            ("Host: a\r\nA: \(x(38))\u{0}", .fieldTooLong),
            ("Host: a\r\n\(x(41)): b", .fieldTooLong),
            ("Host: a\r\n\(x(38)): ", nil), ("Host: a\r\n\(x(38)):   ", .fieldTooLong),
            ("Host: a\r\nA: b\r\nA: b", nil), ("Host: a\r\nA: b\r\nA: b\r\nA: b", .tooManyFields),
            ("Host: a\r\nA: \(x(37))\r\nA: \(x(37))", nil),
            ("Host: \(x(30))\r\nA: \(x(37))\r\nA: \(x(37))", .fieldsTooLong),
            ("Host: \(x(14))\r\nA: \(x(35))\r\nB: \(x(35))", nil),
            ("Host: \(x(14))\r\nA: \(x(35))\r\nB: \(x(36))", .fieldsTooLong),
        ]
        for (lines, error) in cases {
            let bytes = Array(Self.request(lines).utf8)
            let whole = outcome(of: bytes, limits: limits)
            if let error {
                #expect(whole == .refused(error), "\(lines)")
                #expect(error.status == 431)
            } else {
                #expect(whole.head != nil, "\(lines): \(whole)")
            }
            #expect(firstDifferingSplit(of: bytes, limits: limits) == nil, "\(lines)")
        }
        // What never ends is refused too.
        var endless = Array("GET / HTTP/1.1\r\nHost: a\r\nA: ".utf8)
        endless += [UInt8](repeating: 0x78, count: 20_000)
        #expect(outcome(of: endless) == .refused(.fieldTooLong))
    }

    @Test("A head that comes byte by byte costs no more than its bytes")
    func linearWork() {
        // If this failed, a slow client could keep a core busy: each byte would cost as much as all
        // before it. Here that would be 10^9 steps.
        var limits = HTTPLimits()
        limits.targetByteCountMax = 115_000
        limits.fieldLineByteCountMax = 115_000
        limits.fieldsByteCountMax = 1_000_000
        let x = { (count: Int) in String(repeating: "x", count: count) }
        let lines = "Host: a\r\n\(x(15_000)): b\r\nA:\(String(repeating: " ", count: 15_000))"
        let text = "GET /\(x(15_000))?\(x(15_000)) HTTP/1.1\r\n\(lines)\(x(30_000))\r\n\r\n"
        let bytes = Array(text.utf8)
        var parser = RequestHeadParser()
        var fields = FieldTable(capacity: 4)
        // SAFETY: the pieces are used within the call.
        let end = unsafe bytes.withUnsafeBytes { all -> Int? in
            for count in 1...all.count {
                // SAFETY: as above.
                let piece = unsafe UnsafeRawBufferPointer(rebasing: all[..<count])
                // SAFETY: as above.
                let head = unsafe try? parser.parse(piece, limits: limits, fields: &fields)
                if head != nil { return count }
            }
            return nil
        }
        #expect(end == bytes.count)
    }

    @Test("A table without room for all fields refuses the rest")
    func smallTable() {
        // If this failed, the parser would write behind the table.
        var feeder = HeadFeeder(capacity: 2)
        let bytes = Array(Self.request("Host: a\r\nA: b\r\nA: b").utf8)
        let refused = feeder.feed(bytes[...])
        #expect(refused == .refused(.tooManyFields))
        var roomy = HeadFeeder(capacity: 3)
        let accepted = roomy.feed(bytes[...])
        #expect(accepted.head != nil)
    }
}

extension UInt8 {
    /// Whether it is the number of a field that the parser itself reads, and whose value it judges.
    fileprivate var isSpecial: Bool { (1...6).contains(self) }
}

extension String {
    fileprivate func replacingCharacters(at index: Index, with character: Character) -> String {
        String(self[..<index]) + String(character) + String(self[self.index(after: index)...])
    }
}
