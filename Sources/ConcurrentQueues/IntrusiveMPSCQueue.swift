// SPDX-License-Identifier: MIT

public import AtomicSupport

/// The link of a node of an `IntrusiveMPSCQueue`: a part of the caller's own structure, at an
/// address that does not change. One node is in one queue at a time.
@frozen
public struct IntrusiveMPSCNode: ~Copyable, Sendable {
    /// The address of the node behind this one, zero if it is the last or not yet linked.
    @usableFromInline
    let next = Atomic<UInt>(0)

    /// A node that is in no queue.
    @inlinable
    public init() {}
}

/// What a pop of an `IntrusiveMPSCQueue` finds.
@frozen
@unsafe
public enum IntrusiveMPSCPop {
    /// The oldest node, which is the caller's again.
    case node(UnsafeMutablePointer<IntrusiveMPSCNode>)
    /// There is none, and no push was under way.
    case empty
    /// A push has begun that hides what is behind it: try again later.
    case busy
}

/// An unbounded first-in first-out queue from any number of producers to one consumer, in nodes
/// that are the caller's.
///
/// | Guarantee | `push` (any thread)                      | `pop` (the consumer)                |
/// |-----------|------------------------------------------|-------------------------------------|
/// | Progress  | wait-free: two stores and one exchange   | never waits                         |
/// | Stalled   | keeps nobody from pushing                | a producer stalled between its two  |
/// | peer      |                                          | steps hides what came behind it:    |
/// |           |                                          | `busy`                              |
/// | Order     | FIFO in the order of the exchanges       | `empty` means empty                 |
/// | Memory    | none but the nodes and two cache lines; nothing is allocated after `init`      |
/// | Threads   | any                                      | one at a time; the role may pass on |
/// |           |                                          | if something orders the two         |
///
/// The queue does not own its nodes: what is in it when it ends is the caller's to find. A node
/// that was popped may be reused or freed at once.
///
/// Not for elements that should live in the queue's own memory, nor where `busy` is no answer
/// (use `MPSCInbox`, which also says who must wake the consumer).
///
/// Source: D. Vyukov, "Intrusive MPSC node-based queue", 2010, <https://www.1024cores.net>. Ours
/// tells a pop that is hindered from an empty queue.
@frozen
@safe
public struct IntrusiveMPSCQueue: ~Copyable, @unchecked Sendable {
    // Layout: line 0   tail   address of the newest node, or of the stub
    //         line 1   head   address of the oldest node, or of the stub; the consumer's
    //                  stub   a node of our own, so that there is always one
    //
    // Invariants: I1  from head, the links lead to tail, but for links that pushes under way owe
    //             I2  no node is in the chain twice, nor the stub: it is pushed where head is the
    //                 only node, and another
    //
    // Edges: E1  link    store of next → pop's load of next          carries the node's contents
    //        E2  behind  exchange of tail → next exchange           carries that the older node's
    //                    next was made zero before its link is stored there
    //        The stores of zero into next are relaxed: E2 puts them before the link. The load of
    //        tail in pop is relaxed: it is compared, and gives no access. The head is the
    //        consumer's alone.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let tail: UnsafeMutablePointer<Atomic<UInt>>

    @usableFromInline
    let head: SharedCell<UInt>

    @usableFromInline
    let stub: UnsafeMutablePointer<IntrusiveMPSCNode>

    /// A queue without nodes.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount))
    }

    /// A queue in the caller's memory, which begins on a cache line, holds `storageByteCount`
    /// bytes, and outlives the queue.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        self.init(block: block)
    }

    private init(block: consuming SharedBlock) {
        // SAFETY: the three parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.tail = block.pointer(at: 0, to: Atomic<UInt>.self)
        unsafe self.head = SharedCell(block.pointer(at: CacheLine.byteCount, to: UInt.self))
        unsafe self.stub = block.pointer(
            at: CacheLine.byteCount + 16, to: IntrusiveMPSCNode.self)
        self.block = block
        unsafe stub.initialize(to: IntrusiveMPSCNode())  // SAFETY: as above.
        let address = unsafe UInt(bitPattern: stub)  // SAFETY: an address reads no memory.
        unsafe tail.initialize(to: Atomic(address))  // SAFETY: as above.
        unsafe head.initialize(to: address)  // SAFETY: as above.
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { 2 * CacheLine.byteCount }

    /// Puts a node behind the others. Any thread.
    ///
    /// - Parameter node: in no queue; alive and not touched until it is popped.
    @inlinable
    @unsafe
    public func push(_ node: UnsafeMutablePointer<IntrusiveMPSCNode>) {
        let address = UInt(bitPattern: node)
        // SAFETY: the node is the caller's until the exchange.
        unsafe node.pointee.next.store(0, ordering: .relaxed)
        // SAFETY: in our block.
        let before = unsafe tail.pointee.exchange(address, ordering: .acquiringAndReleasing)  // E2
        // SAFETY: a node stays in the queue until its link is there.
        unsafe Self.node(at: before).pointee.next.store(address, ordering: .releasing)  // E1
    }

    /// Takes the oldest node. The consumer's.
    @inlinable
    public func pop() -> IntrusiveMPSCPop {
        var first = unsafe head.load()  // SAFETY: the consumer's.
        var next = unsafe link(behind: first)  // SAFETY: the head is in the queue.
        let stubAddress = unsafe UInt(bitPattern: stub)  // SAFETY: an address reads no memory.
        if first == stubAddress {
            // SAFETY: neither carries an address.
            guard next != 0 else { return unsafe noneBehind(first) ? .empty : .busy }
            first = next
            unsafe head.store(first)  // SAFETY: the consumer's.
            next = unsafe link(behind: first)  // SAFETY: linked, so in the queue.
        }
        if next == 0 {
            // The newest node cannot leave before another is behind it: the stub, if need be.
            guard noneBehind(first) else { return unsafe .busy }  // SAFETY: carries no address.
            unsafe push(stub)  // SAFETY: in our block, and in no queue (I2).
            next = unsafe link(behind: first)  // SAFETY: still in the queue.
            guard next != 0 else { return unsafe .busy }  // SAFETY: carries no address.
        }
        unsafe head.store(next)  // SAFETY: the consumer's.
        return unsafe .node(Self.node(at: first))  // SAFETY: linked past, so nobody's but ours.
    }

    /// Whether a node is the newest one, so that no push is under way behind it.
    @inlinable
    func noneBehind(_ address: UInt) -> Bool {
        // SAFETY: in our block.
        unsafe tail.pointee.load(ordering: .relaxed) == address
    }

    /// The address behind a node of the queue, zero if there is none yet.
    @inlinable
    @unsafe
    func link(behind address: UInt) -> UInt {
        // SAFETY: the caller says that the node is in the queue.
        unsafe Self.node(at: address).pointee.next.load(ordering: .acquiring)  // E1
    }

    @inlinable
    @unsafe
    static func node(at address: UInt) -> UnsafeMutablePointer<IntrusiveMPSCNode> {
        // SAFETY: the caller says that a node is at this address.
        guard let node = unsafe UnsafeMutablePointer<IntrusiveMPSCNode>(bitPattern: address) else {
            preconditionFailure("a node has no address")
        }
        // SAFETY: as above.
        return unsafe node
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. The consumer's, and only while nobody pushes. O(nodes).
        public func checkInvariants() {
            let newest = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            var address = unsafe head.load()  // SAFETY: the consumer's.
            // A chain that leads back meets the mark: it moves up, each time twice as far.
            var (mark, stepCount, stepCountMax) = (address, 0, 1)
            while address != newest {  // Ends at the newest node, or at the mark.
                let next = unsafe link(behind: address)  // SAFETY: in the queue.
                precondition(next != 0, "I1: the links do not lead to tail")
                precondition(next != mark, "I2: a node is in the chain twice")
                address = next
                stepCount += 1
                if stepCount < stepCountMax { continue }
                (mark, stepCount, stepCountMax) = (address, 0, 2 * stepCountMax)
            }
            let beyond = unsafe link(behind: newest)  // SAFETY: in the queue.
            precondition(beyond == 0, "I1: tail is not the end of the chain")
        }
    #endif
}
