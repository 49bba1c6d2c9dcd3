// SPDX-License-Identifier: MIT

import ModelChecking

/// A litmus test of which GenMC has published how many execution graphs it has under RC11, with the
/// modification order as part of a graph.
///
/// The names are GenMC's. The programs are ours: a shape (which thread accesses what, how, in which
/// order) is taken over, nothing else. `miri` says that the number is from the output of GenMC in
/// the tests of Miri, `genmc` that it is from GenMC's own tests.
struct GenMCShape: Sendable, CustomStringConvertible {
    var name: String
    var graphCount: Int
    var source: Source
    /// Sets the threads up; `block` says that a thread waits for what never comes: such executions
    /// are not complete, and GenMC does not count them.
    var program: @Sendable (Model, Shared, @escaping () -> Void) -> Void

    enum Source { case miri, genmc }

    var description: String { name }

    /// The atomics of a shape.
    final class Shared {
        let x = Atomic(0)
        let y = Atomic(0)
        let z = Atomic(0)
        let w = Atomic(0)
    }

    init(
        _ name: String, _ graphCount: Int, _ source: Source = .miri,
        _ program: @escaping @Sendable (Model, Shared, @escaping () -> Void) -> Void
    ) {
        self.name = name
        self.graphCount = graphCount
        self.source = source
        self.program = program
    }

    static var all: [GenMCShape] {
        oneLocation + updates + releases + ordered + dependent + waiting + families
    }

    /// Coherence: one location, or plain loads and stores of two.
    private static var oneLocation: [GenMCShape] {
        [
            GenMCShape("2CoWR", 4) { model, shared, _ in
                model.thread { _ = shared.y.load(ordering: .acquiring) }
                model.thread { _ = shared.x.load(ordering: .acquiring) }
                model.thread { shared.x.store(1, ordering: .releasing) }
                model.thread { shared.y.store(1, ordering: .releasing) }
            },
            GenMCShape("CoRR1", 36) { model, shared, _ in
                model.thread { shared.x.store(1, ordering: .releasing) }
                model.thread { shared.x.store(2, ordering: .releasing) }
                model.thread {
                    _ = shared.x.load(ordering: .acquiring)
                    _ = shared.x.load(ordering: .acquiring)
                }
                model.thread { _ = shared.x.load(ordering: .acquiring) }
            },
            GenMCShape("CoRR2", 72) { model, shared, _ in
                model.thread { shared.x.store(1, ordering: .releasing) }
                model.thread { shared.x.store(2, ordering: .releasing) }
                for _ in 0..<2 {
                    model.thread {
                        _ = shared.x.load(ordering: .acquiring)
                        _ = shared.x.load(ordering: .acquiring)
                    }
                }
            },
            GenMCShape("default", 12) { model, shared, _ in
                model.thread {
                    _ = shared.x.load(ordering: .acquiring)
                    _ = shared.x.load(ordering: .acquiring)
                }
                model.thread { shared.x.store(1, ordering: .releasing) }
                model.thread { shared.x.store(2, ordering: .releasing) }
            },
            GenMCShape("fr+w+w+w+reads", 210) { model, shared, _ in
                for value in 1...3 {
                    model.thread { shared.x.store(value, ordering: .relaxed) }
                }
                model.thread {
                    for _ in 0..<4 { _ = shared.x.load(ordering: .relaxed) }
                }
            },
            GenMCShape("LB", 3) { model, shared, _ in
                model.thread {
                    _ = shared.y.load(ordering: .acquiring)
                    shared.x.store(2, ordering: .releasing)
                }
                model.thread {
                    _ = shared.x.load(ordering: .acquiring)
                    shared.y.store(1, ordering: .releasing)
                }
            },
        ]
    }

    /// Read-modify-writes.
    private static var updates: [GenMCShape] {
        [
            GenMCShape("LB+incMPs", 15) { model, shared, _ in
                model.thread {
                    _ = shared.x.load(ordering: .acquiring)
                    shared.z.wrappingAdd(1, ordering: .acquiringAndReleasing)
                }
                model.thread {
                    shared.z.wrappingAdd(1, ordering: .acquiringAndReleasing)
                    shared.y.store(1, ordering: .releasing)
                }
                model.thread {
                    _ = shared.y.load(ordering: .acquiring)
                    shared.w.wrappingAdd(1, ordering: .acquiringAndReleasing)
                }
                model.thread {
                    shared.w.wrappingAdd(1, ordering: .acquiringAndReleasing)
                    shared.x.store(1, ordering: .releasing)
                }
            },
            GenMCShape("cii", 6) { model, shared, _ in
                model.thread {
                    _ = shared.x.compareExchange(expected: 1, desired: 2, ordering: .relaxed)
                }
                for _ in 0..<2 {
                    model.thread { shared.x.wrappingAdd(1, ordering: .relaxed) }
                }
            },
            GenMCShape("inc+inc+RR+W+RR", 600) { model, shared, _ in
                for _ in 0..<2 {
                    model.thread { shared.x.wrappingAdd(1, ordering: .relaxed) }
                    model.thread {
                        _ = shared.x.load(ordering: .relaxed)
                        _ = shared.x.load(ordering: .relaxed)
                    }
                }
                model.thread { shared.x.store(42, ordering: .relaxed) }
            },
            GenMCShape("viktor-relseq", 180) { model, shared, _ in
                model.thread {
                    shared.x.wrappingAdd(1, ordering: .acquiring)
                    shared.x.wrappingAdd(1, ordering: .relaxed)
                }
                model.thread {
                    shared.x.wrappingAdd(1, ordering: .relaxed)
                    shared.x.wrappingAdd(1, ordering: .relaxed)
                }
                model.thread { shared.x.wrappingAdd(1, ordering: .releasing) }
                model.thread { shared.x.wrappingAdd(1, ordering: .relaxed) }
            },
        ]
    }

    /// Release sequences.
    private static var releases: [GenMCShape] {
        [
            GenMCShape("MPU+rels+acq", 13) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .relaxed)
                    shared.y.store(0, ordering: .releasing)
                    shared.y.store(1, ordering: .relaxed)
                }
                model.thread { shared.y.wrappingAdd(1, ordering: .relaxed) }
                model.thread {
                    if shared.y.load(ordering: .acquiring) > 1 {
                        shared.x.store(2, ordering: .relaxed)
                    }
                }
            },
            GenMCShape("MPU2+rels+acqf", 36) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .relaxed)
                    shared.y.store(0, ordering: .releasing)
                    shared.y.store(1, ordering: .relaxed)
                }
                model.thread {
                    _ = shared.y.compareExchange(expected: 2, desired: 3, ordering: .relaxed)
                }
                model.thread {
                    _ = shared.y.compareExchange(expected: 1, desired: 2, ordering: .relaxed)
                }
                model.thread {
                    if shared.y.load(ordering: .acquiring) > 2 {
                        ModelChecking.atomicMemoryFence(ordering: .acquiring)
                        shared.x.store(2, ordering: .relaxed)
                    }
                }
            },
        ]
    }

    /// Sequentially consistent accesses and fences.
    private static var ordered: [GenMCShape] {
        [
            GenMCShape("Z6.U", 22) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .sequentiallyConsistent)
                    shared.y.store(1, ordering: .releasing)
                }
                model.thread {
                    shared.y.wrappingAdd(1, ordering: .sequentiallyConsistent)
                    _ = shared.y.load(ordering: .relaxed)
                }
                model.thread {
                    shared.y.store(3, ordering: .sequentiallyConsistent)
                    _ = shared.x.load(ordering: .sequentiallyConsistent)
                }
            },
            GenMCShape("Z6+acq", 7) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                    shared.y.store(1, ordering: .relaxed)
                }
                model.thread {
                    _ = shared.y.load(ordering: .acquiring)
                    shared.z.store(1, ordering: .relaxed)
                }
                model.thread {
                    shared.z.store(2, ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                    _ = shared.x.load(ordering: .relaxed)
                }
            },
            GenMCShape("2+2W+3sc+rel1", 4) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .sequentiallyConsistent)
                    shared.y.store(2, ordering: .sequentiallyConsistent)
                }
                model.thread {
                    shared.y.store(1, ordering: .releasing)
                    shared.x.store(2, ordering: .sequentiallyConsistent)
                }
            },
            GenMCShape("2+2W+scfs", 3) { model, shared, _ in
                model.thread {
                    shared.x.store(1, ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                    shared.y.store(2, ordering: .relaxed)
                }
                model.thread {
                    shared.y.store(1, ordering: .relaxed)
                    ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                    shared.x.store(2, ordering: .relaxed)
                }
            },
        ]
    }

    /// The one that we count differently: a thread that has seen by acquiring what a sequentially
    /// consistent store wrote is behind that store in the common order for us, because that order
    /// is the order of execution; for RC11 it is not, if nothing came before the store.
    static var differing: GenMCShape {
        GenMCShape("IRIW-acq-sc", 16) { model, shared, _ in
            model.thread { shared.x.store(1, ordering: .sequentiallyConsistent) }
            model.thread {
                _ = shared.x.load(ordering: .acquiring)
                _ = shared.y.load(ordering: .sequentiallyConsistent)
            }
            model.thread {
                _ = shared.y.load(ordering: .acquiring)
                _ = shared.x.load(ordering: .sequentiallyConsistent)
            }
            model.thread { shared.y.store(1, ordering: .sequentiallyConsistent) }
        }
    }
}
