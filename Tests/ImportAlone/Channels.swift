// SPDX-License-Identifier: MIT

import Channels

let channel = BoundedChannel<Int>(capacity: 4)
var accepted = 0
while channel.trySend(accepted) == nil { accepted += 1 }
channel.close()
let first = channel.tryReceive()
print("Channels: a channel of \(accepted), first \(first ?? -1)")
