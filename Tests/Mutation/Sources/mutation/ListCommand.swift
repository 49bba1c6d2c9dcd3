// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import Mutating

/// `mutation list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints the name of every mutant, file by file.")

    @Option(help: "Of what: \(Subject.allCases.map(\.rawValue).joined(separator: ", ")).")
    var of = Subject.primitives

    func run() throws {
        let catalogue = try Target.catalogue(of)
        for target in try Target.all(of) {
            let mutants = try target.mutator(catalogue).mutants
            print("# \(target.file): \(mutants.count)")
            for mutant in mutants {
                print("\(mutant.name)\t\(mutant.replacement)")
            }
        }
    }
}
