// SPDX-License-Identifier: MIT

@testable import ModelChecking
import Testing

@Suite("Locks that are single steps")
struct LockTests {
    @Test("one has the lock after the other, in each order, and sees what was done under it")
    func exclusion() {
        // Wrong: an order of the threads is left out, or two are inside.
        var orders: Set<[Int]> = []
        let result = explore(.exhaustive) { model in
            let lock = StandInLock()
            let entries = PlainCell<[Int]>([])
            for number in 0..<3 {
                model.thread {
                    lock.lock()
                    entries.store(entries.load() + [number])
                    lock.unlock()
                }
            }
            model.finally { orders.insert(entries.load()) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
        #expect(orders.count == 6)
        #expect(result.executionCount - result.redundantCount == 6)
    }

    @Test("a lock orders nothing that is done under another one")
    func race() {
        // Wrong: an edge is given that no lock gives.
        let result = explore { model in
            let cell = PlainCell(0)
            for lock in [StandInLock(), StandInLock()] {
                model.thread {
                    lock.lock()
                    cell.store(1)
                    lock.unlock()
                }
            }
        }
        #expect(result.failure?.kind == .dataRace)
    }

    @Test("two locks in two orders are a deadlock")
    func opposite() {
        // Wrong: whoever waits for a lock hides that nobody can go on.
        let result = explore(.exhaustive) { model in
            let locks = [StandInLock(), StandInLock()]
            for first in 0..<2 {
                model.thread("\(first)") {
                    locks[first].lock()
                    locks[1 - first].lock()
                    locks[1 - first].unlock()
                    locks[first].unlock()
                }
            }
        }
        #expect(result.failure?.kind == .deadlock)
        #expect(result.failure?.message.contains("waits for a lock") == true)
    }

    @Test("a lock that is not given back is a deadlock", arguments: [true, false])
    func kept(byThread: Bool) {
        // Wrong: it is given to the next one, or the caller at the end waits for ever.
        let result = explore { model in
            let lock = StandInLock()
            model.thread { lock.lock() }
            if byThread { model.thread { lock.lock() } }
            model.finally { lock.lock() }
        }
        #expect(result.failure?.kind == .deadlock)
    }

    @Test("random programs with locks have the outcomes that brute force finds")
    func randomPrograms() {
        // Wrong: the reduction leaves out an order of those who take a lock.
        var heldUp = 0
        for seed in 0..<(isOptimized ? 400 as UInt64 : 30) {
            let program = RandomLockProgram(seed: seed)
            let (expected, all) = program.outcomes(.bounded(preemptionMax: 1_000))
            let (found, reduced) = program.outcomes(.exhaustive)
            #expect(found == expected, "seed \(seed): \(program)")
            #expect(all.isExhaustive && reduced.isExhaustive, "\(all) \(reduced)")
            if found.count > 1 { heldUp += 1 }
            if found != expected { return }
        }
        #expect(heldUp > 10, "the programs have one outcome each")
    }
}
