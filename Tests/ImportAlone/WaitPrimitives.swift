// SPDX-License-Identifier: MIT

import WaitPrimitives

let oneshot = Oneshot<String>()
let refused = oneshot.set("hello")
let received = oneshot.tryReceive()
print("WaitPrimitives: \(received ?? "nothing"), refused: \(refused != nil)")
