// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import AsyncRuntime
internal import ContenderSupport
internal import EventLoops
internal import Foundation

@main
struct PostJobs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post_jobs",
        abstract: "Posts jobs to a loop that sleeps, or to one that is awake.",
        discussion: """
            Prints 'ready' and waits for a line; posts; prints 'done' and waits for a line; prints \
            its result. In between, it writes to no descriptor but the loop's.
            """)

    @Option(help: "io_uring or epoll.")
    var backend = BackendArgument.automatic

    @Option(help: "Threads that post at the same time.")
    var threads = 1

    @Option(help: "Jobs of each thread and round.")
    var jobs = 100

    @Option(help: "Rounds; before each, the loop has gone to sleep.")
    var rounds = 1

    @Flag(help: "Keep the loop awake all the time.")
    var awake = false

    func validate() throws {
        guard (1...64).contains(threads), (1...1_000_000).contains(jobs),
            (1...1_000_000).contains(rounds)
        else { throw ValidationError("--threads takes 1 to 64, --jobs and --rounds 1 to 1000000.") }
    }

    func run() throws {
        let command = self
        let pool = BlockingPool(threadsMax: 1)
        let line = try LoopGroup.run(choice: backend.choice) { group in
            let poster = Poster(group.executors[0].loop, command)
            return await pool.run { poster.run() }
        }
        guard let line else { throw ExitCode.failure }
        say(line)
    }

    /// Prints a line at once.
    func say(_ line: String) {
        print(line)
        _ = fflush(nil)
    }
}
