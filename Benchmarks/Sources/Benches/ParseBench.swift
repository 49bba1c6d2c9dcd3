// SPDX-License-Identifier: MIT

package import BenchSupport

/// What it costs to parse the head of a request that lies in memory, next to http-parser in C.
///
/// Both note where the target, names and values lie, and say whether the connection is kept. Ours
/// also splits the target, checks the host, and knows the usual fields.
package struct ParseBench: Bench {
    package let name = "parse"
    package let summary = "a request's head: CPU time and instructions, next to http-parser"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        var scenarios = ParseRequest.all.map { request in
            scenario("", request, unit: "CPU ns/request") { contender in
                let rounds = options.isTiny ? 2_000 : 1_000_000
                let result = try parse(contender, request, rounds: rounds, on: processors)
                return Measurement(Double(try result.number("nanoseconds")) / Double(rounds))
            }
        }
        for index in scenarios.indices { scenarios[index].hasWarmUp = !options.isTiny }
        if options.countsInstructions { scenarios += instructions(options, on: processors) }
        return scenarios
    }

    private func instructions(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let counts = options.isTiny ? (100, 200) : (2_000, 12_000)
        return ParseRequest.all.map { request in
            var scenario = scenario("-instructions", request, unit: "instructions/request") {
                contender in
                let value = try Callgrind.perUnit(counts: counts) { wrapper, count in
                    _ = try parse(
                        contender, request, rounds: count, on: processors, wrapper: wrapper)
                }
                return Measurement(value)
            }
            scenario.isExact = true
            scenario.hasWarmUp = false
            return scenario
        }
    }

    private func scenario(
        _ suffix: String, _ request: ParseRequest, unit: String,
        _ trial: @escaping (Contender) throws -> Measurement
    ) -> Scenario {
        let contenders = [
            Contender("http-parser", "parse_http_c", isPeer: true),
            Contender("HTTP1Codec", "parse_codec", isPeer: false),
        ]
        let entrants = contenders.map { contender in
            var entrant = Entrant(contender.name) { try trial(contender) }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        return Scenario(
            name: "parse/\(request.name)\(suffix)",
            title: "\(request.title), \(request.text.utf8.count) bytes", unit: unit,
            entrants: entrants)
    }

    private func parse(
        _ contender: Contender, _ request: ParseRequest, rounds: Int, on processors: Processors,
        wrapper: [String] = []
    ) throws -> KeyValues {
        try Directory.withTemporaryFile(holding: request.text) { file in
            let arguments = ["--file", file, "--rounds", "\(rounds)"]
            let words = wrapper + [try contender.path()] + contender.arguments + arguments
            let child = try ChildProcess(
                words[0], Array(words.dropFirst()), cpu: processors.contender)
            guard let line = try child.readLine(withinSeconds: 120),
                let result = KeyValues(line, word: "result"),
                try child.wait(withinSeconds: 10) == 0
            else { throw BenchError("\(contender.name) gave no result") }
            let isRight =
                try result.number("bytes") == UInt64(rounds * request.text.utf8.count)
                && result.number("fields") == UInt64(rounds * request.fieldCount)
                && result.number("kept") == UInt64(rounds)
            guard isRight else { throw BenchError("\(contender.name) parsed another request") }
            return result
        }
    }
}
