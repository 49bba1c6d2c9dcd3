// SPDX-License-Identifier: MIT

import HTTP1Codec

/// A name and a value, as bytes.
struct Pair: Equatable {
    var name: [UInt8]
    var value: [UInt8]
}

/// What came of parsing a request's head.
enum RequestOutcome: Equatable {
    case complete(RequestHead, [Pair])
    case incomplete
    case refused(HTTP1Error)
}

/// What must hold of parsing requests.
enum RequestProperties {
    static func violation(of bytes: [UInt8], _ cuts: inout Cuts) -> String? {
        let whole = parse(bytes, endingAt: [bytes.count])
        for ends in cuts.ways() {
            let parts = parse(bytes, endingAt: ends)
            if parts != whole { return "cut at \(ends): \(parts), whole: \(whole)" }
        }
        if let fault = NaiveRequest.difference(bytes, whole) { return fault }
        guard case .complete(let head, let fields) = whole else { return nil }
        if head.byteCount > bytes.count { return "the head is longer than the bytes" }
        if let fault = WriterProperties.roundTrip(bytes, head, fields) { return fault }
        let rest = Array(bytes[head.byteCount...])
        var bodyCuts = Cuts(seed: UInt8(truncatingIfNeeded: rest.count), byteCount: rest.count)
        return BodyProperties.violation(of: rest, head.framing, &bodyCuts)
    }

    /// Parses bytes that come in pieces.
    static func parse(_ bytes: [UInt8], endingAt ends: [Int]) -> RequestOutcome {
        var parser = RequestHeadParser()
        var table = FieldTable(capacity: 64)
        let limits = HTTPLimits()
        for end in ends {
            let piece = bytes[..<end]
            // SAFETY: alive for the call.
            let outcome = unsafe withExactCopy(of: piece) { buffer -> RequestOutcome in
                do throws(HTTP1Error) {
                    // SAFETY: alive for the call.
                    let head = try unsafe parser.parse(buffer, limits: limits, fields: &table)
                    guard let head else { return .incomplete }
                    return .complete(head, pairs(table, piece))
                } catch {
                    return .refused(error)
                }
            }
            if outcome != .incomplete { return outcome }
        }
        return .incomplete
    }

    /// The fields of a table as bytes.
    static func pairs(_ table: borrowing FieldTable, _ bytes: ArraySlice<UInt8>) -> [Pair] {
        var pairs: [Pair] = []
        for index in 0..<table.count {
            let name = table[index].name.offsets
            let value = table[index].value.offsets
            let start = bytes.startIndex
            pairs.append(
                Pair(
                    name: Array(bytes[(start + name.lowerBound)..<(start + name.upperBound)]),
                    value: Array(bytes[(start + value.lowerBound)..<(start + value.upperBound)])))
        }
        return pairs
    }
}
