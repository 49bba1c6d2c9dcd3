// SPDX-License-Identifier: MIT

/// A fault written by hand: what is changed in which file, and what that means.
///
/// A catalogue is a text. Each entry begins with its name; pieces of source keep their indentation:
///
///     == ring-publish-early
///     file: Sources/ConcurrentQueues/BoundedMPMCQueue.swift
///     means: the slot is full before its element is in it
///     -- find
///     …
///     -- put
///     …
///     -- end
///
/// `find` must occur once, within one function; there may be several pairs of `find` and `put`, all
/// within the same function. Lines that begin with `#` between entries are comments.
public struct CatalogueEntry: Sendable, Equatable {
    /// One change.
    public struct Edit: Sendable, Equatable {
        /// What stands in the file.
        public var find: String
        /// What is put there.
        public var put: String
    }

    /// Its name.
    public var name = ""
    /// The file, from the top of the package.
    public var file = ""
    /// What it means.
    public var meaning = ""
    /// The changes.
    public var edits: [Edit] = []
}

/// What is wrong with a catalogue.
public struct CatalogueError: Error, Equatable, CustomStringConvertible {
    /// A sentence.
    public var description: String
}

extension CatalogueEntry {
    /// The entries of a catalogue.
    public static func entries(of text: String) throws(CatalogueError) -> [CatalogueEntry] {
        var entries: [CatalogueEntry] = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("== ") {
                entries.append(CatalogueEntry(name: String(line.dropFirst(3))))
                continue
            }
            guard let last = entries.indices.last else {
                throw CatalogueError(description: "a catalogue begins with '== NAME': \(line)")
            }
            try entries[last].read(line, &lines)
        }
        for entry in entries where entry.file.isEmpty || entry.edits.isEmpty {
            throw CatalogueError(description: "\(entry.name): no file, or nothing to change")
        }
        let names = entries.map(\.name)
        guard Set(names).count == names.count else {
            throw CatalogueError(description: "two entries of one name")
        }
        return entries
    }

    private mutating func read(
        _ line: Substring, _ lines: inout ArraySlice<Substring>
    ) throws(CatalogueError) {
        if line.hasPrefix("file: ") {
            file = String(line.dropFirst(6))
        } else if line.hasPrefix("means: ") {
            meaning = String(line.dropFirst(7))
        } else if line == "-- find" {
            var edit = Edit(find: "", put: "")
            edit.find = try piece(&lines, until: "-- put")
            edit.put = try piece(&lines, until: "-- end")
            edits.append(edit)
        } else {
            throw CatalogueError(description: "\(name): what is '\(line)'?")
        }
    }

    private func piece(
        _ lines: inout ArraySlice<Substring>, until end: String
    ) throws(CatalogueError) -> String {
        var found: [Substring] = []
        while let line = lines.popFirst() {
            if line == end { return found.joined(separator: "\n") }
            found.append(line)
        }
        throw CatalogueError(description: "\(name): '\(end)' is missing")
    }
}

extension CatalogueEntry {
    /// The entry as a second body of the function that it changes.
    func site(in source: String, _ bodies: [BodyFinder.Body]) throws(CatalogueError) -> Site {
        var ranges: [(range: Range<Int>, put: String)] = []
        for edit in edits { ranges.append((try place(of: edit.find, in: source), edit.put)) }
        let all = ranges.map(\.range)
        let start = all.map(\.lowerBound).min() ?? 0
        let end = all.map(\.upperBound).max() ?? 0
        let around = bodies.filter { $0.range.lowerBound <= start && end <= $0.range.upperBound }
        guard let body = around.min(by: { $0.range.count < $1.range.count }) else {
            throw CatalogueError(description: "\(name): the change is in no one function")
        }
        let bytes = Array(source.utf8)
        var changed: [UInt8] = []
        var position = body.range.lowerBound
        for (range, put) in ranges.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            changed += bytes[position..<range.lowerBound]
            changed += put.utf8
            position = range.upperBound
        }
        changed += bytes[position..<body.range.upperBound]
        let text = String(decoding: changed, as: UTF8.self)
        let line = bytes[..<start].count { $0 == 10 } + 1
        return Site(
            mutant: Mutant(
                name: name, kind: .catalogue, file: file, line: line,
                original: Mutant.excerpt(edits[0].find), replacement: meaning),
            insertions: Site.embrace(
                body.range, isStatement: true, " if mutant(@) {\(text)} else {", "}"))
    }

    private func place(of find: String, in source: String) throws(CatalogueError) -> Range<Int> {
        let found = source.ranges(of: find)
        guard found.count == 1, let range = found.first else {
            throw CatalogueError(
                description: "\(name): this occurs \(found.count) times in \(file): \(find)")
        }
        let start = source.utf8.distance(from: source.startIndex, to: range.lowerBound)
        return start..<(start + source.utf8.distance(from: range.lowerBound, to: range.upperBound))
    }
}
