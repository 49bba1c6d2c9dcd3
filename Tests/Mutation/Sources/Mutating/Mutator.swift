// SPDX-License-Identifier: MIT

internal import SwiftOperators
internal import SwiftParser
internal import SwiftSyntax

/// Makes mutants of a source.
public struct Mutator: Sendable {
    /// The file, from the top of the package.
    public let file: String
    private let source: String
    private var sites: [Site]

    /// Finds all mutants of a source: those that are made by rule, and those written by hand.
    public init(
        file: String, source: String, catalogue: [CatalogueEntry] = []
    ) throws(CatalogueError) {
        self.file = file
        self.source = source
        let parsed = Parser.parse(source: source)
        // An operator that the standard library has not is left as it is.
        let tree = OperatorTable.standardOperators.foldAll(parsed) { _ in }
        let finder = SiteFinder(file: file, tree: tree)
        finder.walk(tree)
        sites = Self.named(finder.sites)
        let bodies = BodyFinder()
        bodies.walk(tree)
        for entry in catalogue where entry.file == file {
            sites.append(try entry.site(in: source, bodies.bodies))
        }
    }

    /// The mutants, in the order of the file; those written by hand last.
    public var mutants: [Mutant] { sites.map(\.mutant) }

    /// The source with those mutants in it that have a number.
    public func schema(number: (Mutant) -> Int?) -> Schema {
        let numbered = sites.compactMap { site in number(site.mutant).map { ($0, site) } }
        return Schema(source, numbered.map { (number: $0.0, site: $0.1) })
    }

    /// Adds `#2` and so on to names that come again.
    private static func named(_ sites: [Site]) -> [Site] {
        var counts: [String: Int] = [:]
        return sites.map { site in
            var site = site
            counts[site.mutant.name, default: 0] += 1
            let count = counts[site.mutant.name] ?? 1
            if count > 1 { site.mutant.name += " #\(count)" }
            return site
        }
    }
}
