// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of EventLoop: posting, sleeping, stopping")
struct LoopModelTests {
    @Test(
        "every job runs once and in order, and the loop does not sleep on one",
        arguments: [([1], 2), ([2], 2)])
    func posts(counts: [Int], inboxCapacity: Int) {
        // Wrong: the loop sleeps although a job was posted.
        let result = exhaust(
            counts, inboxCapacity,
            program: LoopPrograms.posts(counts, inboxCapacity: inboxCapacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "two threads post, and what the inbox has no room for keeps its place",
        arguments: [([1, 1], 2), ([2], 1), ([3], 1)])
    func overflow(counts: [Int], inboxCapacity: Int) {
        // Wrong: a later job of a thread overtakes one in the overflow list.
        let isLarge = counts != [2]  // 280,000 executions and more.
        let result = exhaustAroundLock(
            counts, inboxCapacity, isLarge: isLarge, ends: true,
            program: LoopPrograms.posts(counts, inboxCapacity: inboxCapacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || isLarge && !ModelRun.isLong)
    }

    @Test("a stop is not slept through")
    func stopAlone() {
        // Wrong: a wake-up that orders nothing lets the loop sleep on although it was stopped.
        let result = exhaust(program: LoopPrograms.stop(posts: 0, inboxCapacity: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what was accepted runs, also while the loop ends", arguments: [(1, 2), (2, 1)])
    func stop(posts: Int, inboxCapacity: Int) {
        // Wrong: a stop is slept through, or a job is accepted and never runs.
        let isLarge = posts > 1  // 2.4 million executions.
        let result = exhaustAroundLock(
            posts, inboxCapacity, isLarge: isLarge, ends: true,
            program: LoopPrograms.stop(posts: posts, inboxCapacity: inboxCapacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || isLarge && !ModelRun.isLong)
    }
}
