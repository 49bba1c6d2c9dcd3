// SPDX-License-Identifier: MIT

import HTTP1Codec

/// A request's head judged slowly and plainly, line by line, for comparison.
struct NaiveRequest {
    var method: [UInt8]
    var target: [UInt8]
    var minor: UInt8
    var fields: [Pair]
    var byteCount: Int

    enum Verdict {
        case good(NaiveRequest)
        case bad
        case incomplete
    }

    /// Where the parser's outcome differs from the plain one.
    static func difference(_ bytes: [UInt8], _ outcome: RequestOutcome) -> String? {
        switch (judge(bytes), outcome) {
        case (.incomplete, .complete): return "complete without an empty line"
        case (.incomplete, _): return nil
        case (.bad, .refused): return nil
        case (.bad, _): return "a wrong head is \(outcome)"
        case (.good, .incomplete): return "a good head is incomplete"
        case (.good(let naive), .refused(let error)):
            return isByLimit(error) || naive.hasLiteralHost ? nil : "a good head is \(error)"
        case (.good(let naive), .complete(let head, let fields)):
            if naive.byteCount != head.byteCount { return "another end of the head" }
            if naive.fields != fields { return "other fields" }
            if naive.method != Array(bytes[head.methodName.offsets]) { return "another method" }
            if naive.target != Array(bytes[head.target.whole.offsets]) { return "another target" }
            if naive.minor != head.versionMinor { return "another version" }
            if naive.framing != head.framing { return "another framing: \(head.framing)" }
            if naive.keepsAlive != head.keepsAlive { return "another fate of the connection" }
            return nil
        }
    }

    private static func isByLimit(_ error: HTTP1Error) -> Bool {
        [.tooManyEmptyLines, .targetTooLong, .fieldTooLong, .tooManyFields, .fieldsTooLong]
            .contains(error) || error == .badMethod
    }

    static func judge(_ bytes: [UInt8]) -> Verdict {
        var start = 0
        while start + 1 < bytes.count, bytes[start] == 13, bytes[start + 1] == 10 { start += 2 }
        guard let end = headEnd(bytes, from: start) else { return .incomplete }
        var lines = split(Array(bytes[start..<end]))
        guard !lines.isEmpty else { return .bad }
        let first = lines.removeFirst().split(separator: 32, omittingEmptySubsequences: false)
            .map(Array.init)
        guard first.count == 3, isToken(first[0]), first[2].count == 8,
            Array(first[2][..<7]) == Array("HTTP/1.".utf8), isDigit(first[2][7])
        else { return .bad }
        var request = NaiveRequest(
            method: first[0], target: first[1], minor: first[2][7] - 48, fields: [],
            byteCount: end + 4)
        for line in lines {
            guard let pair = pair(line) else { return .bad }
            request.fields.append(pair)
        }
        return request.isGood ? .good(request) : .bad
    }

    /// Where the last line before the empty one ends.
    private static func headEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 4 <= bytes.count {
            if Array(bytes[index..<(index + 4)]) == [13, 10, 13, 10] { return index }
            index += 1
        }
        return nil
    }

    /// Lines between CR LF.
    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < bytes.count {
            if bytes[index] == 13, index + 1 < bytes.count, bytes[index + 1] == 10 {
                lines.append([])
                index += 2
            } else {
                lines[lines.count - 1].append(bytes[index])
                index += 1
            }
        }
        return lines
    }

    private static func pair(_ line: [UInt8]) -> Pair? {
        guard let colon = line.firstIndex(of: 58), isToken(Array(line[..<colon])) else {
            return nil
        }
        var value = line[(colon + 1)...]
        while let last = value.last, last == 32 || last == 9 { value.removeLast() }
        while let first = value.first, first == 32 || first == 9 { value.removeFirst() }
        guard value.allSatisfy({ $0 == 9 || ($0 >= 32 && $0 != 127) }) else { return nil }
        return Pair(name: Array(line[..<colon]), value: Array(value))
    }

    static func isToken(_ bytes: [UInt8]) -> Bool {
        let other = Array("!#$%&'*+-.^_`|~".utf8)
        return !bytes.isEmpty
            && bytes.allSatisfy { isDigit($0) || isLetter($0) || other.contains($0) }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (97...122).contains(byte)
    }
}
