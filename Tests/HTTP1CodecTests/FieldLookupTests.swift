// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Field look-ups and list members")
struct FieldLookupTests {
    /// A parsed head, and the bytes that its records lie in.
    private final class Parsed {
        let bytes: [UInt8]
        var fields = FieldTable(capacity: 20)

        init(_ lines: String) throws {
            let message = Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n".utf8)
            bytes = message
            var parser = RequestHeadParser()
            let head = try parser.parse(message.span, limits: HTTPLimits(), fields: &fields)
            #expect(head?.byteCount == message.count)
        }

        func text(_ range: ByteRange) -> String {
            String(decoding: bytes[range.offsets], as: UTF8.self)
        }

        /// All members of a known field.
        func members(_ field: KnownField) -> [String] {
            var found: [String] = []
            var members = FieldMembers(field)
            // SAFETY: lent for the calls.
            unsafe bytes.withUnsafeBytes { bytes in
                // SAFETY: as above.
                while let member = unsafe members.next(in: fields, bytes) {
                    found.append(text(member))
                    if found.count > 50 { return }
                }
            }
            return found
        }

        func index(named name: StaticString, from start: Int = 0) -> Int? {
            // SAFETY: lent for the call.
            unsafe bytes.withUnsafeBytes {
                unsafe fields.firstIndex(named: name, in: $0, from: start)
            }
        }

        func has(_ field: KnownField) -> Bool { fields.contains(field) }

        func index(of field: KnownField, from start: Int = 0) -> Int? {
            fields.firstIndex(of: field, from: start)
        }

        func value(of field: KnownField) -> String? { fields.value(of: field).map { text($0) } }

        func has(_ word: StaticString, of field: KnownField) -> Bool {
            // SAFETY: lent for the call.
            unsafe bytes.withUnsafeBytes { unsafe fields.hasMember(word, of: field, in: $0) }
        }
    }

    /// What a field's lines hold, and the members in it. RFC 9110, sections 5.3 and 5.6.1.
    private static let lists: [(lines: String, members: [String])] = [
        ("Accept-Encoding: gzip", ["gzip"]),
        ("Accept-Encoding: gzip, br", ["gzip", "br"]),
        ("Accept-Encoding:  gzip \t,\t br ", ["gzip", "br"]),
        ("Accept-Encoding: gzip,br,", ["gzip", "br"]),
        ("Accept-Encoding: ,, ,gzip,,br", ["gzip", "br"]),
        ("Accept-Encoding: ", []), ("Accept-Encoding: ,", []), ("X: gzip", []),
        ("Accept-Encoding: a;q=0.5, *;q=0", ["a;q=0.5", "*;q=0"]),
        // Lines of one field are one list, whatever stands between them.
        ("Accept-Encoding: a, b\r\nX: c\r\nAccept-Encoding: d", ["a", "b", "d"]),
        ("Accept-Encoding: a\r\nAccept-Encoding: b\r\naccept-encoding: c", ["a", "b", "c"]),
        (
            "Accept-Encoding: a\r\nAccept-Encoding: \r\nAccept-Encoding: ,\r\nAccept-Encoding: b",
            ["a", "b"]
        ),
        // Section 5.6.4: a comma in a quoted string is text, and so is a quoted quote.
        ("Accept-Encoding: \"a, b\", c", ["\"a, b\"", "c"]),
        ("Accept-Encoding: a=\"b,c\";d=\", \",e", ["a=\"b,c\";d=\", \"", "e"]),
        ("Accept-Encoding: \"a\\\", b\", c", ["\"a\\\", b\"", "c"]),
        ("Accept-Encoding: \"a\\\\\", b", ["\"a\\\\\"", "b"]),
        // Outside a quoted string a backslash is a byte.
        ("Accept-Encoding: a\\, b", ["a\\", "b"]),
        // A string that never ends takes the rest of its line, not the next.
        ("Accept-Encoding: a, \"b, c\r\nAccept-Encoding: d", ["a", "\"b, c", "d"]),
        ("Accept-Encoding: \"a\\", ["\"a\\"]),
        ("Accept-Encoding: \"\", a", ["\"\"", "a"]),
    ]

    @Test("A list's members are found, over all its lines", arguments: lists.indices)
    func members(_ index: Int) throws {
        // If this failed, a server would see other codings, tags or options than were sent.
        let (lines, wanted) = Self.lists[index]
        let parsed = try Parsed(lines)
        #expect(parsed.members(.acceptEncoding) == wanted, "\(lines.debugDescription)")
    }

    @Test("A member is found in any case, whole, and without parameters")
    func words() throws {
        // If this failed, "Connection: closed" would close, and "Connection: Close" would not.
        let parsed = try Parsed(
            "Connection: Keep-ALIVE, closed\r\nVia: x\r\nConnection: upgrade;a=b, TE")
        #expect(parsed.has("keep-alive", of: .connection))
        #expect(parsed.has("te", of: .connection))
        #expect(!parsed.has("close", of: .connection))
        #expect(!parsed.has("upgrade", of: .connection))
        #expect(!parsed.has("keep", of: .connection))
        #expect(!parsed.has("x", of: .connection))
        #expect(!parsed.has("te", of: .te))
    }

    @Test("A field is found by what it is, from any index on")
    func knownFields() throws {
        // If this failed, repeated fields would be read twice, or not at all.
        let parsed = try Parsed("Accept: a\r\nX: y\r\naccept: b\r\nCookie: c=d")
        #expect(parsed.has(.accept) && parsed.has(.host))
        #expect(!parsed.has(.range))
        #expect(parsed.index(of: .host) == 0)
        #expect(parsed.index(of: .accept) == 1)
        #expect(parsed.index(of: .accept, from: -3) == 1)
        #expect(parsed.index(of: .accept, from: 1) == 1)
        #expect(parsed.index(of: .accept, from: 2) == 3)
        #expect(parsed.index(of: .accept, from: 4) == nil)
        #expect(parsed.index(of: .accept, from: 99) == nil)
        #expect(parsed.index(of: .range) == nil)
        #expect(parsed.value(of: .accept) == "a")
        #expect(parsed.value(of: .range) == nil)
    }

    @Test("A field is found by its name, letters of either case being equal")
    func namedFields() throws {
        // If this failed, a field of an application would be found or not by how it is written.
        let parsed = try Parsed("X-One: a\r\nx-two: b\r\nX-ONE: c\r\nX-One-: d")
        #expect(parsed.index(named: "x-one") == 1)
        #expect(parsed.index(named: "x-one", from: -1) == 1)
        #expect(parsed.index(named: "x-one", from: 2) == 3)
        #expect(parsed.index(named: "x-one", from: 4) == nil)
        #expect(parsed.index(named: "x-two") == 2)
        #expect(parsed.index(named: "host") == 0)
        #expect(parsed.index(named: "x-on") == nil)
        #expect(parsed.index(named: "x-one-") == 4)
        #expect(parsed.index(named: "x-one--") == nil)
    }

    @Test("Ranges are compared whole, with and without case")
    func comparing() throws {
        // If this failed, a prefix would count as the word.
        let cases: [(value: String, word: StaticString, exactly: Bool, anyCase: Bool)] = [
            ("abc", "abc", true, true), ("abC", "abC", true, true), ("abC", "abc", false, true),
            ("ab", "abc", false, false), ("abc", "ab", false, false), ("", "", true, true),
            ("", "a", false, false), ("abd", "abc", false, false), ("xbc", "abc", false, false),
            // "[" and "{" differ as letters of two cases do, and are none.
            ("[", "{", false, false), ("{", "{", true, true), ("@", "`", false, false),
        ]
        for (value, word, isExact, isInAnyCase) in cases {
            let parsed = try Parsed("X: \(value)")
            let range = parsed.fields[1].value
            // SAFETY: lent for the calls.
            unsafe parsed.bytes.withUnsafeBytes { bytes in
                let exactly = unsafe range.isEqual(to: word, in: bytes)  // SAFETY: as above.
                // SAFETY: as above.
                let anyCase = unsafe range.isEqual(ignoringCaseTo: word, in: bytes)
                #expect(exactly == isExact, "\(value) \(word)")
                #expect(anyCase == isInAnyCase, "\(value) \(word)")
            }
        }
    }
}
