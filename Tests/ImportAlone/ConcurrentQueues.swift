// SPDX-License-Identifier: MIT

import ConcurrentQueues

let queue = BoundedMPMCQueue<Int>(capacity: 4)
var accepted = 0
while queue.tryPush(accepted) == nil { accepted += 1 }
let first = queue.tryPop()
print("ConcurrentQueues: a queue of \(accepted), first \(first ?? -1)")
