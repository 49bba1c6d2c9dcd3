// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import ConnectionPools

@Suite("Words out of a stream of answers")
struct AnswerParserTests {
    @Test("The first word of each line, however the bytes are cut")
    func oracle() {
        // If this failed, an answer would be lost, or confirm a message that nobody answered.
        let letters = Array("ab \t\r\n\n".utf8)
        var tooLongCount = 0
        for seed in UInt64(1)...400 {
            var random = SplitMix64(seed: seed)
            let text = (0..<200).map { _ in letters[Int.random(in: 0..<7, using: &random)] }
            let longest = Int.random(in: 0...4, using: &random)
            let told = Self.words(of: text, longest: longest) {
                Int.random(in: 1...7, using: &random)
            }
            let expected = Self.plainWords(of: text)
            #expect(told.count == expected.count, "seed \(seed)")
            for (index, (ours, word)) in zip(told, expected).enumerated() where ours != word {
                // Only a word that is too long may be told as none.
                #expect(ours == nil && word.count > longest, "seed \(seed), line \(index)")
                tooLongCount += 1
            }
        }
        // The runs must reach the corners.
        #expect(tooLongCount > 1000)
    }

    @Test("A word in one piece is told at once, and one byte by byte as well", arguments: [1, 9])
    func wholeWords(_ byteCount: Int) {
        // If this failed, an answer would wait for the one behind it.
        let text = Array("one\n two \n\tthree\r\n\n".utf8)
        let told = Self.words(of: text, longest: 5) { byteCount }
        let expected = ["one", "two", "three", ""].map { Array($0.utf8) }
        #expect(told == expected)
        // What has no end yet is no word.
        #expect(Self.words(of: Array("one\ntwo".utf8), longest: 5) { byteCount }.count == 1)
    }

    @Test("A word without an end costs no memory")
    func endless() {
        // If this failed, a peer that sends no end of a line could fill the client's memory.
        var parser = AnswerParser()
        parser.wordByteCountMax = 100
        for (byteCount, times) in [(1, 1000), (7, 1000), (65_536, 10)] {
            let piece = [UInt8](repeating: 65, count: byteCount)
            for _ in 0..<times {
                // SAFETY: lent for the call.
                unsafe piece.withUnsafeBytes { unsafe parser.parse($0) { _ in } }
            }
            #expect(parser.carried.count <= 100)
        }
        var told: [[UInt8]?] = []
        let rest = Array("A\nword\n".utf8)
        // SAFETY: lent for the call, and copied.
        unsafe rest.withUnsafeBytes { lent in
            unsafe parser.parse(lent) { unsafe told.append($0.map { unsafe Array($0) }) }
        }
        #expect(told == [nil, Array("word".utf8)])
    }

    /// What the parser tells of a text in pieces.
    private static func words(
        of text: [UInt8], longest: Int, pieceByteCount: () -> Int
    ) -> [[UInt8]?] {
        var parser = AnswerParser()
        parser.wordByteCountMax = longest
        var told: [[UInt8]?] = []
        var start = 0
        while start < text.count {
            let end = min(text.count, start + pieceByteCount())
            // SAFETY: lent for the call, and copied.
            unsafe Array(text[start..<end]).withUnsafeBytes { lent in
                unsafe parser.parse(lent) { unsafe told.append($0.map { unsafe Array($0) }) }
            }
            start = end
        }
        return told
    }

    /// The first word of each complete line, plainly.
    private static func plainWords(of text: [UInt8]) -> [[UInt8]] {
        text.split(separator: 10, omittingEmptySubsequences: false).dropLast().map { line in
            Array(
                line.drop { $0 == 32 || $0 == 9 }
                    .prefix { $0 != 32 && $0 != 9 && $0 != 13 })
        }
    }
}
