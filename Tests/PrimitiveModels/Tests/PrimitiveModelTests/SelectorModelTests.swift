// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of Selector")
struct SelectorModelTests {
    @Test("one selector and one sender", arguments: [(1, 0), (0, 1)])
    func two(sends: (Int, Int)) {
        // Wrong: an item is neither taken nor still there, or the selector sleeps beside it.
        let (bounded, meeting) = sends
        let result = exhaust(
            bounded, meeting,
            program: SelectorPrograms.traffic(
                bounded: bounded, meeting: meeting, [.selecting(1)]))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
        let ending = exhaustAroundLock(
            bounded, meeting, "close", isLarge: true,
            program: SelectorPrograms.traffic(
                bounded: bounded, meeting: meeting, [.selecting(2)], closes: true))
        #expect(ending.holds, "\(ending)")
    }

    @Test("two sources have something at once: the other's wake goes to another")
    func conservation() {
        // Wrong: a selector that was woken by both keeps a wake-up, and a receiver sleeps on.
        for takers in [[.selecting(2)], [.selecting(1), .selecting(1)]]
            as [[SelectorPrograms.Taker]]
        {
            let result = exhaustAroundLock(
                takers, isLarge: true,
                program: SelectorPrograms.traffic(bounded: 1, meeting: 1, takers))
            #expect(result.holds, "\(result)")
        }
        for (bounded, meeting, taker) in [(2, 0, .bounded), (0, 2, .meeting)]
            as [(Int, Int, SelectorPrograms.Taker)]
        {
            let beside = exhaustAroundLock(
                bounded, meeting, isLarge: true,
                program: SelectorPrograms.traffic(
                    bounded: bounded, meeting: meeting, [.selecting(1), taker]))
            #expect(beside.holds, "\(beside)")
        }
    }

    @Test("a selector that gives up takes nothing along")
    func deadline() {
        // Wrong: a deadline that meets a send loses the item, or another one's wake-up.
        for (bounded, meeting) in [(1, 0), (0, 1)] {
            let result = exhaustAroundLock(
                bounded, meeting, isLarge: true,
                program: SelectorPrograms.traffic(
                    bounded: bounded, meeting: meeting, [.impatient, .selecting(1)], closes: true))
            #expect(result.holds, "\(result)")
        }
        let beside = exhaustAroundLock(
            "beside receivers", isLarge: true,
            program: SelectorPrograms.traffic(
                bounded: 2, meeting: 0, [.impatient, .bounded], closes: false))
        #expect(beside.holds, "\(beside)")
    }

    @Test("the orderings of a selector's sleep are needed")
    func audit() {
        // Wrong: an ordering can be weakened and nobody notices; but for the wake's, which is for
        // the continuation of a task, and no model has tasks (`select-storm` does).
        let names = unneededOrderings(
            of: [
                SelectorPrograms.edge(), RendezvousPrograms.polledClose(),
                SelectorPrograms.traffic(bounded: 0, meeting: 1, [.selecting(1)]),
                SelectorPrograms.traffic(bounded: 1, meeting: 1, [.selecting(2)]),
            ], in: "Channels/")
        let rest = names.filter { !$0.contains("update acquiring → relaxed") }
        #expect(rest == [])
    }
}
