// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import MemoryReclamation
internal import StressSupport

let reclamationScenarios: [Scenario] = [
    Scenario(
        name: "hazard-replace", room: "MemoryReclamation", threads: 4,
        summary: "2 replace and retire objects, 2 read them, all collect now and then",
        run: { hazardScenario($0, slotCount: 8, scanThreshold: 8) }),
    Scenario(
        name: "hazard-few-slots", room: "MemoryReclamation", threads: 4,
        summary: "the same with two slots, each object scanned for at once",
        run: { hazardScenario($0, slotCount: 2, scanThreshold: 1) }),
    Scenario(
        name: "epoch-replace", room: "MemoryReclamation", threads: 4,
        summary: "2 replace and retire objects inside pins, 2 read them, all collect",
        run: { epochScenario($0, slotCount: 8, heldPerSlotMax: 64) }),
    Scenario(
        name: "epoch-few-slots", room: "MemoryReclamation", threads: 4,
        summary: "the same with two slots that keep two objects each",
        run: { epochScenario($0, slotCount: 2, heldPerSlotMax: 2) }),
]

/// An object on the heap that begins with its node; its words end with it.
@safe
private struct Page {
    let node: UnsafeMutablePointer<RetiredNode>

    init(_ number: UInt64, _ census: ParcelCensus) {
        let start = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
        // SAFETY: fresh memory, the node first.
        unsafe node = start.initializeMemory(
            as: RetiredNode.self, to: RetiredNode(reclaim: Page.end))
        // SAFETY: behind the node; the census outlives all pages.
        unsafe (start + 32).initializeMemory(
            as: Unmanaged<ParcelCensus>.self, to: Unmanaged.passUnretained(census))
        unsafe words.initialize(repeating: 0, count: 2)  // SAFETY: behind that.
        unsafe words[0] = number  // SAFETY: in bounds.
        unsafe words[1] = ~number  // SAFETY: in bounds.
        census.born.add(1, ordering: .relaxed)
    }

    init(at address: UnsafeMutableRawPointer) {
        // SAFETY: a page was made there.
        unsafe node = address.assumingMemoryBound(to: RetiredNode.self)
    }

    /// Whether the contents are what its maker wrote.
    var isWhole: Bool { unsafe words[0] == ~words[1] }  // SAFETY: protected by the caller.

    private var words: UnsafeMutablePointer<UInt64> {
        // SAFETY: see `init`.
        unsafe (UnsafeMutableRawPointer(node) + 40).assumingMemoryBound(to: UInt64.self)
    }

    private static let end: @convention(c) (UnsafeMutableRawPointer) -> Void = { address in
        let page = unsafe Page(at: address)  // SAFETY: `init` made it.
        unsafe page.words[1] = 0  // SAFETY: in bounds; a late reader meets it.
        unsafe page.words[0] = 0  // SAFETY: as above.
        // SAFETY: see `init`.
        let census = unsafe (address + 32).assumingMemoryBound(
            to: Unmanaged<ParcelCensus>.self
        ).pointee
        // SAFETY: the census outlives all pages.
        unsafe census.takeUnretainedValue().died.add(1, ordering: .relaxed)
        unsafe address.deallocate()  // SAFETY: allocated in `init`, ended once.
    }
}

/// A word that names the current page.
@safe
private final class Bookmark: @unchecked Sendable {
    let word: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    init(_ first: Page) {
        unsafe word = .allocate(capacity: 1)  // SAFETY: initialized next.
        unsafe word.initialize(to: Atomic(first.node))  // SAFETY: fresh memory.
    }

    deinit {
        unsafe word.deinitialize(count: 1)  // SAFETY: made in `init`.
        unsafe word.deallocate()  // SAFETY: as above.
    }

    func swap(_ page: Page?) -> Page? {
        // SAFETY: an address alone.
        let address = unsafe page.map { unsafe UnsafeMutableRawPointer($0.node) }
        // SAFETY: the word lives as long as this.
        let old = unsafe word.pointee.exchange(address, ordering: .sequentiallyConsistent)
        return unsafe old.map { unsafe Page(at: $0) }  // SAFETY: put in as one.
    }

    func load() -> Page? {
        // SAFETY: the word lives as long as this.
        unsafe word.pointee.load(ordering: .acquiring).map { unsafe Page(at: $0) }
    }
}

private func hazardScenario(
    _ context: StressContext, slotCount: Int, scanThreshold: Int
) -> UInt64 {
    let census = ParcelCensus()
    let operations = Shared(Atomic<UInt64>(0))
    do {
        let domain = Shared(HazardDomain(slotCount: slotCount, scanThreshold: scanThreshold))
        let bookmark = Bookmark(Page(0, census))
        ThreadTeam.run(count: 4) { thread in
            var turn: UInt64 = 0
            while !context.isOver {
                turn += 1
                if thread < 2 {
                    if let old = bookmark.swap(Page(turn, census)) {
                        unsafe domain.value.retire(old.node)  // SAFETY: taken out just now.
                    }
                } else {
                    domain.value.withGuard { hazard in
                        // SAFETY: the word outlives the call.
                        guard let found = unsafe hazard.protect(bookmark.word) else { return }
                        let isWhole = unsafe Page(at: found).isWhole  // SAFETY: protected.
                        context.check(isWhole, "a page ended while it was protected")
                    }
                }
                if turn % 64 == 0 { domain.value.collect() }
                let held = domain.value.heldCount
                context.check(held <= domain.value.heldCountMax, "\(held) pages are held back")
            }
            operations.value.add(turn, ordering: .relaxed)
        }
        // SAFETY: taken out just now.
        if let last = bookmark.swap(nil) { unsafe domain.value.retire(last.node) }
    }
    context.check(census.alive == 0, "\(census.alive) pages are left")
    return operations.value.load(ordering: .relaxed)
}

private func epochScenario(
    _ context: StressContext, slotCount: Int, heldPerSlotMax: Int
) -> UInt64 {
    let census = ParcelCensus()
    let operations = Shared(Atomic<UInt64>(0))
    do {
        let domain = Shared(EpochDomain(slotCount: slotCount, heldPerSlotMax: heldPerSlotMax))
        let bookmark = Bookmark(Page(0, census))
        ThreadTeam.run(count: 4) { thread in
            var turn: UInt64 = 0
            while !context.isOver {
                turn += 1
                domain.value.withPin { pin in
                    if thread >= 2 {
                        guard let found = bookmark.load() else { return }
                        context.check(found.isWhole, "a page ended under a pin")
                    } else if pin.makeRoom(), let old = bookmark.swap(Page(turn, census)) {
                        let isTaken = unsafe pin.retire(old.node)  // SAFETY: taken out.
                        context.check(isTaken, "there was room")
                    }
                }
                if turn % 64 == 0 { domain.value.collect() }
                let held = domain.value.heldCount
                context.check(held <= slotCount * heldPerSlotMax, "\(held) pages are held back")
            }
            operations.value.add(turn, ordering: .relaxed)
        }
        domain.value.collect()
        domain.value.withPin { pin in
            guard let last = bookmark.swap(nil) else { return }
            let isTaken = unsafe pin.retire(last.node)  // SAFETY: taken out.
            context.check(isTaken, "a domain that was emptied has no room")
        }
    }
    context.check(census.alive == 0, "\(census.alive) pages are left")
    return operations.value.load(ordering: .relaxed)
}
