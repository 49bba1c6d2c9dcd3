// SPDX-License-Identifier: MIT

// A buffer of four places under a lock, with a condition for each side: producers wait while it is
// full, consumers while it is empty. Threads and a task use the same lock and the same conditions.
//
//     swift run -c release example_condition_variable

import AtomicSupport
import StressSupport
import WaitPrimitives

/// What is under the lock.
struct Buffer {
    var elements: [Int] = []
    var longest = 0
    var isClosed = false
}

/// The lock and its two conditions.
final class Channel: Sendable {
    let buffer = FairLock(Buffer())
    let notFull = ConditionVariable()
    let notEmpty = ConditionVariable()

    func send(_ element: Int) {
        buffer.withLock(on: notFull, when: { $0.elements.count < 4 }) { state in
            state.elements.append(element)
            state.longest = max(state.longest, state.elements.count)
        }
        notEmpty.signal()
    }

    /// The next element, or nil if there are no more.
    func receive() async throws -> Int? {
        let element = try await buffer.withLock(
            on: notEmpty, when: { !$0.elements.isEmpty || $0.isClosed }
        ) { state in
            state.elements.isEmpty ? nil : state.elements.removeFirst()
        }
        notFull.signal()
        return element
    }

    func close() {
        buffer.withLock { $0.isClosed = true }
        notEmpty.broadcast()
    }
}

let channel = Channel()
let receivers = (0..<2).map { _ in
    Task.detached {
        var sum = 0
        while let element = try await channel.receive() { sum += element }
        return sum
    }
}
ThreadTeam.run(count: 2) { thread in
    for number in 1...500 { channel.send(thread * 500 + number) }
}
channel.close()
var sum = 0
for receiver in receivers { sum += try await receiver.value }
let longest = channel.buffer.withLockIfFree { $0.longest } ?? 0
print("sum \(sum) of \(1000 * 1001 / 2), never more than four: \(longest <= 4)")

// A wait with a limit: nobody will send any more.
func receiveShortly() -> Int? {
    let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
    return channel.buffer.withLock(
        on: channel.notEmpty, when: { !$0.elements.isEmpty }, until: shortly
    ) { $0.elements.removeFirst() }
}
print("afterwards: \(receiveShortly().map(String.init) ?? "nothing in time")")
