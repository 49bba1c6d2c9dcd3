// SPDX-License-Identifier: MIT

/// A source in which each mutant can be switched on by its number.
public struct Schema: Sendable {
    /// Its text.
    public private(set) var text = ""
    /// Which bytes of the text belong to which mutant, the smaller ranges last.
    private var parts: [(range: Range<Int>, number: Int)] = []

    /// Puts the sites into a source; each has a number.
    init(_ source: String, _ sites: [(number: Int, site: Site)]) {
        var pieces: [(piece: Site.Insertion, number: Int, order: Int)] = []
        for (number, site) in sites {
            for piece in site.insertions { pieces.append((piece, number, pieces.count)) }
        }
        pieces.sort { Self.precedes(($0.piece, $0.order), ($1.piece, $1.order)) }
        let secondBodies = Set(sites.filter { $0.site.mutant.kind == .catalogue }.map(\.number))
        let bytes = Array(source.utf8)
        var output: [UInt8] = []
        var position = 0
        var open: [(number: Int, start: Int)] = []
        for (piece, number, _) in pieces {
            output += bytes[position..<piece.offset]
            position = piece.offset
            let start = output.count
            output += piece.text.replacing("@", with: "\(number)").utf8
            if piece.side == .start { open.append((number, start)) }
            parts.append((start..<output.count, number))
            if piece.side == .end, let last = open.lastIndex(where: { $0.number == number }) {
                let start = open.remove(at: last).start
                // What is wrong in the first body of a function is no fault of the second.
                if !secondBodies.contains(number) { parts.append((start..<output.count, number)) }
            }
        }
        output += bytes[position...]
        text = String(decoding: output, as: UTF8.self)
        parts.sort { $0.range.count > $1.range.count }
    }

    /// Which of two pieces comes first.
    private static func precedes(
        _ first: (piece: Site.Insertion, order: Int), _ second: (piece: Site.Insertion, order: Int)
    ) -> Bool {
        let (one, other) = (first.piece, second.piece)
        if one.offset != other.offset { return one.offset < other.offset }
        if one.side != other.side { return one.side == .end }
        let isStart = one.side == .start
        if one.length != other.length { return (one.length > other.length) == isStart }
        if one.isStatement != other.isStatement { return one.isStatement == isStart }
        return (first.order < second.order) == isStart
    }

    /// The mutant to which a place of the text belongs: where the compiler complains.
    public func mutant(line: Int, column: Int) -> Int? {
        var offset = 0
        for _ in 1..<max(line, 1) {
            guard let end = text.utf8.dropFirst(offset).firstIndex(of: 10) else { return nil }
            offset = text.utf8.distance(from: text.utf8.startIndex, to: end) + 1
        }
        offset += column - 1
        return parts.last { $0.range.contains(offset) }?.number
    }

    /// The mutants of the nearest line above that has some: the compiler complains about the end
    /// of a body when something in it is wrong.
    public func mutants(above line: Int) -> Set<Int> {
        mutantsOfLines(before: line).last { !$0.isEmpty } ?? []
    }

    /// The mutants that stand between two lines, these included.
    public func mutants(in lines: ClosedRange<Int>) -> Set<Int> {
        let all = mutantsOfLines(before: lines.upperBound + 1).dropFirst(lines.lowerBound - 1)
        return all.reduce(into: []) { $0.formUnion($1) }
    }

    /// The mutants that end in each of the first lines.
    private func mutantsOfLines(before line: Int) -> [Set<Int>] {
        var start = 0
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.prefix(max(line - 1, 0)).map { text in
            let end = start + text.utf8.count
            let found = parts.filter { start <= $0.range.upperBound && $0.range.upperBound <= end }
            start = end + 1
            return Set(found.map(\.number))
        }
    }
}
