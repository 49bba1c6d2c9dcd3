// SPDX-License-Identifier: MIT

import AtomicSupport
import MemoryReclamation

/// An object that is retired by either kind of domain, and kept while somebody uses it.
func useMemoryReclamation() {
    let block = SharedBlock(byteCount: CacheLine.byteCount)
    // SAFETY: the block lives to the end of the function; the node lies apart from the source.
    let node = unsafe block.pointer(at: 64, to: RetiredNode.self)
    // SAFETY: as above.
    let source = unsafe block.pointer(at: 0, to: Atomic<UnsafeMutableRawPointer?>.self)
    // SAFETY: the word behind the node counts how often it was ended.
    unsafe node.initialize(
        to: RetiredNode(reclaim: { unsafe ($0 + 32).assumingMemoryBound(to: Int.self).pointee += 1 }
        ))
    unsafe source.initialize(to: Atomic(UnsafeMutableRawPointer(node)))  // SAFETY: as above.
    let ended = unsafe block.pointer(at: 96, to: Int.self)  // SAFETY: as above.

    let hazards = HazardDomain(slotCount: 2, scanThreshold: 1)
    hazards.withGuard { hazard in
        let found = unsafe hazard.protect(source) != nil  // SAFETY: the source lives.
        check(found, "MemoryReclamation: a source lost its object")
        // SAFETY: the word lives in the block; nothing names the node any more.
        unsafe source.pointee.store(nil, ordering: .sequentiallyConsistent)
        unsafe hazards.retire(node)  // SAFETY: as above.
        check(unsafe ended.pointee == 0, "MemoryReclamation: ended under a guard")  // SAFETY: so.
    }
    check(hazards.collect() == 1, "MemoryReclamation: a guard that ended protects")
    check(unsafe ended.pointee == 1, "MemoryReclamation: not ended once")  // SAFETY: in the block.

    let epochs = EpochDomain(slotCount: 2, heldPerSlotMax: 4)
    epochs.withPin { pin in
        let isTaken = unsafe pin.retire(node)  // SAFETY: in no structure, and in no domain.
        check(isTaken, "MemoryReclamation: an empty slot refused")
    }
    check(epochs.collect() == 1, "MemoryReclamation: three moves do not reclaim")
    check(unsafe ended.pointee == 2, "MemoryReclamation: not ended again")  // SAFETY: as above.
}
