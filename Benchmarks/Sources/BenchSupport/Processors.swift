// SPDX-License-Identifier: MIT

internal import CBenchSupport

/// Which CPU the contender runs on and which the load.
package struct Processors: Sendable {
    package let contender: Int
    package let load: Int

    /// The first two that this process may use; with a single one, both share it.
    package static func chosen() throws(BenchError) -> Processors {
        var list = [Int32](repeating: 0, count: 1024)
        // SAFETY: the callee writes at most as many numbers as there are.
        let count = unsafe bench_cpus(&list, Int32(list.count))
        guard count > 0 else { throw BenchError("cannot read the CPU affinity") }
        return Processors(contender: Int(list[0]), load: Int(list[count > 1 ? 1 : 0]))
    }

    /// Whether contender and load disturb each other.
    package var isShared: Bool { contender == load }

    /// How far the two are from each other now.
    package func distance() -> CacheDistance {
        CacheDistance(nanoseconds: bench_probe(Int32(contender), Int32(load)))
    }
}
