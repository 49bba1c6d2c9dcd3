// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import ModelChecking
import Testing

/// What the queues with one owner promise to one thread alone: numbers, order and lifetimes.
@Suite("Models of queues with one owner, alone")
struct SequentialStealingTests {
    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a queue from one to one counts, closes once, and ends with what is in it")
    func pipe() {
        // Wrong: a number is off by one, or an element outlives its queue.
        alone { model in
            let living = Count()
            do {
                let queue = BoundedSPSCQueue<Counted>(capacity: 3)
                model.check(queue.capacity == 4 && queue.isEmpty && queue.count == 0)
                for number in 0..<6 {
                    let refused = queue.tryPush(Counted(number, living))
                    model.check((refused != nil) == (number >= 4))
                    model.check(queue.count == min(number + 1, 4) && !queue.isEmpty)
                }
                model.check(queue.tryPop()?.number == 0 && queue.tryPop()?.number == 1)
                var made = 6
                let filled = queue.fill(max: 3) {
                    made += 1
                    return Counted(made - 1, living)
                }
                model.check(filled == 2 && made == 8 && queue.count == 4)
                model.check(queue.fill(max: 1) { Counted(99, living) } == 0)
                var seen: [Int] = []
                model.check(queue.drain(max: 3) { seen.append($0.number) } == 3)
                model.check(seen == [2, 3, 6] && queue.count == 1)
                model.check(queue.fill(max: 1) { Counted(8, living) } == 1 && queue.count == 2)
                model.check(!queue.isClosed && !queue.isDrained && !queue.isAbandoned)
                model.check(queue.close() && !queue.close())
                model.check(queue.isClosed && !queue.isDrained && queue.count == 2)
                model.check(queue.tryPush(Counted(9, living))?.number == 9)
                model.check(queue.fill(max: 2) { Counted(9, living) } == 0)
                model.check(queue.drain(max: 9) { seen.append($0.number) } == 2)
                model.check(seen == [2, 3, 6, 7, 8] && queue.isDrained && queue.isEmpty)
                model.check(queue.drain(max: 9) { seen.append($0.number) } == 0)
                model.check(queue.tryPop() == nil && !queue.isAbandoned)
            }
            model.check(living.value == 0)
            do {
                // Pushes and pops alone: each has to look where the other side is.
                let queue = BoundedSPSCQueue<Counted>(capacity: 2)
                model.check(queue.tryPop() == nil)
                for number in 0..<2 { model.check(queue.tryPush(Counted(number, living)) == nil) }
                for number in 0..<6 {
                    model.check(queue.tryPush(Counted(9, living)) != nil)
                    model.check(queue.tryPop()?.number == number)
                    model.check(queue.tryPush(Counted(number + 2, living)) == nil)
                }
            }
            model.check(living.value == 0)
            do {
                let queue = BoundedSPSCQueue<Counted>(capacity: 2)
                for number in 0..<3 { _ = queue.tryPush(Counted(number, living)) }
                _ = queue.tryPop()
                model.check(living.value == 1 && !queue.isDrained)
                queue.abandon()
                model.check(queue.isAbandoned && !queue.isClosed)
                model.check(queue.tryPush(Counted(7, living))?.number == 7)
                model.check(queue.fill(max: 1) { Counted(8, living) } == 0)
                model.check(queue.close())
            }
            model.check(living.value == 0)
        }
    }

    @Test("a batch is as large as it can be, whatever its side knew before")
    func pipeBatches() {
        // Wrong: a batch is cut although there is room for it, or there are elements for it.
        alone { model in
            for known in 1..<4 {
                let queue = BoundedSPSCQueue<Int>(capacity: 4)
                for value in 0..<(4 - known) { model.check(queue.tryPush(value) == nil) }
                for value in 0..<(4 - known) { model.check(queue.tryPop() == value) }
                // The producer knows of `known` places, and there are four.
                for wanted in known + 1..<6 {
                    let whole = min(wanted, 4)
                    model.check(queue.fill(max: wanted) { 7 } == whole)
                    model.check(queue.drain(max: 9) { _ in } == whole)
                }
                // The consumer knows of `known` elements, and there are four.
                model.check(queue.fill(max: known) { 7 } == known && queue.tryPop() == 7)
                model.check(queue.fill(max: 4) { 7 } == 5 - known)
                model.check(queue.drain(max: 4) { _ in } == 4)
            }
        }
    }

    @Test("a deque gives the newest to its owner, the oldest to thieves, and counts")
    func deque() {
        // Wrong: as above; or an element comes out at the wrong end.
        alone { model in
            let living = Count()
            do {
                let deque = WorkStealingDeque<Counted>(capacity: 3)
                model.check(deque.capacity == 4 && deque.isEmpty && deque.count == 0)
                model.check(deque.tryPop() == nil && deque.trySteal() == nil && deque.isEmpty)
                for round in 0..<3 {
                    let first = 10 * round
                    for step in 0..<6 {
                        let refused = deque.tryPush(Counted(first + step, living))
                        model.check((refused != nil) == (step >= 4))
                        model.check(deque.count == min(step + 1, 4) && !deque.isEmpty)
                    }
                    model.check(deque.trySteal()?.number == first && deque.count == 3)
                    model.check(deque.tryPop()?.number == first + 3 && deque.count == 2)
                    model.check(deque.tryPush(Counted(first + 6, living)) == nil)
                    model.check(deque.tryPop()?.number == first + 6)
                    model.check(deque.trySteal()?.number == first + 1 && deque.count == 1)
                    let last = round == 1 ? deque.trySteal() : deque.tryPop()
                    model.check(last?.number == first + 2 && deque.count == 0 && deque.isEmpty)
                    model.check(deque.tryPop() == nil && deque.trySteal() == nil && deque.isEmpty)
                }
                for step in 0..<3 { _ = deque.tryPush(Counted(step, living)) }
                _ = deque.trySteal()
                model.check(living.value == 2)
            }
            model.check(living.value == 0)
        }
    }

    @Test("a ring is robbed of its older half, as much as fits", arguments: 1...8, [2, 4])
    func ring(there: Int, ownCapacity: Int) {
        // Wrong: as above; or a thief takes another share than half, rounded up.
        alone { model in
            let living = Count()
            do {
                let ring = StealingRing<Counted>(capacity: 7)
                let own = StealingRing<Counted>(capacity: ownCapacity)
                model.check(ring.capacity == 8 && ring.isEmpty && ring.count == 0)
                model.check(ring.tryPop() == nil && ring.trySteal(into: own) == nil)
                model.check(ring.drain(max: 9) { _ in } == 0 && own.capacity == ownCapacity)
                for round in 0..<3 {
                    for step in 0..<there {
                        model.check(ring.tryPush(Counted(step, living)) == nil)
                        model.check(ring.count == step + 1 && !ring.isEmpty)
                    }
                    // Half, rounded up, and no more than one and what the own ring has room for.
                    let taken = min((there + 1) / 2, ownCapacity + 1)
                    model.check(ring.trySteal(into: own)?.number == 0)
                    model.check(ring.count == there - taken && own.count == taken - 1)
                    for step in 1..<max(taken, 1) { model.check(own.tryPop()?.number == step) }
                    model.check(own.isEmpty && own.tryPop() == nil)
                    var next = taken
                    if round == 1 {
                        ring.drain(max: 9) { element in
                            model.check(element.number == next)
                            next += 1
                        }
                    }
                    while let element = ring.tryPop() {
                        model.check(element.number == next)
                        next += 1
                    }
                    model.check(next == there && ring.isEmpty && ring.count == 0)
                }
            }
            model.check(living.value == 0)
        }
    }

    @Test("a ring takes what fits, and a thief with a full ring of its own takes one")
    func fullRings() {
        // Wrong: an element is written over, or lost with its ring.
        alone { model in
            let living = Count()
            do {
                let ring = StealingRing<Counted>(capacity: 4)
                let own = StealingRing<Counted>(capacity: 2)
                for number in 0..<6 {
                    model.check((ring.tryPush(Counted(number, living)) != nil) == (number >= 4))
                }
                for number in 10..<12 { model.check(own.tryPush(Counted(number, living)) == nil) }
                model.check(ring.trySteal(into: own)?.number == 0 && own.count == 2)
                model.check(own.tryPop()?.number == 10)
                model.check(ring.trySteal(into: own)?.number == 1 && own.count == 2)
                model.check(own.tryPop()?.number == 11 && own.tryPop()?.number == 2)
                var seen: [Int] = []
                for number in 4..<7 { model.check(ring.tryPush(Counted(number, living)) == nil) }
                model.check(ring.tryPush(Counted(7, living))?.number == 7)
                model.check(ring.drain(max: 1) { seen.append($0.number) } == 1)
                model.check(ring.drain(max: 2) { seen.append($0.number) } == 2)
                model.check(seen == [3, 4, 5] && ring.count == 1 && living.value == 1)
            }
            model.check(living.value == 0)
        }
    }

    @Test("an intrusive queue gives its nodes back in order, again and again")
    func intrusive() {
        // Wrong: a node is lost, or comes out where it was not put.
        alone { model in
            let queue = IntrusiveMPSCQueue()
            // Freed below, when none is in the queue.
            let nodes = UnsafeMutablePointer<IntrusiveMPSCNode>.allocate(capacity: 3)
            // SAFETY: fresh memory.
            for index in 0..<3 { unsafe (nodes + index).initialize(to: IntrusiveMPSCNode()) }
            for count in [1, 3, 2, 3] {
                model.check(queue.popAddress() == 0)
                for index in 0..<count { unsafe queue.push(nodes + index) }  // SAFETY: as above.
                for index in 0..<count {
                    // SAFETY: addresses alone.
                    model.check(unsafe queue.popAddress() == UInt(bitPattern: nodes + index))
                }
                model.check(queue.popAddress() == 0)
            }
            unsafe nodes.deallocate()  // SAFETY: as above.
        }
    }
}

extension IntrusiveMPSCQueue {
    /// What a pop by one thread alone answers: a node's address, 0 for none, 1 for busy.
    func popAddress() -> UInt {
        switch unsafe pop() {  // SAFETY: the consumer's; the address alone is used.
        case .node(let node): UInt(bitPattern: node)
        case .empty: 0
        case .busy: 1
        }
    }
}
