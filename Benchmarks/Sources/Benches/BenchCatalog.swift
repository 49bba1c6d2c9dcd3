// SPDX-License-Identifier: MIT

package import BenchSupport

/// All benches, in the order in which they run.
package enum BenchCatalog {
    package static var all: [any Bench] {
        [
            EchoBench(), ClientBench(), MemoryBench(), FairnessBench(), LoopsBench(),
            SuspensionBench(), WakeupsBench(), TransferBench(), ParseBench(), CurvesBench(),
            HTTPBench(), TLSBench(), QueuesBench(), StealingBench(), ChannelsBench(),
            PoolsBench(), TimersBench(), WaitsBench(),
        ]
    }
}
