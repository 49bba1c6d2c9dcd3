// SPDX-License-Identifier: MIT

@testable import ModelChecking

/// A small program made by chance, whose threads do some of what they do under locks.
struct RandomLockProgram {
    enum Part {
        case access(RandomProgram.Access)
        case lock(Int)
        case unlock(Int)
    }

    private(set) var threads: [[Part]]

    /// A program of a seed: two or three threads with one or two accesses under one lock or two,
    /// and now and then one beside them.
    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let threadCount = 2 + random.index(below: 2)
        let locationCount = 1 + random.index(below: 2)
        func access() -> Part { .access(RandomProgram.access(&random, locationCount)) }
        func section() -> [Part] {
            // Two locks always in one order: these programs have no deadlock.
            let locks = [[0], [0], [1], [0, 1]][random.index(below: 4)]
            let count = threadCount == 2 ? 1 + random.index(below: 2) : 1
            return locks.map(Part.lock) + (0..<count).map { _ in access() }
                + locks.reversed().map(Part.unlock)
        }
        threads = (0..<threadCount).map { _ in section() }
        if threadCount == 3 { return }
        for thread in threads.indices {
            if random.index(below: 3) == 0 { threads[thread].insert(access(), at: 0) }
            if random.index(below: 3) == 0 { threads[thread].append(access()) }
        }
        threads[0] += [.lock(0), access(), .unlock(0)]
    }

    /// What all executions read, thread by thread, in which order they had the locks, and what
    /// they left behind.
    func outcomes(_ strategy: ExplorationStrategy) -> (Set<[Int]>, Exploration) {
        var found: Set<[Int]> = []
        let options = ModelOptions { $0.staleRepeatMax = 100 }
        let result = explore(strategy, options: options) { model in
            let words = Words()
            let locks = [StandInLock(), StandInLock()]
            let orders = [Tally(), Tally()]
            let registers = threads.map { Registers(count: $0.count) }
            for (number, parts) in threads.enumerated() {
                model.thread {
                    for (index, part) in parts.enumerated() {
                        switch part {
                        case .lock(let lock):
                            locks[lock].lock()
                            orders[lock].values.append(number)
                        case .unlock(let lock):
                            locks[lock].unlock()
                        case .access(let access):
                            registers[number][index] = RandomProgram.perform(
                                access, words, line: UInt32(100 * number + index))
                        }
                    }
                }
            }
            model.finally {
                let last = [
                    words.x.load(ordering: .relaxed), words.y.load(ordering: .relaxed),
                ]
                found.insert(
                    registers.flatMap(\.values) + orders.flatMap { [-2] + $0.values } + last)
            }
        }
        return (found, result)
    }

    /// Who had a lock, in order. The threads are fibers of one: this needs no protection.
    private final class Tally {
        var values: [Int] = []
    }
}
