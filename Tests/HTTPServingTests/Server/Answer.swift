// SPDX-License-Identifier: MIT

import HTTP1Codec

/// One answer of a server, read strictly: whatever a careful client could not take is an error.
struct Answer {
    enum Framing: Equatable { case none, length(Int), chunked, untilClose }

    let status: Int
    let fields: [(name: String, value: String)]
    var body: [UInt8] = []
    /// The statuses of the interim answers before it.
    var interim: [Int] = []

    /// Reads a head, the empty line included.
    init(head: [UInt8]) throws {
        let whole = text(head)
        var lines = whole.split(separator: "\r\n", omittingEmptySubsequences: false)
        guard lines.count >= 3, lines.suffix(2) == ["", ""],
            !head.contains(0), whole.filter({ $0 == "\n" || $0 == "\r" }).isEmpty
        else { throw Self.fault("no head", whole) }
        lines.removeLast(2)
        let words = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "HTTP/1.1", words[1].utf8.count == 3,
            let status = Int(words[1])
        else { throw Self.fault("no status line", whole) }
        self.status = status
        fields = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                !line[..<colon].contains(where: { $0 == " " || $0 == "\t" })
            else { throw Self.fault("no field", whole) }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (line[..<colon].lowercased(), String(value))
        }
        if status >= 200 { try checkFields(whole) }
    }

    private static func fault(_ what: String, _ head: String) -> RawClient.Failure {
        RawClient.Failure(description: "\(what): \(head)")
    }

    /// What every final answer must keep (RFC 9110, sections 6.6.1 and 8.6; RFC 9112, section 6).
    private func checkFields(_ head: String) throws {
        let dates = values("date")
        guard dates.count == 1, HTTPDate(parsing: Array(dates[0].utf8).span, now: Self.now) != nil
        else { throw Self.fault("no date", head) }
        let lengths = values("content-length").count
        let codings = values("transfer-encoding").count
        guard lengths <= 1, codings <= 1, lengths + codings <= 1 else {
            throw Self.fault("framed twice", head)
        }
        if status == 204 || status < 200 {
            guard lengths + codings == 0 else { throw Self.fault("framed nothing", head) }
        }
        if status == 405 && values("allow").isEmpty { throw Self.fault("no Allow", head) }
    }

    private static var now: HTTPDate {
        guard let now = HTTPDate(secondsSince1970: 1_800_000_000) else {
            preconditionFailure("a date")
        }
        return now
    }

    /// All values of a field.
    func values(_ name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The first value of a field.
    subscript(name: String) -> String? { values(name).first }

    var saysClose: Bool { values("connection").contains("close") }

    /// How its body ends, if it was not the answer to HEAD.
    var framing: Framing {
        if status == 204 || status == 304 || status < 200 { return .none }
        if self["transfer-encoding"] == "chunked" { return .chunked }
        if let length = self["content-length"].flatMap({ Int($0) }) { return .length(length) }
        return .untilClose
    }

    /// Where the first head in the bytes ends.
    static func headEnd(_ bytes: [UInt8]) -> Int? {
        var index = 0
        while index + 3 < bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13,
                bytes[index + 3] == 10
            {
                return index + 4
            }
            index += 1
        }
        return nil
    }
}
