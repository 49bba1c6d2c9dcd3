// SPDX-License-Identifier: MIT

/// Reads responses that say how long they are, one behind the other, however the bytes are cut.
struct ResponseReader {
    /// A response.
    struct Response: Equatable {
        let status: Int
        let body: [UInt8]
    }

    /// Something that is no response.
    struct Fault: Error {
        let sentence: String
    }

    private var unread: [UInt8] = []

    /// How many bytes came that belong to no whole response yet.
    var restCount: Int { unread.count }

    mutating func append(_ bytes: [UInt8]) { unread += bytes }

    /// The next whole response; nil if more bytes are needed.
    mutating func next() throws(Fault) -> Response? {
        guard let headEnd = endOfHead() else { return nil }
        let lines = String(decoding: unread[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first.flatMap({ Self.status($0) }) else {
            throw Fault(sentence: "no status line: \(lines.first ?? "")")
        }
        guard let length = Self.length(lines.dropFirst()) else {
            throw Fault(sentence: "a response without a length")
        }
        let start = headEnd + 4
        guard unread.count >= start + length else { return nil }
        let response = Response(status: status, body: Array(unread[start..<start + length]))
        unread.removeFirst(start + length)
        return response
    }

    /// Where the empty line is that ends a head.
    private func endOfHead() -> Int? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard unread.count >= end.count else { return nil }
        return (0...unread.count - end.count).first {
            unread[$0..<$0 + end.count].elementsEqual(end)
        }
    }

    private static func status(_ line: Substring) -> Int? {
        let words = line.split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1" else { return nil }
        return Int(words[1])
    }

    private static func length(_ lines: ArraySlice<Substring>) -> Int? {
        for line in lines where line.lowercased().hasPrefix("content-length:") {
            return Int(line.drop { $0 != ":" }.dropFirst().drop { $0 == " " })
        }
        return nil
    }
}
