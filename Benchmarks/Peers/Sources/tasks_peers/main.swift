// SPDX-License-Identifier: MIT

// What else takes numbers from one task to another, both on one loop of Millrace: streams and
// channels of others, and a deque behind a lock.

import AsyncAlgorithms
import DequeModule
import Glibc
import NIOConcurrencyHelpers
import Synchronization
import TaskTrials

/// A queue that refuses; who is refused lets the other task go on.
protocol LockedQueue: Sendable {
    func offer(_ number: UInt64) -> Bool
    func take() -> UInt64?
    /// As many of the numbers as there is room for; how many.
    func offer(_ numbers: Range<UInt64>) -> UInt64
    /// At most so many; their sum, and how many.
    func take(max: Int) -> (sum: UInt64, count: UInt64)
}

extension Deque<UInt64> {
    mutating func offer(_ numbers: Range<UInt64>, capacity: Int) -> UInt64 {
        let room = Swift.min(capacity - count, numbers.count)
        append(contentsOf: numbers.prefix(room))
        return UInt64(room)
    }

    mutating func take(max most: Int) -> (sum: UInt64, count: UInt64) {
        let taken = Swift.min(most, count)
        let sum = self[..<taken].reduce(0, &+)
        removeFirst(taken)
        return (sum, UInt64(taken))
    }
}

final class MutexDeque: LockedQueue {
    private let capacity: Int
    private let deque: Mutex<Deque<UInt64>>

    init(_ capacity: Int) {
        self.capacity = capacity
        deque = Mutex(Deque(minimumCapacity: capacity))
    }

    func offer(_ number: UInt64) -> Bool {
        deque.withLock {
            if $0.count == capacity { return false }
            $0.append(number)
            return true
        }
    }
    func take() -> UInt64? { deque.withLock { $0.popFirst() } }
    func offer(_ numbers: Range<UInt64>) -> UInt64 {
        deque.withLock { $0.offer(numbers, capacity: capacity) }
    }
    func take(max: Int) -> (sum: UInt64, count: UInt64) { deque.withLock { $0.take(max: max) } }
}

final class BoxedDeque: LockedQueue {
    private let capacity: Int
    private let deque: NIOLockedValueBox<Deque<UInt64>>

    init(_ capacity: Int) {
        self.capacity = capacity
        deque = NIOLockedValueBox(Deque(minimumCapacity: capacity))
    }

    func offer(_ number: UInt64) -> Bool {
        deque.withLockedValue {
            if $0.count == capacity { return false }
            $0.append(number)
            return true
        }
    }
    func take() -> UInt64? { deque.withLockedValue { $0.popFirst() } }
    func offer(_ numbers: Range<UInt64>) -> UInt64 {
        deque.withLockedValue { $0.offer(numbers, capacity: capacity) }
    }
    func take(max: Int) -> (sum: UInt64, count: UInt64) {
        deque.withLockedValue { $0.take(max: max) }
    }
}

/// The two works over a locked queue, made where its type is known.
@inline(__always)
func works<Q: LockedQueue>(_ name: String, _ make: @escaping @Sendable (Int) -> Q) -> [TaskWork] {
    [
        TaskWork(name) { size in
            let queue = make(size)
            return TaskPair(
                send: { count in
                    for number in 0..<count {
                        while !queue.offer(number) { await Task.yield() }
                    }
                },
                receive: { count in
                    var (sum, rest) = (UInt64(0), count)
                    while rest > 0 {
                        if let number = queue.take() {
                            sum &+= number
                            rest -= 1
                        } else {
                            await Task.yield()
                        }
                    }
                    return sum
                })
        },
        TaskWork("\(name)-batch") { size in
            let queue = make(size)
            return TaskPair(
                send: { count in
                    var next: UInt64 = 0
                    while next < count {
                        let end = min(next + UInt64(TaskPair.batch), count)
                        let sent = queue.offer(next..<end)
                        next += sent
                        if sent == 0 { await Task.yield() }
                    }
                },
                receive: { count in
                    var (sum, rest) = (UInt64(0), count)
                    while rest > 0 {
                        let taken = queue.take(max: TaskPair.batch)
                        sum &+= taken.sum
                        rest -= taken.count
                        if taken.count == 0 { await Task.yield() }
                    }
                    return sum
                })
        },
    ]
}

/// The numbers below `count` in arrays of a batch.
@inline(__always)
func forEachBatch(_ count: UInt64, _ body: ([UInt64]) async -> Void) async {
    var next: UInt64 = 0
    while next < count {
        let end = min(next + UInt64(TaskPair.batch), count)
        await body(Array(next..<end))
        next = end
    }
}

@inline(__always)
func sum<S: AsyncSequence & Sendable>(_ stream: S, _ count: UInt64) async -> UInt64
where S.Element == UInt64 {
    var (sum, rest) = (UInt64(0), count)
    var iterator = stream.makeAsyncIterator()
    while rest > 0, let number = try? await iterator.next() {
        sum &+= number
        rest -= 1
    }
    return sum
}

@inline(__always)
func sum<S: AsyncSequence & Sendable>(batches stream: S, _ count: UInt64) async -> UInt64
where S.Element == [UInt64] {
    var (sum, rest) = (UInt64(0), count)
    var iterator = stream.makeAsyncIterator()
    while rest > 0, let numbers = try? await iterator.next() {
        for number in numbers { sum &+= number }
        rest -= UInt64(numbers.count)
    }
    return sum
}

let streams = [
    TaskWork("async-stream") { size in
        let (stream, continuation) = AsyncStream.makeStream(
            of: UInt64.self, bufferingPolicy: .bufferingOldest(size))
        return TaskPair(
            send: { count in
                for number in 0..<count {
                    while case .dropped = continuation.yield(number) { await Task.yield() }
                }
            },
            receive: { await sum(stream, $0) })
    },
    TaskWork("async-stream-batch") { size in
        let (stream, continuation) = AsyncStream.makeStream(
            of: [UInt64].self, bufferingPolicy: .bufferingOldest(max(1, size / TaskPair.batch)))
        return TaskPair(
            send: {
                await forEachBatch($0) { numbers in
                    while case .dropped = continuation.yield(numbers) { await Task.yield() }
                }
            },
            receive: { await sum(batches: stream, $0) })
    },
    TaskWork("async-channel") { _ in
        let channel = AsyncChannel<UInt64>()
        return TaskPair(
            send: { for number in 0..<$0 { await channel.send(number) } },
            receive: { await sum(channel, $0) })
    },
    TaskWork("async-channel-batch") { _ in
        let channel = AsyncChannel<[UInt64]>()
        return TaskPair(
            send: { await forEachBatch($0) { await channel.send($0) } },
            receive: { await sum(batches: channel, $0) })
    },
]

exit(
    TaskTrial.run(
        works("mutex-deque") { MutexDeque($0) } + works("nio-deque") { BoxedDeque($0) } + streams))
