// SPDX-License-Identifier: MIT

// A stack of nodes on the heap. A pop reads the node on top, which another pop may take out and
// free at the same moment: inside a pin it may not be freed, nor come back under the same address,
// so the compare-exchange cannot be fooled either.
//
//     swift run -c release example_epochs

import AtomicSupport
import CLinuxShims
import MemoryReclamation
import StressSupport

/// A node of the stack, which begins with what the domain needs.
@unsafe
struct Node {
    // SAFETY: plain values.
    var retired = unsafe RetiredNode(reclaim: { address in
        unsafe address.deallocate()  // SAFETY: allocated by `push`; plain values.
        freedCount.add(1, ordering: .relaxed)
    })
    let number: Int
    var below: UnsafeMutableRawPointer?
}

/// Treiber's stack.
@safe
final class Stack: @unchecked Sendable {
    let domain = EpochDomain(slotCount: 4, heldPerSlotMax: 64)
    private let top = unsafe Atomic<UnsafeMutableRawPointer?>(nil)  // SAFETY: an address alone.

    func push(_ number: Int) {
        let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
        unsafe node.initialize(to: Node(number: number))  // SAFETY: fresh memory.
        while true {  // Repeated only after another push or pop.
            let seen = unsafe top.load(ordering: .relaxed)
            unsafe node.pointee.below = seen  // SAFETY: not yet in the stack.
            let (isPushed, _) = unsafe top.compareExchange(
                expected: seen, desired: UnsafeMutableRawPointer(node), ordering: .releasing)
            if isPushed { return }
        }
    }

    /// Takes the number on top. Waits if a stalled pin has left no room for what it takes out.
    func pop() -> Int? {
        while true {  // Repeated only after another push or pop, or without room.
            let outcome = domain.withPin { pin -> (isDone: Bool, number: Int?) in
                guard pin.makeRoom() else { return (false, nil) }
                // SAFETY: a load of an address.
                guard let seen = unsafe top.load(ordering: .acquiring) else { return (true, nil) }
                // SAFETY: found inside the pin.
                let node = unsafe seen.assumingMemoryBound(to: Node.self)
                // SAFETY: as above.
                let (isPopped, _) = unsafe top.compareExchange(
                    expected: seen, desired: node.pointee.below, ordering: .acquiring)
                guard isPopped else { return (false, nil) }
                let number = unsafe node.pointee.number  // SAFETY: as above.
                // SAFETY: just taken out, by this thread alone; the node begins with it.
                let isTaken = unsafe pin.retire(seen.assumingMemoryBound(to: RetiredNode.self))
                precondition(isTaken, "there was room")
                return (true, number)
            }
            if outcome.isDone { return outcome.number }
            millrace_thread_yield()
        }
    }
}

let freedCount = Atomic<Int>(0)
let stack = Stack()
let sum = Atomic<Int>(0)
let heldMax = Atomic<Int>(0)
let numbersEach = 50_000

ThreadTeam.run(count: 3) { thread in
    for number in 1...numbersEach {
        stack.push(number)
        if let popped = stack.pop() { sum.add(popped, ordering: .relaxed) }
        heldMax.max(stack.domain.heldCount, ordering: .relaxed)
    }
}
while let popped = stack.pop() { sum.add(popped, ordering: .relaxed) }
let expected = 3 * numbersEach * (numbersEach + 1) / 2
print("sum \(sum.load(ordering: .relaxed)), expected \(expected)")

stack.domain.collect()
print("freed \(freedCount.load(ordering: .relaxed)) of \(3 * numbersEach) nodes")
let isBounded = heldMax.load(ordering: .relaxed) <= 4 * 64
print("never more than 256 held back: \(isBounded)")
