// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import HTTPServing

@Suite("Random bytes for every parser")
struct HostileBytesTests {
    /// Bytes that mean something to some parser, and a few that mean nothing.
    private static let alphabet = bytes(
        "/.%2Ffe0=&+;:,\"\\-*()qQ wW\r\n\t<bytes>gzip\0\u{7F}\u{FF}")

    private func input(_ random: inout SplitMix64) -> [UInt8] {
        (0..<Int.random(in: 0...60, using: &random)).map { _ in
            Int.random(in: 0..<8, using: &random) == 0
                ? UInt8.random(in: 0...255, using: &random)
                : Self.alphabet.randomElement(using: &random) ?? 0
        }
    }

    @Test("No parser traps, and what they answer lies inside their bytes")
    func all() throws {
        // If this failed, one request could end the whole server.
        var random = SplitMix64(seed: 20_261_126)
        let router = try router(["GET /:a(int)/*r", "GET /:b/c", "GET /d/:u(uuid)"], .redirect)
        for _ in 0..<6000 {
            let input = input(&random)
            checkRouter(router, [0x2F] + input)
            checkFields(input)
            checkRange(input, &random)
            checkMultipart(input, &random)
            let prefixed = bytes("form-data; name=") + input
            _ = try? MultipartHead(prefixed.span, fieldCountMax: 4)
        }
    }

    private func checkRouter(_ router: Router<String>, _ path: [UInt8]) {
        var parameters = RouteParameters()
        if case .found = router.lookup(.get, path.span, &parameters) {
            for index in 0..<parameters.count {
                let decoded = parameters.bytes(at: index, in: path.span)
                #expect(!decoded.contains(0))
                #expect(decoded.count <= path.count)
            }
        }
        var mapped: [UInt8] = []
        let rest = path.span.extracting(droppingFirst: 1)
        guard (try? FilePathMapping.map(rest, hidden: .served, to: &mapped)) != nil else { return }
        let names = mapped.split(separator: 0x2F, omittingEmptySubsequences: false)
        #expect(mapped == [0x2E] || names.allSatisfy { !$0.isEmpty && $0 != [0x2E, 0x2E] })
        #expect(!mapped.contains(0) && !mapped.contains(0x5C))
    }

    private func checkFields(_ input: [UInt8]) {
        if let form = try? Form(input) {
            for field in form.fields {
                #expect(field.value.upperBound <= input.count)
                _ = form.text(of: field)
            }
        }
        var scanner = CookieScanner()
        while let cookie = try? scanner.next(in: input.span) {
            #expect(cookie.value.upperBound <= input.count)
        }
        var codings = AcceptedCodings()
        codings.add(input.span)
        _ = codings.choose(from: [.gzip, .br])
        _ = AcceptedTypes.best(of: ["text/html", "a/b;c=d"], accept: input.span)
        _ = ContentCoding.ofRequest(input.span)
        _ = MediaTypes.isCompressible(input.span)
        _ = MediaTypes.type(forPath: input.span)
        if let boundary = MultipartBoundary.parse(contentType: input.span) {
            let isValid = MultipartBoundary.isValid(boundary.span)
            #expect(isValid)
        }
        var conditions = Preconditions(Validators(entityTag: EntityTag("e")))
        conditions.ifMatch(input.span)
        conditions.ifNoneMatch(input.span)
        _ = conditions.outcome(isGetOrHead: true)
        var log: [UInt8] = []
        LogText.append(input.span, to: &log)
        #expect(log.allSatisfy { (0x20...0x7E).contains($0) })
    }

    private func checkRange(_ input: [UInt8], _ random: inout SplitMix64) {
        let field = bytes("bytes=") + input.filter { $0 < 0x3B }
        let byteCount = UInt64.random(in: 0...30, using: &random)
        guard
            case .ranges(let ranges) = RangeRequest.parse(
                field.span, completeByteCount: byteCount)
        else { return }
        var sum: UInt64 = 0
        for index in 0..<ranges.count {
            #expect(ranges[index].byteCount > 0 && ranges[index].end <= byteCount)
            sum += ranges[index].byteCount
        }
        #expect(sum <= byteCount)
    }

    private func checkMultipart(_ input: [UInt8], _ random: inout SplitMix64) {
        let body = bytes("--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n") + input
        let cut = Int.random(in: 0...body.count, using: &random)
        let whole = Result { () throws(MultipartError) in try parse([body]) }
        let pieces = [Array(body[..<cut]), Array(body[cut...])]
        let halves = Result { () throws(MultipartError) in try parse(pieces) }
        #expect(whole == halves)
    }
}
