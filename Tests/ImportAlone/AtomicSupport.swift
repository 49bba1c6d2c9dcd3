// SPDX-License-Identifier: MIT

import AtomicSupport

let block = SharedBlock(byteCount: 64)
let backoff = Backoff()
print("AtomicSupport: a block of \(block.byteCount) bytes, tired: \(backoff.isExhausted)")
