// SPDX-License-Identifier: MIT

import DrainAllocators

let allocator = DrainAllocator(byteCountMax: 1 << 20)
let memory = allocator.allocate(byteCount: 100)
print("DrainAllocators: \(allocator.outstanding.byteCount) bytes out")
if let base = memory?.baseAddress { allocator.deallocate(base) }
print("DrainAllocators: \(allocator.outstanding.blockCount) blocks left")
