// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import MemoryReclamation
import ModelChecking

/// An object that is retired and reclaimed: a node, a content that is watched, and the memory of
/// both, which is watched too.
@safe
struct WatchedObject {
    let address: UnsafeMutableRawPointer

    /// Makes one.
    init(_ content: Int) {
        let block = SharedBlock(byteCount: CacheLine.byteCount)
        unsafe address = block.base  // SAFETY: the block keeps itself, until `end`.
        unsafe address.initializeMemory(as: RetiredNode.self, to: RetiredNode(reclaim: Self.end))
        unsafe self.content.initialize(to: content)  // SAFETY: fresh memory.
        unsafe Self.home(address).initialize(to: block)  // SAFETY: as above.
    }

    /// The one at an address.
    init(at address: UnsafeMutableRawPointer) {
        unsafe self.address = address  // SAFETY: the caller got it from a source.
    }

    /// What a reader reads.
    func read() -> Int {
        unsafe content.load()  // SAFETY: the model says if it is wrong.
    }

    var node: UnsafeMutablePointer<RetiredNode> {
        unsafe address.assumingMemoryBound(to: RetiredNode.self)  // SAFETY: its first part.
    }

    private var content: SharedCell<Int> {
        // SAFETY: apart from the other parts.
        unsafe SharedCell((address + 40).assumingMemoryBound(to: Int.self))
    }

    private static func home(
        _ address: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<SharedBlock> {
        unsafe (address + 64).assumingMemoryBound(to: SharedBlock.self)  // SAFETY: as above.
    }

    private static let end: @convention(c) (UnsafeMutableRawPointer) -> Void = { address in
        let object = unsafe WatchedObject(at: address)  // SAFETY: `init` made it.
        _ = unsafe object.content.move()  // SAFETY: the model says if it is too early.
        _ = unsafe home(address).move()  // SAFETY: as above.
    }
}

/// A word that names an object.
@safe
final class WatchedSource {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)

    var word: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>> {
        // SAFETY: in the block.
        unsafe block.pointer(at: 0, to: Atomic<UnsafeMutableRawPointer?>.self)
    }

    init(_ first: WatchedObject) {
        unsafe word.initialize(to: Atomic(first.address))  // SAFETY: fresh memory.
    }

    /// Puts another object in, and answers the one before.
    func swap(_ object: WatchedObject?) -> WatchedObject? {
        // SAFETY: in the block.
        let old = unsafe word.pointee.exchange(object?.address, ordering: .sequentiallyConsistent)
        return unsafe old.map { unsafe WatchedObject(at: $0) }  // SAFETY: put in as one.
    }

    /// The object just now.
    func load() -> WatchedObject? {
        // SAFETY: in the block.
        unsafe word.pointee.load(ordering: .acquiring).map { unsafe WatchedObject(at: $0) }
    }
}

/// A point in a program that others wait for. Relaxed: it orders nothing but the model's steps.
private final class Milestone {
    private let isSet = Atomic(false)

    func set() {
        isSet.store(true, ordering: .relaxed)
    }

    func wait(in model: Model) {
        while !isSet.load(ordering: .relaxed) { model.yield() }
    }
}

/// Programs with the domains.
enum ReclamationPrograms {
    /// Readers that look at an object so often, and writers that replace it so often.
    static func hazards(
        reads: [Int], writes: [Int], slotCount: Int = 4, scanThreshold: Int = 1,
        oneGuard: Bool = false, clears: Bool = false, collectors: Int = 0
    ) -> (Model) -> Void {
        { model in
            let domain = HazardDomain(slotCount: slotCount, scanThreshold: scanThreshold)
            let source = WatchedSource(WatchedObject(1))
            func look(_ hazard: inout HazardGuard) {
                // SAFETY: the source lives.
                guard let address = unsafe hazard.protect(source.word) else { return }
                // SAFETY: protected.
                model.check(unsafe WatchedObject(at: address).read() >= 1)
                if clears { hazard.clear() }
            }
            for count in reads {
                model.thread("reader") {
                    if oneGuard {
                        domain.withGuard { hazard in for _ in 0..<count { look(&hazard) } }
                    } else {
                        for _ in 0..<count { domain.withGuard { look(&$0) } }
                    }
                }
            }
            for count in writes {
                model.thread("writer") {
                    for turn in 0..<count {
                        guard let old = source.swap(WatchedObject(turn + 2)) else { continue }
                        unsafe domain.retire(old.node)  // SAFETY: taken out just now.
                        model.check(domain.heldCount <= domain.heldCountMax, "above the bound")
                    }
                }
            }
            for _ in 0..<collectors { model.thread("collector") { domain.collect() } }
            model.finally {
                // SAFETY: taken out just now.
                if let last = source.swap(nil) { unsafe domain.retire(last.node) }
                domain.collect()
                model.check(domain.heldCount == 0, "something is kept for nobody")
            }
        }
    }

    /// Readers that pin and look so often, writers that pin and replace so often, and threads that
    /// collect.
    static func epochs(
        reads: [Int], writes: [Int], collectors: Int = 0, slotCount: Int = 4,
        collectsAfter: Bool = false
    ) -> (Model) -> Void {
        { model in
            let domain = EpochDomain(slotCount: slotCount, heldPerSlotMax: 8)
            let source = WatchedSource(WatchedObject(1))
            for count in reads {
                model.thread("reader") {
                    for _ in 0..<count {
                        domain.withPin { _ in
                            if let found = source.load() { model.check(found.read() >= 1) }
                        }
                    }
                }
            }
            for count in writes {
                model.thread("writer") {
                    for turn in 0..<count {
                        domain.withPin { pin in
                            guard let old = source.swap(WatchedObject(turn + 2)) else { return }
                            let isTaken = unsafe pin.retire(old.node)  // SAFETY: taken out.
                            model.check(isTaken, "there was room")
                        }
                    }
                    if collectsAfter { domain.collect() }
                }
            }
            for _ in 0..<collectors { model.thread("collector") { domain.collect() } }
            model.finally { finish(model, domain, source) }
        }
    }

    /// Retires the last object and sees that nothing is kept.
    private static func finish(
        _ model: Model, _ domain: borrowing EpochDomain, _ source: WatchedSource
    ) {
        domain.withPin { pin in
            guard let last = source.swap(nil) else { return }
            let isTaken = unsafe pin.retire(last.node)  // SAFETY: taken out.
            model.check(isTaken)
        }
        domain.collect()
        model.check(domain.heldCount == 0, "something is kept for nobody")
    }

    /// A writer that is pinned while the epoch moves on, a reader of the new epoch that finds what
    /// the writer then takes out, and a second pin of either: of the reader, which must not find
    /// it any more, or of the writer, which reclaims it. The order of the first steps is given.
    static func overtaken(readerPinsAgain: Bool) -> (Model) -> Void {
        { model in
            let domain = EpochDomain(slotCount: 4, heldPerSlotMax: 8)
            let source = WatchedSource(WatchedObject(1))
            let isReached = (0..<7).map { _ in Milestone() }
            func replace(_ pin: borrowing EpochPin) {
                guard let old = source.swap(WatchedObject(2)) else { return }
                let isTaken = unsafe pin.retire(old.node)  // SAFETY: taken out.
                model.check(isTaken, "there was room")
            }
            model.thread("writer") {
                domain.withPin { pin in
                    isReached[1].set()
                    isReached[3].wait(in: model)
                    replace(pin)
                }
                isReached[4].set()
                if readerPinsAgain { return }
                isReached[5].wait(in: model)
                domain.withPin { pin in
                    isReached[6].set()
                    replace(pin)
                }
            }
            model.thread("reader") {
                isReached[2].wait(in: model)
                domain.withPin { _ in
                    let found = source.load()
                    isReached[3].set()
                    isReached[5].wait(in: model)
                    if let found { model.check(found.read() >= 1) }
                }
                guard readerPinsAgain else { return }
                domain.withPin { _ in
                    if let found = source.load() { model.check(found.read() >= 1) }
                }
            }
            model.thread("mover") {
                isReached[1].wait(in: model)
                domain.table.tryMove()
                isReached[2].set()
                isReached[4].wait(in: model)
                domain.table.tryMove()
                isReached[5].set()
                if readerPinsAgain {
                    domain.collect()
                } else {
                    isReached[6].wait(in: model)
                    domain.table.tryMove()
                }
            }
            model.finally { finish(model, domain, source) }
        }
    }
}
