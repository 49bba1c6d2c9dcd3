// SPDX-License-Identifier: MIT

// The faults written by hand in Tests/Mutation: what an entry replaces must be found in its file
// exactly once. Who tries them takes hours, and would learn of it then.

extension Project {
    /// Entries of catalogues that have lost their place.
    package func catalogueFindings() -> [Finding] {
        let catalogues = files.filter {
            $0.path.hasPrefix("Tests/Mutation/") && $0.name.hasSuffix("catalogue.txt")
        }
        return catalogues.flatMap { catalogue in
            pieces(of: catalogue).compactMap { piece in
                problem(of: piece).map { message in
                    Finding(
                        .catalogue, catalogue.path, line: piece.line, symbol: piece.name, message)
                }
            }
        }
    }

    /// What an entry replaces, and where that should be.
    private struct Piece {
        var name: String
        var path: String
        var text: String
        /// Its first line in the catalogue.
        var line: Int
    }

    private func problem(of piece: Piece) -> String? {
        guard let file = files.first(where: { $0.path == piece.path }) else {
            return "\(piece.name): there is no \(piece.path)"
        }
        let source = file.lines.joined(separator: "\n")
        let count = source.ranges(of: piece.text).count
        if count == 1 { return nil }
        return "\(piece.name): this occurs \(count) times in \(piece.path)"
    }

    private func pieces(of catalogue: SourceFile) -> [Piece] {
        var result: [Piece] = []
        var name = ""
        var path = ""
        var found: [String]?
        for (index, line) in catalogue.lines.enumerated() {
            if line.hasPrefix("== ") {
                name = String(line.dropFirst(3))
            } else if line.hasPrefix("file: ") {
                path = String(line.dropFirst(6))
            } else if line == "-- find" {
                found = []
            } else if line == "-- put", let lines = found {
                let text = lines.joined(separator: "\n")
                let first = index + 1 - lines.count
                result.append(Piece(name: name, path: path, text: text, line: first))
                found = nil
            } else {
                found?.append(line)
            }
        }
        return result
    }
}
