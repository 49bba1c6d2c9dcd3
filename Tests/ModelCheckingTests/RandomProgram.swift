// SPDX-License-Identifier: MIT

@testable import ModelChecking

/// A small program made by chance: a few threads with a few accesses each.
struct RandomProgram {
    enum Access {
        case load(Int, AtomicLoadOrdering)
        case store(Int, Int, AtomicStoreOrdering)
        case exchange(Int, Int, AtomicUpdateOrdering)
        case add(Int, AtomicUpdateOrdering)
        case compareExchange(Int, Int, Int, AtomicUpdateOrdering, AtomicLoadOrdering)
        case fence(AtomicUpdateOrdering)
    }

    var threads: [[Access]]

    init(threads: [[Access]]) { self.threads = threads }

    /// A program of a seed: two or three threads, at most `accessMax` accesses in all.
    init(seed: UInt64, accessMax: Int = 6) {
        var random = SplitMix64(seed: seed)
        let threadCount = 2 + random.index(below: 2)
        let locationCount = 1 + random.index(below: 2)
        var left = accessMax
        threads = (0..<threadCount).map { thread in
            let most = min(max(3, accessMax / 2), left - (threadCount - 1 - thread))
            let count = 1 + random.index(below: most)
            left -= count
            return (0..<count).map { _ in Self.access(&random, locationCount) }
        }
    }

    static func access(_ random: inout SplitMix64, _ locationCount: Int) -> Access {
        let location = random.index(below: locationCount)
        let value = 1 + random.index(below: 2)
        let update = [
            AtomicUpdateOrdering.relaxed, .acquiring, .releasing, .acquiringAndReleasing,
            .sequentiallyConsistent,
        ][random.index(below: 5)]
        let load = [AtomicLoadOrdering.relaxed, .acquiring, .sequentiallyConsistent][
            random.index(below: 3)]
        let store = [AtomicStoreOrdering.relaxed, .releasing, .sequentiallyConsistent][
            random.index(below: 3)]
        switch random.index(below: 10) {
        case 0...2: return .load(location, load)
        case 3...5: return .store(location, value, store)
        case 6: return .exchange(location, value, update)
        case 7: return .add(location, update)
        case 8: return .compareExchange(location, random.index(below: 3), value, update, load)
        default: return .fence(update)
        }
    }

    /// What all executions read, thread by thread, and what they left behind.
    func outcomes(
        _ strategy: ExplorationStrategy, observer: ((Execution) -> Void)? = nil
    ) -> (Set<[Int]>, Exploration) {
        var found: Set<[Int]> = []
        let execution = Execution(options: ModelOptions { $0.staleRepeatMax = 100 })
        var explorer = Explorer(strategy, execution)
        explorer.observer = observer
        let result = explorer.run { model in
            let words = Words()
            let registers = threads.map { Registers(count: $0.count) }
            for (number, accesses) in threads.enumerated() {
                model.thread {
                    for (index, access) in accesses.enumerated() {
                        registers[number][index] = Self.perform(
                            access, words, line: UInt32(100 * number + index))
                    }
                }
            }
            model.finally {
                let last = [
                    words.x.load(ordering: .relaxed), words.y.load(ordering: .relaxed),
                ]
                found.insert(registers.flatMap(\.values) + last)
            }
        }
        return (found, result)
    }

    static func perform(_ access: Access, _ words: Words, line: UInt32) -> Int {
        switch access {
        case .load(0, let order): return words.x.load(ordering: order, line: line)
        case .load(_, let order): return words.y.load(ordering: order, line: line)
        case .store(0, let value, let order):
            words.x.store(value, ordering: order, line: line)
        case .store(_, let value, let order):
            words.y.store(value, ordering: order, line: line)
        case .exchange(0, let value, let order):
            return words.x.exchange(value, ordering: order, line: line)
        case .exchange(_, let value, let order):
            return words.y.exchange(value, ordering: order, line: line)
        case .add(0, let order):
            return words.x.wrappingAdd(1, ordering: order, line: line).oldValue
        case .add(_, let order):
            return words.y.wrappingAdd(1, ordering: order, line: line).oldValue
        case .compareExchange(0, let expected, let desired, let order, let failure):
            return words.x.compareExchange(
                expected: expected, desired: desired, successOrdering: order,
                failureOrdering: failure, line: line
            ).original
        case .compareExchange(_, let expected, let desired, let order, let failure):
            return words.y.compareExchange(
                expected: expected, desired: desired, successOrdering: order,
                failureOrdering: failure, line: line
            ).original
        case .fence(let order):
            ModelChecking.atomicMemoryFence(ordering: order, line: line)
        }
        return -1
    }
}
