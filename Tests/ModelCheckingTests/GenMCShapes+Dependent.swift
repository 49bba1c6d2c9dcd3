// SPDX-License-Identifier: MIT

import ModelChecking

extension GenMCShape {
    /// Values that go from a load to a store.
    static var dependent: [GenMCShape] {
        [
            GenMCShape("IRIWish", 28) { model, shared, _ in
                model.thread { shared.x.store(1, ordering: .relaxed) }
                model.thread {
                    let value = shared.x.load(ordering: .relaxed)
                    shared.y.store(value, ordering: .releasing)
                }
                model.thread {
                    _ = shared.x.load(ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .acquiringAndReleasing)
                    _ = shared.y.load(ordering: .relaxed)
                }
                model.thread {
                    _ = shared.y.load(ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .acquiringAndReleasing)
                    _ = shared.x.load(ordering: .relaxed)
                }
            },
            GenMCShape("cumul-release", 8) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .relaxed)
                    shared.y.store(1, ordering: .releasing)
                }
                model.thread {
                    let value = shared.y.load(ordering: .relaxed)
                    shared.z.store(value, ordering: .relaxed)
                }
                model.thread {
                    _ = shared.z.load(ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .acquiringAndReleasing)
                    _ = shared.x.load(ordering: .relaxed)
                }
            },
            GenMCShape("detour", 9) { model, shared, _ in
                model.thread { shared.x.store(1, ordering: .relaxed) }
                model.thread {
                    let first = shared.z.load(ordering: .relaxed)
                    shared.x.store(first - 1, ordering: .relaxed)
                    let second = shared.x.load(ordering: .relaxed)
                    shared.y.store(second, ordering: .relaxed)
                }
                model.thread {
                    let value = shared.y.load(ordering: .relaxed)
                    shared.z.store(value, ordering: .relaxed)
                }
            },
        ]
    }

    /// What a compare-exchange expects comes from a load; threads that wait in vain.
    static var waiting: [GenMCShape] {
        [
            GenMCShape("casdep", 2) { model, shared, _ in
                model.thread {
                    let value = shared.x.load(ordering: .relaxed)
                    _ = shared.y.compareExchange(expected: value, desired: 1, ordering: .relaxed)
                    shared.z.store(value, ordering: .relaxed)
                }
                model.thread { shared.y.store(2, ordering: .relaxed) }
            },
            GenMCShape("assume-ctrl", 4) { model, shared, block in
                model.thread {
                    let isFree =
                        shared.y.load(ordering: .relaxed) < 2
                        || shared.y.load(ordering: .relaxed) > 3
                    if !isFree { return block() }
                    shared.x.store(1, ordering: .relaxed)
                }
                model.thread {
                    if shared.x.load(ordering: .relaxed) >= 3 { return block() }
                    shared.y.store(3, ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                    shared.y.store(4, ordering: .relaxed)
                }
            },
        ]
    }

    /// Shapes with a number of threads as their parameter.
    static var families: [GenMCShape] {
        zip(2...4, [4, 36, 576]).map(rw) + zip(2...3, [22, 300]).map(wrw)
            + zip(1...3, [16, 144, 2304]).map(coa) + zip(2...5, [2, 6, 24, 120]).map(ainc)
    }

    private static func rw(_ threadCount: Int, _ graphCount: Int) -> GenMCShape {
        GenMCShape("rw(\(threadCount))", graphCount, .genmc) { model, shared, _ in
            for number in 0..<threadCount {
                model.thread {
                    _ = shared.x.load(ordering: .relaxed)
                    shared.x.store(number, ordering: .releasing)
                }
            }
        }
    }

    /// One location, for which the number under sequential consistency, which is the published one,
    /// is that under RC11 too.
    private static func wrw(_ threadCount: Int, _ graphCount: Int) -> GenMCShape {
        GenMCShape("wrw(\(threadCount))", graphCount, .genmc) { model, shared, _ in
            model.thread { shared.x.store(1, ordering: .releasing) }
            for number in 0..<threadCount {
                model.thread {
                    _ = shared.x.load(ordering: .relaxed)
                    shared.x.store(number, ordering: .releasing)
                }
            }
        }
    }

    private static func coa(_ writerCount: Int, _ graphCount: Int) -> GenMCShape {
        GenMCShape("CoA(\(writerCount))", graphCount, .genmc) { model, shared, _ in
            model.thread {
                shared.x.store(1, ordering: .releasing)
                _ = shared.y.load(ordering: .acquiring)
                _ = shared.x.load(ordering: .acquiring)
            }
            model.thread {
                shared.x.store(2, ordering: .releasing)
                _ = shared.z.load(ordering: .acquiring)
                _ = shared.x.load(ordering: .acquiring)
            }
            for number in 0..<writerCount {
                model.thread {
                    shared.y.store(number, ordering: .releasing)
                    shared.z.store(number, ordering: .releasing)
                }
            }
        }
    }

    private static func ainc(_ threadCount: Int, _ graphCount: Int) -> GenMCShape {
        GenMCShape("ainc(\(threadCount))", graphCount, .genmc) { model, shared, _ in
            for _ in 0..<threadCount {
                model.thread { shared.x.wrappingAdd(1, ordering: .releasing) }
            }
        }
    }
}
