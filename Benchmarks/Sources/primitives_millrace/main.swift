// SPDX-License-Identifier: MIT

internal import Glibc
internal import WorkSupport

// Primitives of Millrace, used from another module: one thing over and over.

let works =
    PoolWorks.all + TimerWorks.all + SignalWorks.all + OneshotWorks.all + StealingWorks.all
    + ChannelWorks.all
exit(WorkTable(works).run())
