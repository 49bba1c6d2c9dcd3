// SPDX-License-Identifier: MIT

// One value from one thread to another: a reply. The second set is refused, and a sender that gives
// up says so.
//
//     swift run -c release example_oneshot

import AtomicSupport
import StressSupport
import WaitPrimitives

/// A question and where its answer goes.
final class Request: Sendable {
    let number: Int
    let reply = Oneshot<Int>()

    init(_ number: Int) {
        self.number = number
    }
}

let request = Request(6)
let abandoned = Request(7)

ThreadTeam.run(count: 2) { index in
    if index == 0 {
        let refused = request.reply.set(request.number * 7)
        let second = request.reply.set(0)
        print("first answer taken: \(refused == nil), second refused: \(second != nil)")
        abandoned.reply.close()
    } else {
        receive()
    }
}

@Sendable func receive() {
    let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000_000)
    do {
        let answer = try request.reply.blockingReceive(until: soon)
        print("the answer is \(answer)")
        _ = try abandoned.reply.blockingReceive(until: soon)
        print("an answer that nobody gave")
    } catch {
        print("no answer to \(abandoned.number): \(error)")
    }
}
