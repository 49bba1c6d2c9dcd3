// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of BroadcastChannel")
struct BroadcastChannelModelTests {
    @Test("nobody sleeps beside its news")
    func traffic() {
        // Wrong: a wake-up is lost, or an element comes without its edge.
        let program = BroadcastChannelPrograms.traffic([1], subscribers: 1, capacity: 1)
        let result = exhaust(program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "nobody of more sleeps beside its news",
        arguments: [
            ([2], 1, 1), ([2], 1, 2), ([1], 2, 1), ([1, 1], 1, 2), ([1, 1], 2, 2), ([2, 1], 2, 2),
        ])
    func trafficOfMore(sizes: ([Int], Int, Int)) {
        // Wrong: as above; a sender that is on its way leaves others asleep.
        let (sends, subscribers, capacity) = sizes
        let program = BroadcastChannelPrograms.traffic(
            sends, subscribers: subscribers, capacity: capacity)
        // Two senders: no end within minutes, not even with the lock as one step.
        let result =
            sends.count > 1
            ? exhaustIfLong(sends, subscribers, capacity, program: program)
            : exhaustAroundLock(
                sends, subscribers, capacity, isLarge: subscribers > 1, ends: true, program: program
            )
        #expect(result.holds, "\(result)")
        #expect(
            result.isExhaustive || sends.count + subscribers > 2 && !ModelRun.isLong
                || sends.count > 1)
    }

    @Test(
        "the end comes to all, behind all that was accepted",
        arguments: [
            (1, 1, 0, false), (0, 1, 0, true), (1, 1, 0, true), (1, 1, 1, false), (0, 1, 1, true),
            (0, 2, 0, true),
        ])
    func closing(sizes: (Int, Int, Int, Bool)) {
        // Wrong: somebody sleeps on, misses an element, or is told the end too early.
        let (sends, patient, impatient, closesBeside) = sizes
        let result = exhaustAroundLock(
            sends, patient, impatient, closesBeside, isLarge: sends + patient + impatient > 2,
            program: BroadcastChannelPrograms.closing(
                sends: sends, patient: patient, impatient: impatient, closesBeside: closesBeside))
        #expect(result.holds, "\(result)")
    }

    @Test("a selector is given its news", arguments: [(1, 0), (2, 0), (1, 1)])
    func selecting(sizes: (Int, Int)) {
        // Wrong: a selector sleeps beside its news, or takes them twice.
        let (news, jobs) = sizes
        let result = exhaustAroundLock(
            news, jobs, isLarge: jobs > 0,
            program: BroadcastChannelPrograms.selecting(news: news, jobs: jobs))
        #expect(result.holds, "\(result)")
    }
}
