// SPDX-License-Identifier: MIT

#if Examples
    internal import ArgumentParser
    internal import ExampleSupport

    /// How much, how long, how often.
    struct LimitArguments: ParsableArguments, Sendable {
        @Option(help: ArgumentHelp("How many URLs at once.", valueName: "count"))
        var parallel = 4

        @Option(
            help: ArgumentHelp(
                "How often a request is made again that failed or got 408, 429, 500, 502, 503 or "
                    + "504, after pauses of a second and more; only methods that may be sent "
                    + "twice.",
                valueName: "count"))
        var retry = 0

        @Option(help: ArgumentHelp("The longest body that is taken.", valueName: "bytes"))
        var limit: UInt64?

        @Option(
            help: ArgumentHelp("How long connecting may take: 500ms, 5s, 1m.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var connectTimeout = DurationArgument(.seconds(10))

        @Option(
            help: ArgumentHelp("How long nothing may move.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var idleTimeout = DurationArgument(.seconds(30))

        @Option(
            help: ArgumentHelp(
                "How long a request may take in all, with its redirects; or 'none'.",
                valueName: "time"),
            transform: OptionalDurationArgument.init(parsing:))
        var maxTime = OptionalDurationArgument(nil)

        func validate() throws {
            guard (1...256).contains(parallel) else {
                throw ValidationError("--parallel takes a number from 1 to 256.")
            }
            guard (0...100).contains(retry) else {
                throw ValidationError("--retry takes a number from 0 to 100.")
            }
        }
    }
#endif
