// SPDX-License-Identifier: MIT

import StressSupport

let ledger = LifetimeLedger()
ThreadTeam.run(count: 2) { index in _ = ledger.makeTracked(UInt64(index)) }
precondition(ledger.aliveCount == 0)
print("StressSupport: \(ledger.bornCount) values born on two threads, none left")
