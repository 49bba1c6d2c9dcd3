// SPDX-License-Identifier: MIT

#if Model
    public import ModelChecking
#endif

/// The waiters of one primitive, first come first served: an intrusive doubly-linked list of nodes
/// under an `InternalLock`, both in the primitive's block.
///
/// | Guarantee | every operation                                                                  |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | O(1), with the lock held by the caller                                           |
/// | Order     | FIFO; a withdrawn node leaves from any place                                     |
/// | Memory    | `byteCount` bytes, which start as zeroes; the nodes are the waiters'             |
///
/// Wakes are called on a `WakeChain` after the lock was given back: a wake may run code that comes
/// back to the same primitive.
@frozen
@safe
public struct WaiterList: @unchecked Sendable {
    // Invariants: I1  a node is linked if and only if its state is `queued`
    //             I2  a node leaves the state `queued` once: to `granted` or to `withdrawn`
    // `checkInvariants` sees I1 from the list's side; I2 is what happens, which no state shows.
    //
    // Edges: none of its own. Everything here is guarded by the lock (InternalLock, E1).

    @frozen
    @usableFromInline
    @unsafe
    struct Header: ~Copyable {
        @usableFromInline
        let lockWord: Atomic<UInt32>
        @usableFromInline
        var first: UnsafeMutablePointer<WaitNode>?
        @usableFromInline
        var last: UnsafeMutablePointer<WaitNode>?
    }

    @usableFromInline
    let header: UnsafeMutablePointer<Header>
    @usableFromInline
    let mutex: InternalLock

    /// How many zeroed bytes a list needs, aligned to eight.
    public static var byteCount: Int {
        unsafe MemoryLayout<Header>.stride  // SAFETY: only the size is asked for.
    }

    /// The list at an address of the owner's block, whose bytes are zero at first.
    @inlinable
    @unsafe
    public init(at address: UnsafeMutableRawPointer) {
        // SAFETY: the owner reserved the bytes; zero is a free lock and an empty list.
        unsafe header = address.assumingMemoryBound(to: Header.self)
        // SAFETY: the lock word is the header's first field.
        unsafe mutex = InternalLock(address.assumingMemoryBound(to: Atomic<UInt32>.self))
    }

    /// Takes the lock under which the operations below are called.
    @inlinable
    public func lock() { mutex.lock() }

    /// Gives the lock back.
    @inlinable
    public func unlock() { mutex.unlock() }

    /// Whether nobody waits.
    @inlinable
    public var isEmpty: Bool {
        noteUse(isWrite: false)
        return unsafe header.pointee.first == nil  // SAFETY: the caller holds the lock.
    }

    /// The key of the first waiter, if there is one.
    @inlinable
    public var firstKey: UInt64? {
        noteUse(isWrite: false)
        guard let node = unsafe header.pointee.first else { return nil }  // SAFETY: as above.
        return unsafe node.pointee.key  // SAFETY: the lock guards the list and its nodes.
    }

    /// Whether a node was given up before it was enqueued; asked before anything is granted to it.
    @inlinable
    @unsafe
    public func isWithdrawn(_ node: UnsafeMutablePointer<WaitNode>) -> Bool {
        unsafe WaitNode.noteUse(of: node, isWrite: false)  // SAFETY: only its address is used.
        return unsafe node.pointee.state == .withdrawn  // SAFETY: the lock guards the node.
    }

    /// Lets a node through that was not queued.
    @inlinable
    @unsafe
    public func admit(_ node: UnsafeMutablePointer<WaitNode>) {
        unsafe WaitNode.noteUse(of: node, isWrite: true)  // SAFETY: only its address is used.
        // SAFETY: the lock guards the node.
        precondition(unsafe node.pointee.state == .idle, "a wait node was used twice")
        unsafe node.pointee.state = .granted  // SAFETY: as above.
    }

    /// Puts a node at the end.
    @unsafe
    public func append(_ node: UnsafeMutablePointer<WaitNode>) {
        noteUse(isWrite: true)
        unsafe WaitNode.noteUse(of: node, isWrite: true)  // SAFETY: only its address is used.
        // SAFETY: the lock guards the list, the node, and every linked node (I1).
        precondition(unsafe node.pointee.state == .idle, "a wait node was used twice")
        let last = unsafe header.pointee.last  // SAFETY: as above.
        unsafe node.pointee.state = .queued  // SAFETY: as above.
        unsafe node.pointee.previous = last  // SAFETY: as above.
        unsafe node.pointee.next = nil  // SAFETY: as above.
        if let last = unsafe last {
            unsafe last.pointee.next = node  // SAFETY: as above.
        } else {
            unsafe header.pointee.first = node  // SAFETY: as above.
        }
        unsafe header.pointee.last = node  // SAFETY: as above.
    }

    /// Grants what is waited for to the first waiter, if there is one, and hangs it on the chain.
    @discardableResult
    public func grantFirst(_ chain: inout WakeChain) -> Bool {
        noteUse(isWrite: true)
        // SAFETY: the lock guards the list and its nodes.
        guard let node = unsafe header.pointee.first else { return false }
        unsafe grant(node, &chain)  // SAFETY: as above, and the node is linked.
        return true
    }

    /// With the lock held: takes a linked node out, as one to be woken.
    @unsafe
    func grant(_ node: UnsafeMutablePointer<WaitNode>, _ chain: inout WakeChain) {
        noteUse(isWrite: true)
        unsafe WaitNode.noteUse(of: node, isWrite: true)  // SAFETY: only its address is used.
        unsafe unlink(node)  // SAFETY: the lock guards the list and its nodes.
        unsafe node.pointee.state = .granted  // SAFETY: as above.
        unsafe chain.append(node)  // SAFETY: a granted node stays until its wake.
    }

    /// Grants to all; answers how many there were.
    @discardableResult
    public func grantAll(_ chain: inout WakeChain) -> Int {
        var count = 0
        while grantFirst(&chain) { count += 1 }  // Ends: each round shortens the list.
        return count
    }

    /// Takes a node out, or says that it is too early or too late for that.
    @unsafe
    public func remove(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe WaitNode.noteUse(of: node, isWrite: false)  // SAFETY: only its address is used.
        // SAFETY: the lock guards the list and the node.
        switch unsafe node.pointee.state {
        case .idle:
            unsafe WaitNode.noteUse(of: node, isWrite: true)  // SAFETY: as above.
            unsafe node.pointee.state = .withdrawn  // SAFETY: as above.
            return .early
        case .queued:
            noteUse(isWrite: true)
            unsafe WaitNode.noteUse(of: node, isWrite: true)  // SAFETY: as above.
            unsafe unlink(node)  // SAFETY: as above.
            unsafe node.pointee.state = .withdrawn  // SAFETY: as above.
            return .removed
        case .granted:
            return .late
        case .withdrawn:
            preconditionFailure("a wait was withdrawn twice")
        }
    }

    @unsafe
    private func unlink(_ node: UnsafeMutablePointer<WaitNode>) {
        // SAFETY: the lock guards the list, the node, and its neighbours (I1).
        assert(unsafe node.pointee.state == .queued)
        let next = unsafe node.pointee.next  // SAFETY: as above.
        let previous = unsafe node.pointee.previous  // SAFETY: as above.
        if let previous = unsafe previous {
            unsafe previous.pointee.next = next  // SAFETY: as above.
        } else {
            unsafe header.pointee.first = next  // SAFETY: as above.
        }
        if let next = unsafe next {
            unsafe next.pointee.previous = previous  // SAFETY: as above.
        } else {
            unsafe header.pointee.last = previous  // SAFETY: as above.
        }
        unsafe node.pointee.next = nil  // SAFETY: as above.
        unsafe node.pointee.previous = nil  // SAFETY: as above.
    }
}

// What is plain memory here is told to a model, which says when the lock does not order its use.
extension WaiterList {
    @inlinable
    @inline(__always)
    func noteUse(isWrite: Bool) {
        #if Model
            // SAFETY: only the address is used, of a plain word.
            let place = unsafe UnsafeMutableRawPointer(header)
                .assumingMemoryBound(to: UInt64.self)
            if isWrite {
                unsafe ModelCell.write(place, file: #fileID, line: #line)  // SAFETY: as above.
            } else {
                unsafe ModelCell.read(place, file: #fileID, line: #line)  // SAFETY: as above.
            }
        #endif
    }
}

extension WaitNode {
    @inlinable
    @inline(__always)
    static func noteUse(of node: UnsafeMutablePointer<WaitNode>, isWrite: Bool) {
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

/// Waiters that were granted and are to be woken, in order, once the lock is given back.
@frozen
@safe
public struct WakeChain: ~Copyable {
    @usableFromInline
    var first: UnsafeMutablePointer<WaitNode>?
    @usableFromInline
    var last: UnsafeMutablePointer<WaitNode>?

    /// A chain without waiters.
    @inlinable
    public init() {
        // SAFETY: plain stores.
        unsafe first = nil
        unsafe last = nil
    }

    @unsafe
    mutating func append(_ node: UnsafeMutablePointer<WaitNode>) {
        // SAFETY: a granted node stays until its wake.
        if let last = unsafe last {
            unsafe last.pointee.next = node  // SAFETY: as above.
        } else {
            unsafe first = node  // SAFETY: as above.
        }
        unsafe last = node  // SAFETY: as above.
    }

    /// Wakes all of them. A node is gone as soon as its wake begins, so it is read before.
    public consuming func wakeAll() {
        // SAFETY: granted nodes stay until their wake, and only this chain wakes them.
        var following = unsafe first
        while let node = unsafe following {  // Ends: the chain is finite and nobody adds to it.
            unsafe WaitNode.noteUse(of: node, isWrite: false)  // SAFETY: as above.
            let waiter = unsafe node.pointee.waiter  // SAFETY: as above.
            unsafe following = node.pointee.next  // SAFETY: as above.
            unsafe waiter.wake(waiter.context)  // SAFETY: as above.
        }
    }
}
