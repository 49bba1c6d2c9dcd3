// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import HTTPServing

/// What came out of a parser, the pieces of a part joined.
struct Parsed: Equatable {
    var parts: [String] = []
    var isEnded = false
}

/// Feeds the pieces one after the other.
func parse(
    _ pieces: [[UInt8]], boundary: String = "XyZ", limits: MultipartLimits = MultipartLimits()
) throws(MultipartError) -> Parsed {
    var parser = MultipartParser(boundary: bytes(boundary), limits: limits)
    var result = Parsed()
    var part: [UInt8] = []
    for piece in pieces {
        var position = 0
        reading: while true {
            switch try parser.next(in: piece.span, at: &position) {
            case .needsMore: break reading
            case .partBegan(let head):
                part = bytes(
                    "\(head.name)|\(head.fileName ?? "-")|\(head.contentType ?? "-")|")
            case .bytes(let range): part += piece[range]
            case .heldBytes(let range): part += parser.delimiter[range]
            case .partEnded: result.parts.append(text(part))
            case .ended: result.isEnded = true
            }
        }
    }
    try parser.finish()
    return result
}

private func piece(_ text: String) -> [[UInt8]] { [bytes(text)] }

private func fault(
    _ body: String, _ change: (inout MultipartLimits) -> Void = { _ in }
) -> MultipartError? {
    var limits = MultipartLimits()
    change(&limits)
    return failure { () throws(MultipartError) in try parse(piece(body), limits: limits) }
}

private let field = "Content-Disposition: form-data; name=\"a\"\r\n"
private let start = "--XyZ\r\n" + field + "\r\n"
private let end = "\r\n--XyZ--"

@Suite("Multipart forms")
struct MultipartTests {
    /// Every hard place: what looks like a boundary, empty parts, padding, preamble, epilogue.
    private let body =
        "preamble\r\n--XyZ\r\n" + field + "\r\nplain\r\n--XyZ \t\r\ncontent-disposition:form-data;"
        + "name=f; filename=\"x.txt\"\r\nContent-Type: text/plain\r\nX-Other: 1\r\n\r\n"
        + "\r\n--XyY\r\r\n\r\n--Xy\r\n--\r\n-\r\n--XyZ\r\n" + field + "\r\n\r\n--XyZ\r\n" + field
        + "\r\n--XyZ\r\n" + field + "\r\n--XyW\r\n--XyZ--\r\nepilogue --XyZ\r\n"

    private let expected = [
        "a|-|-|plain", "f|x.txt|text/plain|\r\n--XyY\r\r\n\r\n--Xy\r\n--\r\n-", "a|-|-|",
        "a|-|-|", "a|-|-|--XyW",
    ]

    @Test("Two pieces, cut everywhere; three pieces; byte by byte")
    func splits() throws {
        // If this failed, an upload would depend on how the network cut it.
        let all = bytes(body)
        let whole = try parse([all])
        #expect(whole.parts == expected)
        #expect(whole.isEnded)
        #expect(try parse(all.map { [$0] }) == whole)
        for cut in 0...all.count {
            #expect(try parse([Array(all[..<cut]), Array(all[cut...])]) == whole, "\(cut)")
        }
        for first in stride(from: 0, to: all.count, by: 3) {
            for second in first...min(first + 12, all.count) {
                let pieces = [all[..<first], all[first..<second], all[second...]].map { Array($0) }
                #expect(try parse(pieces) == whole, "\(first) \(second)")
            }
        }
    }

    @Test("Random bodies of boundary letters, cut at random")
    func random() throws {
        // If this failed, some content would be lost or added at a boundary's look-alike.
        var random = SplitMix64(seed: 4711)
        let alphabet = bytes("\r\n-XyZ")
        for _ in 0..<2000 {
            let content = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            // The delimiter itself must not be in it, nor be made by what stands around it.
            if text(bytes("\r\n") + content + bytes("\r\n")).contains("\r\n--XyZ") { continue }
            let all = bytes(start) + content + bytes(end)
            var pieces: [[UInt8]] = []
            var position = 0
            while position < all.count {
                let next = min(position + Int.random(in: 1...9, using: &random), all.count)
                pieces.append(Array(all[position..<next]))
                position = next
            }
            #expect(try parse(pieces).parts == ["a|-|-|" + text(content)])
        }
    }

    @Test("Names and file names as browsers write them")
    func names() throws {
        // If this failed, a file would be stored under another name than the user's.
        let cases: [(String, String, String?)] = [
            ("name=\"a\"; filename=\"b\"", "a", "b"),
            ("filename=b ; name=a", "a", "b"),
            ("name=\"a%22b%0D%0A\"; filename=\"%41%\"", "a\"b\r\n", "%41%"),
            ("name=\"a\\\"b\"; filename=\"C:\\dir\\f.txt\"", "a\"b", "C:\\dir\\f.txt"),
            ("name=\"\"; filename=\"\"", "", ""),
            ("NAME=\"a;b\"; FileName*=UTF-8''x", "a;b", nil),
            ("name=\"J\u{F8}\";;", "J\u{F8}", nil),
        ]
        for (parameters, name, fileName) in cases {
            let head = bytes("Content-Disposition: form-data; \(parameters)\r\n")
            let parsed = try? MultipartHead(head.span, fieldCountMax: 1)
            #expect(parsed?.name == name, "\(parameters)")
            #expect(parsed?.fileName == fileName, "\(parameters)")
        }
    }

    @Test("File names made safe")
    func safeNames() throws {
        // If this failed, an upload could be written outside its folder.
        let cases: [(String, String?)] = [
            ("../../etc/passwd", "passwd"), ("C:\\a\\b.txt", "b.txt"), ("a/", nil), ("..", nil),
            (".", nil), ("", nil), ("a%0Ab", "ab"), ("x", "x"), ("a\u{1}\u{7F}b", "ab"),
        ]
        for (given, safe) in cases {
            let head = bytes("Content-Disposition: form-data; name=a; filename=\"\(given)\"\r\n")
            let parsed = try MultipartHead(head.span, fieldCountMax: 1)
            #expect(parsed.safeFileName == safe, "\(given)")
        }
    }

    @Test("Malformed bodies have their errors")
    func malformed() {
        // If this failed, two programs could read one body in two ways.
        #expect(fault(start + "x") == .truncated)
        #expect(fault(start + "x\r\n--XyZ") == .truncated)
        #expect(fault("") == .truncated)
        #expect(fault("--XyZ-") == .truncated)
        #expect(fault("--XyZ--") == nil)
        #expect(fault("--XyZ-\r\n") == .malformedBoundary)
        #expect(fault("--XyZx\r\n") == .malformedBoundary)
        #expect(fault("--XyZ\n") == .malformedBoundary)
        #expect(fault("--XyZ\r\r\n") == .malformedBoundary)
        #expect(fault("--XyZ\r\n" + field + "Folded\r\n x\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\nA b: c\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\n: c\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\nA : c\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\n" + field + "A: b\nC: d\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\n" + field + "A: b\rC: d\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\n" + field + "A: \0\r\n\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\n" + field + field + "\r\n" + end) == .malformedHead)
        #expect(fault("--XyZ\r\n\r\n" + end) == .missingName)
        let values = [
            "form-data", "attachment; name=a", "form-data; name", "form-data; name=\"a",
            "form-data; name=a b", "form-data; name=\"a\"b",
        ]
        for value in values {
            #expect(
                fault("--XyZ\r\nContent-Disposition: \(value)\r\n\r\n" + end) == .missingName,
                "\(value)")
        }
    }

    @Test("Every limit, at its edge")
    func limits() {
        // If this failed, a body could hold more memory or work than was allowed.
        let two = start + "x\r\n" + start + "x" + end
        #expect(fault(two) { $0.partCountMax = 2 } == nil)
        #expect(fault(two) { $0.partCountMax = 1 } == .tooManyParts)
        let headByteCount = field.utf8.count + 2
        #expect(fault(start + end) { $0.headByteCountMax = headByteCount } == nil)
        #expect(fault(start + end) { $0.headByteCountMax = headByteCount - 1 } == .headTooLong)
        let fields = "--XyZ\r\n" + field + "A: b\r\n\r\n" + end
        #expect(fault(fields) { $0.headFieldCountMax = 2 } == nil)
        #expect(fault(fields) { $0.headFieldCountMax = 1 } == .tooManyFields)
        #expect(fault(start + "\r\n--x" + end) { $0.partByteCountMax = 5 } == nil)
        #expect(fault(start + "\r\n--x" + end) { $0.partByteCountMax = 4 } == .partTooLong)
        let late = "12345\r\n" + start + end
        #expect(fault(late) { $0.preambleByteCountMax = 5 } == nil)
        #expect(fault(late) { $0.preambleByteCountMax = 4 } == .preambleTooLong)
    }

    @Test("An error is final")
    func errorIsFinal() {
        // If this failed, a caller that goes on would read parts out of nothing.
        var parser = MultipartParser(boundary: bytes("XyZ"))
        let bad = bytes("--XyZx")
        let good = bytes(start)
        var position = 0
        for input in [bad, good] {
            let error = failure { () throws(MultipartError) in
                try parser.next(in: input.span, at: &position)
            }
            #expect(error == .malformedBoundary)
        }
        #expect(failure { () throws(MultipartError) in try parser.finish() } == .malformedBoundary)
    }

    @Test("The boundary of a content type")
    func boundary() {
        // If this failed, uploads of some client would be refused, or a false boundary taken.
        #expect(boundary("multipart/form-data; boundary=abc") == "abc")
        #expect(boundary("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b:c\"") == "a b:c")
        #expect(boundary("multipart/form-data; boundary=\"a \"") == nil)
        #expect(boundary("multipart/form-data; boundary=") == nil)
        #expect(boundary("multipart/form-data") == nil)
        #expect(boundary("multipart/mixed; boundary=abc") == nil)
        #expect(boundary("multipart/form-data; boundary=a; boundary=b") == nil)
        #expect(boundary("multipart/form-data; boundary=a\r") == nil)
        let longest = String(repeating: "a", count: 70)
        #expect(boundary("multipart/form-data; boundary=\(longest)") == longest)
        #expect(boundary("multipart/form-data; boundary=\(longest)a") == nil)
    }

    private func boundary(_ type: String) -> String? {
        MultipartBoundary.parse(contentType: bytes(type).span).map(text)
    }
}
