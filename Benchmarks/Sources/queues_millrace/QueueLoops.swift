// SPDX-License-Identifier: MIT

internal import CContender

/// The loops over a queue without handles.
///
/// They are no methods that a subclass overrides: those of a generic class are not specialized, and
/// each element would be a call through a table.
final class QueueLoops<Queue: TrialQueue & ~Copyable> {
    private let queue: Queue

    init(_ queue: consuming Queue) { self.queue = queue }

    @inline(__always)
    func push(_ first: UInt64, _ count: UInt64) {
        for number in first..<first &+ count { offer(number) }
    }

    @inline(__always)
    func pop(_ count: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for _ in 0..<count { sum &+= take() }
        return sum
    }

    @inline(__always)
    func pairs(_ first: UInt64, _ count: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for number in first..<first &+ count {
            offer(number)
            sum &+= take()
        }
        return sum
    }

    @inline(__always)
    private func offer(_ number: UInt64) {
        var tries: UInt32 = 0
        while queue.tryPush(Queue.Element(number: number)) != nil {
            unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
        }
    }

    @inline(__always)
    private func take() -> UInt64 {
        var tries: UInt32 = 0
        while true {  // Ends: as much is pushed as is taken.
            if let element = queue.tryPop() { return element.number }
            unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
        }
    }
}

extension Subject {
    @inline(__always)
    convenience init<Queue: TrialQueue & ~Copyable>(_ queue: consuming Queue) {
        let loops = QueueLoops(queue)
        self.init(
            push: { loops.push($0, $1) }, pop: { loops.pop($0) }, pairs: { loops.pairs($0, $1) })
    }
}
