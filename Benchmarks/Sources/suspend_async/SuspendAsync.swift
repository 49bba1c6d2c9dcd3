// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import AsyncRuntime
internal import EventLoops
internal import Glibc

@main
struct SuspendAsync: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend_async",
        abstract: "What it costs that a task waits on a loop and goes on.",
        discussion: "Prints 'result rounds=N nanoseconds=N': the thread's CPU time of N waits.")

    /// How the tasks wait.
    enum Way: String, CaseIterable, ExpressibleByArgument {
        /// A `Suspension` whose task is watched for cancellation by somebody else.
        case watched
        /// A `Suspension` with a cancellation handler for each wait.
        case handler
        /// A bare unsafe continuation, resumed on the loop.
        case bare
        /// A bare checked continuation, resumed on the loop.
        case checked
        /// `Task.yield`.
        case yield
        /// An await that finds what it waits for: no suspension.
        case ready
    }

    @Option(help: "How the tasks wait.")
    var way: Way

    @Option(help: "Waits in all.")
    var rounds = 2_000_000

    func validate() throws {
        guard (1...1_000_000_000).contains(rounds) else {
            throw ValidationError("--rounds takes a number from 1 to 1000000000.")
        }
    }

    func run() throws {
        let measurement = WaitMeasurement(way, rounds: rounds)
        let nanoseconds = try LoopGroup.run { group in await measurement.run(on: group) }
        print("result rounds=\(measurement.performed) nanoseconds=\(nanoseconds)")
    }
}
