// SPDX-License-Identifier: MIT

import MemoryReclamation

let domain = HazardDomain(slotCount: 4)
let protects = domain.withGuard { _ in true }
let pins = EpochDomain(slotCount: 4).withPin { _ in true }
print("MemoryReclamation: guard \(protects), pin \(pins), held back: \(domain.heldCount)")
