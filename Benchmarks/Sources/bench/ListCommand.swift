// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import BenchSupport
internal import Benches

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the benches and their scenarios.")

    func run() throws {
        var options = RunOptions()
        options.countsInstructions = true
        let processors = try Processors.chosen()
        let names = BenchCatalog.primitives.map(\.name).joined(separator: ", ")
        print("\(BenchCatalog.primitivesName): \(names)")
        for bench in BenchCatalog.all {
            print("\(bench.name): \(bench.summary)")
            for scenario in bench.scenarios(options, on: processors) {
                print("  \(scenario.name): \(scenario.title)")
            }
        }
    }
}
