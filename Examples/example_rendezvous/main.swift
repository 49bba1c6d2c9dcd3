// SPDX-License-Identifier: MIT

// A relay race: a runner ends its leg only when the next one has the baton, and there is never more
// than one baton between two runners. A task runs the second leg, threads the others. At the end a
// runner waits for nobody: it still has its baton, and says so.
//
//     swift run -c release example_rendezvous

import AtomicSupport
import Channels
import StressSupport

/// What is handed over: it cannot be copied, so nobody can keep one that was given on.
struct Baton: ~Copyable, Sendable {
    let number: Int
    var legs: [String] = []

    consuming func run(_ name: String) -> Baton {
        var baton = self
        baton.legs.append(name)
        return baton
    }
}

/// The two places where runners meet.
final class Track: Sendable {
    let first = RendezvousChannel<Baton>()
    let second = RendezvousChannel<Baton>()
    let handedOver = Atomic<Int>(0)
    let early = Atomic<Int>(0)
    let finished = Atomic<Int>(0)
    let whole = Atomic<Int>(0)
}

let track = Track()
let batonCount = 1_000

/// Starts the batons, one after the other.
@Sendable func runFirstLeg() {
    for number in 1...batonCount {
        let baton = Baton(number: number).run("first")
        let refusal = track.first.blockingSend(baton, until: .never)
        precondition(refusal == nil, "nobody closes but this thread")
        // The send has ended: the second runner has it, and the one before has been passed on.
        track.handedOver.add(1, ordering: .relaxed)
        if track.finished.load(ordering: .relaxed) < number - 2 {
            track.early.add(1, ordering: .relaxed)
        }
    }
    track.first.close()
}

/// Takes from the first place to the second.
@Sendable func runSecondLeg() async {
    while let baton = try? await track.first.receive() {
        let refusal = await track.second.send(baton.run("second"))
        precondition(refusal == nil, "nobody closes but this task")
    }
    track.second.close()
}

/// Looks at what arrives.
@Sendable func runThirdLeg() {
    var last = 0
    while let baton = try? track.second.blockingReceive(until: .never) {
        let isWhole = baton.number == last + 1 && baton.legs == ["first", "second"]
        if isWhole { track.whole.add(1, ordering: .relaxed) }
        last = baton.number
        track.finished.add(1, ordering: .relaxed)
    }
}

Task.detached { await runSecondLeg() }
ThreadTeam.run(count: 2) { index in
    if index == 0 { runFirstLeg() } else { runThirdLeg() }
}
print("handed over \(track.handedOver.load(ordering: .relaxed)) of \(batonCount)")
print("arrived in order and whole: \(track.whole.load(ordering: .relaxed))")
print("passed on although the one before was not: \(track.early.load(ordering: .relaxed))")

/// Offers a baton where nobody comes.
func offerInVain() {
    let lonely = RendezvousChannel<Baton>()
    let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000)
    guard let refusal = lonely.blockingSend(Baton(number: 7), until: soon) else { return }
    print("nobody came (\(refusal.reason)), still held: baton \(refusal.element.number)")
}

offerInVain()
