// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// How a domain keeps an object that was taken out of a structure until nobody uses it any more: a
/// link, and the function that ends the object. It lies in the object, whose owner makes it; from
/// `retire` on it is the domain's.
///
/// `reclaim` is called once, with the node's address, outside of every lock of the domain, on
/// whichever thread finds that the time has come. It may retire other objects. It must not wait for
/// a thread that is pinned or has a guard.
@frozen
@unsafe
public struct RetiredNode {
    /// The node behind this one in a chain of the domain's.
    @usableFromInline
    var next: UnsafeMutablePointer<RetiredNode>?

    /// When it was retired, by the domain's count.
    @usableFromInline
    var stamp: UInt64

    /// What ends the object.
    public let reclaim: @convention(c) (UnsafeMutableRawPointer) -> Void

    /// A node whose object `reclaim(address of the node)` ends.
    @inlinable
    public init(reclaim: @convention(c) (UnsafeMutableRawPointer) -> Void) {
        // SAFETY: plain stores; a node without neighbours.
        unsafe next = nil
        unsafe stamp = 0  // SAFETY: as above.
        unsafe self.reclaim = reclaim  // SAFETY: as above.
    }
}

/// A chain of retired nodes with one owner at a time, oldest first.
@frozen
@usableFromInline
@safe
struct RetiredChain {
    @usableFromInline
    var first: UnsafeMutablePointer<RetiredNode>?
    @usableFromInline
    var last: UnsafeMutablePointer<RetiredNode>?
    @usableFromInline
    var count: Int

    init() {
        // SAFETY: plain stores.
        unsafe first = nil
        unsafe last = nil  // SAFETY: as above.
        count = 0
    }

    /// Puts a node at the end.
    @unsafe
    mutating func append(_ node: UnsafeMutablePointer<RetiredNode>) {
        unsafe RetiredNode.noteUse(of: node, isWrite: true)  // SAFETY: only its address is used.
        unsafe node.pointee.next = nil  // SAFETY: the node is the chain's owner's.
        if let last = unsafe last {
            unsafe RetiredNode.noteUse(of: last, isWrite: true)  // SAFETY: as above.
            unsafe last.pointee.next = node  // SAFETY: as above.
        } else {
            unsafe first = node  // SAFETY: as above.
        }
        unsafe last = node  // SAFETY: as above.
        count &+= 1
    }

    /// Takes the node in front out, or answers nil.
    @unsafe
    mutating func popFirst() -> UnsafeMutablePointer<RetiredNode>? {
        // SAFETY: reading an address touches no memory behind it.
        guard let node = unsafe first else { return nil }
        unsafe RetiredNode.noteUse(of: node, isWrite: false)  // SAFETY: only its address is used.
        unsafe first = node.pointee.next  // SAFETY: the node is the chain's owner's.
        if unsafe first == nil { unsafe last = nil }  // SAFETY: as above.
        count &-= 1
        return unsafe node  // SAFETY: as above.
    }

    /// Ends every object of the chain, which the caller owns and nobody uses; answers how many.
    @usableFromInline
    consuming func reclaimAll() -> Int {
        let total = count
        // SAFETY: the chain is the caller's.
        while let node = unsafe popFirst() {  // Ends: nobody adds to the chain.
            // SAFETY: read before its object ends; the domain has found that nobody uses it.
            unsafe node.pointee.reclaim(UnsafeMutableRawPointer(node))
        }
        return total
    }

    #if Checks || DEBUG
        /// Traps unless the chain, which is the caller's, leads from first to last in `count` steps
        /// and not beyond. `body` gets its nodes.
        func checkInvariants(_ body: (UnsafeMutablePointer<RetiredNode>) -> Void) {
            // SAFETY: the chain is the caller's, here and below.
            var before = unsafe UnsafeMutablePointer<RetiredNode>?.none
            var following = unsafe first  // SAFETY: an address.
            for _ in 0..<count {
                // SAFETY: as above.
                guard let node = unsafe following else { preconditionFailure("a chain is cut") }
                unsafe RetiredNode.noteUse(of: node, isWrite: false)  // SAFETY: an address.
                unsafe body(node)  // SAFETY: as above.
                unsafe before = node  // SAFETY: an address.
                unsafe following = node.pointee.next  // SAFETY: as above.
            }
            precondition(unsafe following == nil, "a chain goes on")  // SAFETY: only compared.
            precondition(unsafe last == before, "a chain has a wrong end")  // SAFETY: as above.
        }
    #endif
}

// A node is plain memory: a model is told of its use, and says when nothing orders it.
extension RetiredNode {
    static func noteUse(of node: UnsafeMutablePointer<RetiredNode>, isWrite: Bool) {
        #if Model
            // SAFETY: only the address is used, of a plain word.
            let place = unsafe UnsafeMutableRawPointer(node)
                .assumingMemoryBound(to: UInt64.self)
            if isWrite {
                unsafe ModelCell.write(place, file: #fileID, line: #line)  // SAFETY: as above.
            } else {
                unsafe ModelCell.read(place, file: #fileID, line: #line)  // SAFETY: as above.
            }
        #endif
    }
}
