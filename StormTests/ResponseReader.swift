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
    /// The head of the next response, once it is here, and where its body begins.
    private var head: (status: Int, bodyCount: Int, start: Int)?

    mutating func append(_ bytes: [UInt8]) { unread += bytes }

    /// The next whole response; nil if more bytes are needed.
    mutating func next() throws(Fault) -> Response? {
        if head == nil { head = try readHead() }
        guard let (status, count, start) = head, unread.count >= start + count else { return nil }
        head = nil
        let response = Response(status: status, body: Array(unread[start..<start + count]))
        unread.removeFirst(start + count)
        return response
    }

    private func readHead() throws(Fault) -> (status: Int, bodyCount: Int, start: Int)? {
        guard let end = endOfHead() else { return nil }
        let lines = unread[..<end].split(separator: 10)
        guard let first = lines.first, let status = Self.status(first) else {
            let text = String(decoding: unread[..<end].prefix(80), as: UTF8.self)
            throw Fault(sentence: "no status line: \(text)")
        }
        guard let count = Self.length(lines.dropFirst()) else {
            throw Fault(sentence: "a response without a length")
        }
        return (status, count, end + 4)
    }

    /// Where the empty line is that ends a head.
    private func endOfHead() -> Int? {
        var start = 0
        while let end = unread[start...].firstIndex(of: 13), end + 3 < unread.count {
            if unread[end + 1] == 10, unread[end + 2] == 13, unread[end + 3] == 10 { return end }
            start = end + 1
        }
        return nil
    }

    private static func status(_ line: ArraySlice<UInt8>) -> Int? {
        let words = line.split(separator: 32)
        guard words.count >= 2, words[0].elementsEqual("HTTP/1.1".utf8) else { return nil }
        return Int(String(decoding: words[1], as: UTF8.self))
    }

    private static func length(_ lines: ArraySlice<ArraySlice<UInt8>>) -> Int? {
        // Most lines begin with another letter.
        for line in lines where line.first.map({ $0 | 32 }) == UInt8(ascii: "c") {
            let text = String(decoding: line, as: UTF8.self).lowercased()
            guard text.hasPrefix("content-length:") else { continue }
            return Int(text.dropFirst(15).filter { $0 != " " && $0 != "\r" })
        }
        return nil
    }
}
