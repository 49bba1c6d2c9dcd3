// SPDX-License-Identifier: MIT

package import BenchSupport

/// All benches, in the order in which they run.
package enum BenchCatalog {
    package static var all: [any Bench] {
        [
            EchoBench(), ClientBench(), MemoryBench(), FairnessBench(), LoopsBench(),
            SuspensionBench(), WakeupsBench(), TransferBench(), ParseBench(), CurvesBench(),
            HTTPBench(), TLSBench(),
        ] + primitives
    }

    /// Those of the primitives alone, which go by this name together.
    package static let primitivesName = "primitives"
    package static var primitives: [any Bench] {
        [
            QueuesBench(), StealingBench(), ChannelsBench(), PoolsBench(), TimersBench(),
            WaitsBench(),
        ]
    }

    /// The benches that a filter of the command line may choose from, and what is left of it.
    package static func chosen(by filter: String?) -> (benches: [any Bench], filter: String?) {
        filter == primitivesName ? (primitives, nil) : (all, filter)
    }
}
