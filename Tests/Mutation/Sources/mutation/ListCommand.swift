// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import Mutating

/// `mutation list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints the name of every mutant, file by file.")

    func run() throws {
        for target in try Target.all() {
            let mutants = try target.mutator().mutants
            print("# \(target.file): \(mutants.count)")
            for mutant in mutants {
                print("\(mutant.name)\t\(mutant.replacement)")
            }
        }
    }
}
