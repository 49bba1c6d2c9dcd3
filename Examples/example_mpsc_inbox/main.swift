// SPDX-License-Identifier: MIT

// An inbox from which one thread takes everything at once, and is woken only when it was empty.
//
//     swift run -c release example_mpsc_inbox

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport
import WaitPrimitives

/// The inbox, and the bell that wakes its owner.
final class Mailbox: Sendable {
    let inbox = MPSCInbox<Int>(capacity: 1024)
    let bell = AutoResetEvent()
    let wakes = Atomic<Int>(0)
    let received = Atomic<Int>(0)
    let batches = Atomic<Int>(0)
}

let mailbox = Mailbox()
let senderCount = 3
let messagesEach = 20_000

@Sendable func send() {
    for message in 0..<messagesEach {
        while true {  // Ends when there is room.
            let outcome = mailbox.inbox.tryPush(message)
            if outcome.needsWake {
                mailbox.wakes.add(1, ordering: .relaxed)
                mailbox.bell.set()
            }
            if outcome.isPushed { break }
            millrace_thread_yield()
        }
    }
}

@Sendable func receive() {
    var received = 0
    var batches = 0
    while received < senderCount * messagesEach {  // Ends with the last message.
        _ = mailbox.bell.blockingWait(until: .never)
        let count = mailbox.inbox.drain { _ in }
        received += count
        if count > 0 { batches += 1 }
    }
    mailbox.received.store(received, ordering: .relaxed)
    mailbox.batches.store(batches, ordering: .relaxed)
}

ThreadTeam.run(count: senderCount + 1) { index in
    if index == 0 { receive() } else { send() }
}
let received = mailbox.received.load(ordering: .relaxed)
print("received \(received) of \(senderCount * messagesEach) messages")
print(
    "in \(mailbox.batches.load(ordering: .relaxed)) batches,"
        + " woken \(mailbox.wakes.load(ordering: .relaxed)) times")
