// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import CContender
internal import HTTP1Codec

@main
struct ParseCodec: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parse_codec",
        abstract: "What it costs HTTP1Codec to parse one request's head over and over.",
        discussion: "Prints 'result rounds=N bytes=N fields=N kept=N nanoseconds=N'.")

    @Option(help: "The file with the request's head, and nothing else.")
    var file: String

    @Option(help: "How often it is parsed.")
    var rounds = 1_000_000

    func validate() throws {
        guard (1...1_000_000_000).contains(rounds) else {
            throw ValidationError("--rounds takes a number from 1 to 1000000000.")
        }
    }

    func run() throws {
        let bytes = try RequestFile.bytes(at: file)
        let start = contender_cpu_precise()
        let sums = try Self.parse(bytes, rounds: rounds)
        let nanoseconds = contender_cpu_precise() - start
        print(
            "result rounds=\(rounds) bytes=\(sums.bytes) fields=\(sums.fields) kept=\(sums.kept)"
                + " nanoseconds=\(nanoseconds)")
    }

    struct Sums {
        var bytes = 0
        var fields = 0
        var kept = 0
    }

    /// A table is reused, as by a server; the parser is new each time.
    @inline(never)
    static func parse(_ bytes: [UInt8], rounds: Int) throws(HTTP1Error) -> Sums {
        var sums = Sums()
        var fields = FieldTable(capacity: 64)
        let limits = HTTPLimits()
        for _ in 0..<rounds {
            var parser = RequestHeadParser()
            guard let head = try parser.parse(bytes.span, limits: limits, fields: &fields) else {
                throw .truncated
            }
            sums.bytes += head.byteCount
            sums.fields += fields.count
            sums.kept += head.keepsAlive ? 1 : 0
        }
        return sums
    }
}
