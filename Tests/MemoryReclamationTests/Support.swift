// SPDX-License-Identifier: MIT

import AtomicSupport
import MemoryReclamation
import StressSupport
import Testing

/// Names an object for a domain: a node, and a value that a ledger follows.
@safe
struct Leaf {
    let node: UnsafeMutablePointer<RetiredNode>

    @unsafe
    private struct Body: ~Copyable {
        var node: RetiredNode
        let tracked: Tracked
    }

    /// Makes one on the heap.
    init(_ payload: UInt64, _ ledger: LifetimeLedger) {
        let place = UnsafeMutablePointer<Body>.allocate(capacity: 1)
        // SAFETY: fresh memory; the node is the first member.
        unsafe place.initialize(
            to: Body(node: RetiredNode(reclaim: Leaf.end), tracked: ledger.makeTracked(payload)))
        // SAFETY: as above.
        unsafe node = UnsafeMutableRawPointer(place).assumingMemoryBound(to: RetiredNode.self)
    }

    /// The one at an address.
    init(at address: UnsafeMutableRawPointer) {
        // SAFETY: a leaf was made there.
        unsafe node = address.assumingMemoryBound(to: RetiredNode.self)
    }

    /// What it carries.
    var payload: UInt64 {
        // SAFETY: the caller protects it.
        unsafe UnsafeMutableRawPointer(node).assumingMemoryBound(to: Body.self).pointee
            .tracked.payload
    }

    /// Ends one that no domain has.
    func end() {
        unsafe Leaf.end(node)  // SAFETY: the caller owns it.
    }

    private static let end: @convention(c) (UnsafeMutableRawPointer) -> Void = { address in
        let place = unsafe address.assumingMemoryBound(to: Body.self)  // SAFETY: `init` made it.
        unsafe place.deinitialize(count: 1)  // SAFETY: nobody uses it any more.
        unsafe place.deallocate()  // SAFETY: as above.
    }
}

/// A word that names the current leaf.
@safe
final class Source: @unchecked Sendable {
    let word: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    init(_ first: Leaf?) {
        unsafe word = .allocate(capacity: 1)  // SAFETY: initialized next.
        // SAFETY: fresh memory.
        unsafe word.initialize(to: Atomic(first.map { unsafe UnsafeMutableRawPointer($0.node) }))
    }

    deinit {
        unsafe word.deinitialize(count: 1)  // SAFETY: made in `init`.
        unsafe word.deallocate()  // SAFETY: as above.
    }

    /// Puts another one in, and answers the one before.
    func swap(_ leaf: Leaf?) -> Leaf? {
        // SAFETY: the word is this object's.
        let old = unsafe word.pointee.exchange(
            leaf.map { unsafe UnsafeMutableRawPointer($0.node) }, ordering: .sequentiallyConsistent)
        return unsafe old.map { unsafe Leaf(at: $0) }  // SAFETY: put in as one.
    }

    /// The one just now.
    func load() -> Leaf? {
        // SAFETY: the word is this object's.
        unsafe word.pointee.load(ordering: .acquiring).map { unsafe Leaf(at: $0) }
    }
}

extension HazardDomain {
    /// Retires a leaf that the test has taken out.
    func retire(_ leaf: Leaf?) {
        if let leaf { unsafe retire(leaf.node) }  // SAFETY: the test keeps the rules.
    }
}

extension HazardGuard {
    /// Protects what a source names.
    mutating func protect(_ source: Source) -> Leaf? {
        // SAFETY: the source lives during the call.
        unsafe protect(source.word).map { unsafe Leaf(at: $0) }
    }
}

extension EpochPin {
    /// Retires a leaf that the test has taken out.
    func retire(_ leaf: Leaf) -> Bool {
        unsafe retire(leaf.node)  // SAFETY: the test keeps the rules.
    }
}

/// Expects that an object was retired: the macro cannot look into a pin, which is noncopyable.
func expectTaken(_ isTaken: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(isTaken, sourceLocation: sourceLocation)
}
