// SPDX-License-Identifier: MIT

import EventLoops

let loop = try EventLoop(choice: .automatic)
let pointer = Unmanaged.passUnretained(loop).toOpaque()
loop.post(
    LoopJob(context: pointer) { context in
        Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue().stop()
    })
try loop.run()
print("EventLoops: \(loop.statistics.turns) turns, \(loop.selection)")
