// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of BoundedChannel")
struct ChannelModelTests {
    @Test("everything sent is received", arguments: [([1], [1]), ([2], [1]), ([1, 1], [1])])
    func traffic(sizes: ([Int], [Int])) {
        // Wrong: an element or a wake-up is lost, or an element comes without its edge.
        let (sends, receives) = sizes
        let program = ChannelPrograms.traffic(sends, receives)
        let result = exhaust(sends, receives, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "everything sent is received, by more",
        arguments: [
            ([2], [2]), ([3], [3]), ([4], [4]), ([1, 1], [1, 1]), ([2, 2], [2, 2]),
            ([1, 1], [1, 1, 0]),
        ])
    func trafficOfMore(sizes: ([Int], [Int])) {
        // Wrong: as above; with two receivers, a wake is spent on one who finds nothing.
        let (sends, receives) = sizes
        let program = ChannelPrograms.traffic(sends, receives)
        let result = exhaustAroundLock(sends, receives, isLarge: true, program: program)
        #expect(result.holds, "\(result)")
    }

    @Test(
        "a batch wakes as many as it has", arguments: [([1], [1]), ([2], [1, 1]), ([3], [2, 1])])
    func batches(sizes: ([Int], [Int])) {
        // Wrong: one wake-up for several elements: a receiver sleeps beside one.
        let (sends, receives) = sizes
        let result = exhaustAroundLock(
            sends, receives, isLarge: receives.count > 1,
            program: ChannelPrograms.traffic(sends, receives, inBatches: true))
        #expect(result.holds, "\(result)")
    }

    @Test("a batch that is taken wakes as many senders", arguments: [1, 2])
    func drained(senders: Int) {
        // Wrong: one wake-up for several places: a sender sleeps beside one.
        let result = exhaustAroundLock(
            senders, isLarge: senders > 1, program: ChannelPrograms.drained(senders: senders))
        #expect(result.holds, "\(result)")
    }

    @Test("who gives up takes nothing along", arguments: [(1, 0, 1), (1, 1, 1), (2, 1, 1)])
    func impatientReceivers(sizes: (Int, Int, Int)) {
        // Wrong: a deadline that meets a send loses the element, or another one's wake-up.
        let (sends, patient, impatient) = sizes
        let result = exhaustAroundLock(
            sends, patient, impatient, isLarge: impatient + patient > 1,
            program: ChannelPrograms.impatientReceivers(
                sends: sends, patient: patient, impatient: impatient))
        #expect(result.holds, "\(result)")
    }

    @Test("a sender that gives up keeps its element, and no place is lost")
    func impatientSender() {
        // Wrong: the element is gone, or is in two places, or the other sender sleeps on.
        let result = exhaustAroundLock(isLarge: true, program: ChannelPrograms.impatientSender())
        #expect(result.holds, "\(result)")
    }

    @Test(
        "a close meets senders and receivers",
        arguments: [(0, 1, 0), (1, 0, 2), (1, 1, 1), (2, 0, 2), (1, 1, 2), (0, 2, 1)])
    func closing(sizes: (Int, Int, Int)) {
        // Wrong: somebody sleeps on, an element is lost, or the end comes before the last element.
        let (senders, receivers, filled) = sizes
        let result = exhaustAroundLock(
            senders, receivers, filled, isLarge: senders + receivers > 1,
            program: ChannelPrograms.closing(
                senders: senders, receivers: receivers, filled: filled))
        #expect(result.holds, "\(result)")
    }
}
