// SPDX-License-Identifier: MIT

internal import Channels
internal import ConcurrentQueues
internal import Glibc
internal import TaskTrials

// Channels and a queue of Millrace between two tasks on one loop.

final class SharedChannel: Sendable {
    let channel: BoundedChannel<UInt64>
    init(_ size: Int) { channel = BoundedChannel(capacity: size) }
}

final class SharedPlace: Sendable {
    let channel = RendezvousChannel<UInt64>()
}

final class SharedQueue: Sendable {
    let queue: BoundedMPMCQueue<UInt64>
    init(_ size: Int) { queue = BoundedMPMCQueue(capacity: size) }
}

/// One element a call.
let bounded = TaskWork("bounded") { size in
    let shared = SharedChannel(size)
    return TaskPair(
        send: { for number in 0..<$0 { _ = await shared.channel.send(number) } },
        receive: { count in
            var sum: UInt64 = 0
            for _ in 0..<count {
                guard let number = try? await shared.channel.receive() else { break }
                sum &+= number
            }
            return sum
        })
}

/// As many as there is room for, and as many as are there, up to a batch, before a task waits.
let boundedBatch = TaskWork("bounded-batch") { size in
    let shared = SharedChannel(size)
    return TaskPair(
        send: { count in
            var number: UInt64 = 0
            let next: () -> sending UInt64 = {
                number &+= 1
                return number &- 1
            }
            while number < count {
                let size = min(TaskPair.batch, Int(count - number))
                if shared.channel.fill(max: size, next) == 0 {
                    _ = await shared.channel.send(next())
                }
            }
        },
        receive: { count in
            var (sum, rest) = (UInt64(0), Int(count))
            while rest > 0 {
                let size = min(TaskPair.batch, rest)
                var taken = shared.channel.drain(max: size) { sum &+= $0 }
                if taken == 0 {
                    guard let first = try? await shared.channel.receive() else { break }
                    sum &+= first
                    taken = 1
                }
                rest -= taken
            }
            return sum
        })
}

let rendezvous = TaskWork("rendezvous") { _ in
    let shared = SharedPlace()
    return TaskPair(
        send: { for number in 0..<$0 { _ = await shared.channel.send(number) } },
        receive: { count in
            var sum: UInt64 = 0
            for _ in 0..<count {
                guard let number = try? await shared.channel.receive() else { break }
                sum &+= number
            }
            return sum
        })
}

/// Without a wait: who finds it full or empty lets the other go on.
let queue = TaskWork("queue") { size in
    let shared = SharedQueue(size)
    return TaskPair(
        send: { count in
            for number in 0..<count {
                while shared.queue.tryPush(number) != nil { await Task.yield() }
            }
        },
        receive: { count in
            var (sum, rest) = (UInt64(0), count)
            while rest > 0 {  // Ends: as many are sent.
                if let number = shared.queue.tryPop() {
                    sum &+= number
                    rest -= 1
                } else {
                    await Task.yield()
                }
            }
            return sum
        })
}

exit(TaskTrial.run([bounded, boundedBatch, rendezvous, queue]))
