// SPDX-License-Identifier: MIT

import HTTP1Codec

/// What must hold of parsing responses.
enum ResponseProperties {
    enum Outcome: Equatable {
        case complete(ResponseHead, [Pair])
        case incomplete
        case refused(HTTP1Error)
    }

    static func violation(of bytes: [UInt8], _ cuts: inout Cuts) -> String? {
        let methods: [RequestMethod] = [.get, .head, .connect]
        let method = methods[bytes.count % 3]
        let whole = parse(bytes, method, endingAt: [bytes.count])
        for ends in cuts.ways() {
            let parts = parse(bytes, method, endingAt: ends)
            if parts != whole { return "cut at \(ends): \(parts), whole: \(whole)" }
        }
        guard case .complete(let head, let fields) = whole else { return nil }
        if head.byteCount > bytes.count { return "the head is longer than the bytes" }
        if head.status < 100 || head.status > 999 { return "status \(head.status)" }
        if let fault = plainFault(bytes, head, fields) { return fault }
        let hasNoBody = method == .head || head.status < 200 || [204, 304].contains(head.status)
        if hasNoBody && head.framing != .none { return "a body where there is none" }
        if head.framing == .untilClose && head.keepsAlive { return "kept open without an end" }
        let rest = Array(bytes[head.byteCount...])
        var bodyCuts = Cuts(seed: UInt8(truncatingIfNeeded: rest.count), byteCount: rest.count)
        return BodyProperties.violation(of: rest, head.framing, &bodyCuts)
    }

    /// The head, taken apart at its line ends, must be what was found.
    private static func plainFault(
        _ bytes: [UInt8], _ head: ResponseHead, _ fields: [Pair]
    ) -> String? {
        let text = bytes[..<head.byteCount]
        if text.suffix(4) != [13, 10, 13, 10] { return "no empty line at the end" }
        let lineEnds = text.filter { $0 == 10 }.count
        if lineEnds != text.filter({ $0 == 13 }).count { return "bare CR or LF" }
        if lineEnds != fields.count + 2 { return "other lines than fields" }
        for pair in fields {
            if !NaiveRequest.isToken(pair.name) { return "a name that is no token" }
            let isText = pair.value.allSatisfy { $0 == 9 || ($0 >= 32 && $0 != 127) }
            if !isText { return "a control byte in a value" }
            if let first = pair.value.first, first == 32 || first == 9 { return "a blank in front" }
            if let last = pair.value.last, last == 32 || last == 9 { return "a blank at the end" }
        }
        return nil
    }

    static func parse(_ bytes: [UInt8], _ method: RequestMethod, endingAt ends: [Int]) -> Outcome {
        var parser = ResponseHeadParser(to: method)
        var table = FieldTable(capacity: 64)
        let limits = HTTPLimits()
        for end in ends {
            let piece = bytes[..<end]
            // SAFETY: alive for the call.
            let outcome = unsafe withExactCopy(of: piece) { buffer -> Outcome in
                do throws(HTTP1Error) {
                    // SAFETY: alive for the call.
                    let head = try unsafe parser.parse(buffer, limits: limits, fields: &table)
                    guard let head else { return .incomplete }
                    return .complete(head, RequestProperties.pairs(table, piece))
                } catch {
                    return .refused(error)
                }
            }
            if outcome != .incomplete { return outcome }
        }
        return .incomplete
    }
}
