// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of RendezvousChannel")
struct RendezvousModelTests {
    @Test(
        "handed over, or still the sender's",
        arguments: [
            [.sender, .receiver],
            [.impatientSender, .impatientReceiver], [.tryingSender, .impatientReceiver],
            [.impatientSender, .tryingReceiver], [.tryingSender, .tryingReceiver],
        ] as [[RendezvousPrograms.Role]])
    func meeting(roles: [RendezvousPrograms.Role]) {
        // Wrong: an element is lost, in two places, or without its edge, or somebody sleeps on.
        let result = exhaust(roles, program: RendezvousPrograms.meeting(roles))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "handed over, or still the sender's, of three and four",
        arguments: [
            [.sender, .receiver, .closer], [.sender, .impatientReceiver, .closer],
            [.impatientSender, .sender, .receiver, .closer],
            [.sender, .receiver, .impatientReceiver, .closer],
            [.sender, .sender, .receiver, .receiver],
            [.sender, .impatientSender, .receiver, .tryingReceiver, .closer],
            [.sender, .receiver, .tryingSender, .tryingReceiver, .closer],
        ] as [[RendezvousPrograms.Role]])
    func meetingOfMore(roles: [RendezvousPrograms.Role]) {
        // Wrong: as above; with more than one in a list.
        let result = exhaustAroundLock(roles, program: RendezvousPrograms.meeting(roles))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a send that has ended has seen the receiver")
    func wayBack() {
        // Wrong: the documentation promises an edge that is not there.
        let result = exhaust(program: RendezvousPrograms.wayBack())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the orderings of the channel are needed")
    func audit() {
        // Wrong: an ordering can be weakened and nobody notices.
        let names = unneededOrderings(
            of: [
                RendezvousPrograms.polledClose(), RendezvousPrograms.meeting([.sender, .receiver]),
            ], in: "Channels/")
        #expect(names == [])
    }
}
