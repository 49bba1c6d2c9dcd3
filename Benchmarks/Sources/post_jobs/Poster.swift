// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CContender
internal import EventLoops
internal import Foundation

/// Posts as the command says, and sees to it that the loop sleeps or is awake.
///
/// A job that runs holds the loop until everybody has posted: a loop that went to sleep between two
/// posts would have to be woken twice.
@safe
final class Poster: @unchecked Sendable {
    // Edges: E1  posted add → the job's load    nothing that is posted later is missed
    //        E2  ran add → the waiting load     carries what the jobs stored

    private let loop: EventLoop
    private let command: PostJobs
    private let arrived = Atomic<Int>(0)
    private let posted = Atomic<Int>(0)
    /// How many must have posted before a job lets the loop go.
    private let expected = Atomic<Int>(0)
    private let ran = Atomic<Int>(0)
    private let threadID = Atomic<Int>(0)
    private let wakeUps = Atomic<Int>(0)

    /// How long anything may take.
    private static var patienceNanoseconds: UInt64 { 20_000_000_000 }

    init(_ loop: EventLoop, _ command: PostJobs) {
        self.loop = loop
        self.command = command
    }

    /// The line of results, or nil if something took too long. Blocks.
    func run() -> String? {
        guard let before = askWakeUps(), sleeps() else { return nil }
        guard command.awake ? postAwake() : postAsleep() else { return nil }
        guard sleeps(), let after = askWakeUps() else { return nil }
        let rounds = command.awake ? 1 : command.rounds
        // Asking woke the loop once more; so did the job that keeps it awake, before 'ready'.
        let count = after - before - (command.awake ? 2 : 1)
        return "result jobs=\(rounds * command.threads * command.jobs) rounds=\(rounds)"
            + " wakeups=\(count)"
    }

    // MARK: What is counted

    private func postAsleep() -> Bool {
        meet("ready")
        for _ in 0..<command.rounds {
            guard sleeps() else { return false }
            let goal = ran.load(ordering: .relaxed) + command.threads * command.jobs
            expected.store(command.threads, ordering: .relaxed)
            startTeam()
            guard hasRun(goal) else { return false }
        }
        guard sleeps() else { return false }
        meet("done")
        return true
    }

    /// One job, for which the loop is woken, holds it until all others are posted.
    private func postAwake() -> Bool {
        let start = ran.load(ordering: .relaxed)
        expected.store(.max, ordering: .relaxed)
        loop.post(firstJob)
        guard hasRun(start + 1) else { return false }
        meet("ready")
        startTeam()
        let isPosted = wait {
            self.posted.load(ordering: .acquiring) == self.command.threads  // E1
        }
        meet("done")
        expected.store(0, ordering: .relaxed)
        return isPosted && hasRun(start + 1 + command.threads * command.jobs)
    }

    /// Says how far it is and waits until the harness has looked.
    private func meet(_ line: String) {
        command.say(line)
        _ = readLine()
    }

    // MARK: Jobs, on the loop's thread

    /// What the jobs are given: the poster lives until the loop is over.
    private var context: UnsafeMutableRawPointer {
        unsafe Unmanaged.passUnretained(self).toOpaque()  // SAFETY: as said.
    }

    private static func of(_ context: UnsafeMutableRawPointer) -> Poster {
        // SAFETY: the context of this poster's own jobs.
        unsafe Unmanaged<Poster>.fromOpaque(context).takeUnretainedValue()
    }

    private var firstJob: LoopJob {
        // SAFETY: see `context`.
        unsafe LoopJob(context: context) { unsafe Poster.of($0).holdFirst() }
    }

    private var countingJob: LoopJob {
        // SAFETY: see `context`.
        unsafe LoopJob(context: context) { unsafe Poster.of($0).holdAndCount() }
    }

    private var lookingJob: LoopJob {
        // SAFETY: see `context`.
        unsafe LoopJob(context: context) { unsafe Poster.of($0).look() }
    }

    private func holdFirst() {
        ran.add(1, ordering: .releasing)  // E2
        hold()
    }

    private func holdAndCount() {
        hold()
        ran.add(1, ordering: .releasing)  // E2
    }

    private func look() {
        threadID.store(Int(contender_thread_id()), ordering: .relaxed)
        wakeUps.store(Int(loop.statistics.wakeUps), ordering: .relaxed)
        ran.add(1, ordering: .releasing)  // E2
    }

    /// Keeps the loop until all have posted.
    private func hold() {
        _ = wait {
            self.posted.load(ordering: .acquiring) >= self.expected.load(ordering: .relaxed)  // E1
        }
    }

    // MARK: The other threads

    /// How often the loop has been woken, by its own count.
    private func askWakeUps() -> Int? {
        let goal = ran.load(ordering: .relaxed) + 1
        loop.post(lookingJob)
        return hasRun(goal) ? wakeUps.load(ordering: .relaxed) : nil
    }

    /// Starts threads that post at the same moment.
    private func startTeam() {
        posted.store(0, ordering: .relaxed)
        arrived.store(0, ordering: .relaxed)
        for _ in 0..<command.threads { Thread { [self] in postJobs() }.start() }
    }

    private func postJobs() {
        arrived.add(1, ordering: .relaxed)
        _ = wait { self.arrived.load(ordering: .relaxed) == self.command.threads }
        for _ in 0..<command.jobs { loop.post(countingJob) }
        posted.add(1, ordering: .releasing)  // E1
    }

    private func hasRun(_ count: Int) -> Bool {
        wait { self.ran.load(ordering: .acquiring) == count }  // E2
    }

    /// Waits until the loop sleeps: it has nothing else to do.
    private func sleeps() -> Bool {
        wait { contender_thread_sleeps(Int32(self.threadID.load(ordering: .relaxed))) }
    }

    private func wait(_ isSo: () -> Bool) -> Bool {
        let deadline = contender_now() + Self.patienceNanoseconds
        while !isSo() {  // Ends with the deadline.
            if contender_now() > deadline { return false }
            contender_yield()
        }
        return true
    }
}
