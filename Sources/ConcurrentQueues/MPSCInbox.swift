// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A bounded inbox of an event loop: any number of producers, one consumer that takes everything.
///
/// | Guarantee | `tryPush` / `drain`                                                           |
/// |-----------|-------------------------------------------------------------------------------|
/// | Progress  | both lock-free; a stalled producer hides nothing of what others pushed        |
/// | Order     | linearizable FIFO, at the successful compare-exchange on the inbox word       |
/// | Cost      | push: two compare-exchanges; drain: one read-modify-write to take everything, |
/// |           | one compare-exchange to give the nodes back, a move for each; no allocation   |
/// | Memory    | `capacity` nodes, allocated in `init`, returned in `deinit`                   |
/// | Threads   | push: any number; drain: one at a time (checked in debug builds)              |
///
/// Emptiness is one word and therefore exact: `isEmpty` and the outcome of a push are linearizable.
/// That is what a loop needs in order to sleep, and why this is not a linked list with a swap at
/// its tail, where a producer between its two steps hides every later element.
///
/// Sleeping: a push into an empty inbox answers `.pushedFirst`, and that producer wakes the
/// consumer. A consumer that drains after each wake-up misses nothing, since whoever pushes after
/// the drain finds the inbox empty and wakes it again.
///
/// `close()` falls between two pushes: those before it are kept for `drain`, those behind it get
/// their element back.
///
/// Not for several consumers (`BoundedMPMCQueue`), nor for messages that are nodes of their own or
/// have no bound (`IntrusiveMPSCQueue`).
///
/// Source: R. K. Treiber's stack, 1986, taken whole, which needs no tag: a push does not look
/// behind the top. The nodes come from a tagged free list.
///
/// ```swift
/// let inbox = MPSCInbox<Int>(capacity: 256)
/// if inbox.tryPush(1).needsWake { print("wake the loop") }
/// inbox.drain { print($0) }
/// ```
@frozen
@safe
public struct MPSCInbox<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout:
    //   line 0   inbox   bit 31: closed · bits 0–30: link of the newest node, 0 if there is none
    //   line 1   free    head of the free list
    //   line 2   drainer 1 while a drain runs, in debug builds
    //   from 3   nodes   link (4 bytes), element. A link is the node's number + 1.
    //
    //   inbox ──► newest ──► … ──► oldest ──► 0        free ──► node ──► node ──► 0
    //
    // Invariants: I1  a node is in the inbox, in the free list, or with one thread
    //             I2  nodes in the inbox are full, nodes in the free list are empty
    //             I3  once bit 31 is set no node enters the inbox
    //
    // Edges: E1  publish  push compare-exchange → drain and       carries nodes, links, elements
    //            (a later push is a read-modify-write and continues the release sequence)
    //        E2  recycle  TaggedFreeList's E1                     carries the empty nodes
    //        E3  close    or on inbox → isClosed, isDrained load  carries what the closer wrote
    //        The load of inbox in push and its failed compare-exchange are relaxed: they learn a
    //        link and the closed bit, and follow nothing. isEmpty is relaxed: it gives no access.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let inbox: UnsafeMutablePointer<Atomic<UInt32>>

    @usableFromInline
    let drainer: UnsafeMutablePointer<Atomic<UInt32>>

    @usableFromInline
    let nodes: UnsafeMutableRawPointer

    @usableFromInline
    let free: TaggedFreeList

    /// How many elements fit.
    public let capacity: Int

    /// An inbox of exactly `capacity` nodes, at least one.
    public init(capacity: Int) {
        self.init(capacity: capacity, firstTag: 0)
    }

    /// An inbox in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the inbox.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, firstTag: 0)
    }

    /// An inbox whose free list starts with a tag of the test's choice.
    package init(capacity: Int, firstTag: UInt32) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(block: block, capacity: capacity, firstTag: firstTag)
    }

    private init(block: consuming SharedBlock, capacity: Int, firstTag: UInt32) {
        let layout = Self.layout(capacity: capacity)
        self.capacity = capacity
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.inbox = block.pointer(at: layout.inbox, to: Atomic<UInt32>.self)
        unsafe self.drainer = block.pointer(at: layout.drainer, to: Atomic<UInt32>.self)
        unsafe self.nodes = block.base + layout.nodes
        // SAFETY: as above; every node begins with its link.
        unsafe self.free = TaggedFreeList(
            head: block.pointer(at: layout.free, to: Atomic<UInt64>.self), slots: nodes,
            stride: Self.nodeStride)
        self.block = block
        unsafe inbox.initialize(to: Atomic(0))  // SAFETY: as above.
        unsafe drainer.initialize(to: Atomic(0))  // SAFETY: as above.
        unsafe free.initialize(count: capacity, firstTag: firstTag)  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the inbox.
        // SAFETY: in our block.
        var link = unsafe inbox.pointee.load(ordering: .relaxed) & Self.linkMask
        while link != 0 {  // At most `capacity` turns (I1).
            _ = unsafe cell(of: link).move()  // SAFETY: nodes in the inbox are full (I2).
            link = unsafe free.next(of: link)  // SAFETY: a link of ours.
        }
    }

    // MARK: - Facts

    /// Whether no element waits: exact at the moment of the call.
    @inlinable
    public var isEmpty: Bool {
        // SAFETY: in our block.
        unsafe inbox.pointee.load(ordering: .relaxed) & Self.linkMask == 0
    }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool {
        // SAFETY: in our block.
        unsafe inbox.pointee.load(ordering: .acquiring) & Self.closedBit != 0  // E3
    }

    /// Whether the inbox is closed and empty, so that nothing will come any more.
    @inlinable
    public var isDrained: Bool {
        // SAFETY: in our block.
        unsafe inbox.pointee.load(ordering: .acquiring) == Self.closedBit  // E3
    }

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        layout(capacity: capacity).byteCount
    }

    // MARK: - Operations

    /// Puts an element behind the others, and says whether the consumer must be woken. A full or
    /// closed inbox hands the element back.
    ///
    /// Nodes count as taken until the drain that empties them has ended.
    @inlinable
    public func tryPush(_ element: consuming sending Element) -> sending PushOutcome<Element> {
        // SAFETY: in our block.
        var seen = unsafe inbox.pointee.load(ordering: .relaxed)
        if seen & Self.closedBit != 0 { return .refused(element) }
        let link = unsafe free.pop()  // SAFETY: the list is ours.
        if link == 0 { return .refused(element) }
        assert(Int(link) <= capacity)
        // SAFETY: the popped node is this thread's until E1 (I1) and empty (I2).
        unsafe cell(of: link).initialize(to: element)
        var backoff = Backoff()
        while seen & Self.closedBit == 0 {  // Repeated only after another push or drain.
            unsafe free.setNext(of: link, to: seen)  // SAFETY: the node is ours until E1.
            // SAFETY: in our block.
            let (isPushed, now) = unsafe inbox.pointee.compareExchange(
                expected: seen, desired: link,
                successOrdering: .releasing, failureOrdering: .relaxed)  // E1
            if isPushed { return seen == 0 ? .pushedFirst : .pushedBehind }
            seen = now
            backoff.spin()
        }
        let refused = unsafe cell(of: link).move()  // SAFETY: the node never became visible.
        unsafe free.push(first: link, last: link)  // SAFETY: the node is ours and empty again.
        return .refused(refused)
    }

    /// Takes all that is in the inbox and hands it to `body`, oldest first. Returns how many.
    ///
    /// What `body` itself pushes is left for the next drain.
    @inlinable
    @discardableResult
    public func drain(_ body: (consuming sending Element) -> Void) -> Int {
        assert(beginDrain(), "an inbox has one consumer, which does not drain inside a drain")
        defer { assert(endDrain(), "a drain ended that had not begun") }
        if isEmpty { return 0 }
        // SAFETY: in our block.
        let (taken, _) = unsafe inbox.pointee.bitwiseAnd(
            Self.closedBit, ordering: .acquiring)  // E1
        let newest = taken & Self.linkMask
        assert(newest != 0)
        let oldest = reversed(newest)
        var link = oldest
        var count = 0
        while link != 0 {  // At most `capacity` turns (I1).
            // SAFETY: the chain is this thread's (I1), its nodes are full (I2) and emptied once.
            body(unsafe cell(of: link).move())
            link = unsafe free.next(of: link)  // SAFETY: a link of ours.
            count &+= 1
        }
        assert(count <= capacity)
        unsafe free.push(first: oldest, last: newest)  // SAFETY: ours, empty, linked in this order.
        return count
    }

    /// Refuses later pushes. What is in the inbox stays to be drained. Returns whether this call
    /// closed it.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        // SAFETY: in our block.
        let (before, _) = unsafe inbox.pointee.bitwiseOr(
            Self.closedBit, ordering: .releasing)  // E3
        return before & Self.closedBit == 0
    }
}

/// What became of an element that was pushed into an inbox.
@frozen
public enum PushOutcome<Element: ~Copyable>: ~Copyable {
    /// It is in; the inbox was empty before, so the consumer must be woken.
    case pushedFirst
    /// It is in, behind others; whoever pushed first wakes the consumer.
    case pushedBehind
    /// The inbox is full or closed; here is the element.
    case refused(Element)

    /// Whether the caller must wake the consumer.
    @inlinable
    public var needsWake: Bool {
        switch self {
        case .pushedFirst: true
        case .pushedBehind: false
        case .refused: false
        }
    }

    /// Whether the element is in.
    @inlinable
    public var isPushed: Bool {
        switch self {
        case .pushedFirst: true
        case .pushedBehind: true
        case .refused: false
        }
    }

    /// The element, if it was refused.
    @inlinable
    public consuming func takeRefused() -> Element? {
        switch consume self {
        case .refused(let element): element
        case .pushedFirst: nil
        case .pushedBehind: nil
        }
    }
}

extension PushOutcome: Copyable where Element: Copyable {}
extension PushOutcome: Sendable where Element: Sendable & ~Copyable {}

// MARK: - Inside

extension MPSCInbox where Element: ~Copyable {
    @inlinable
    static var closedBit: UInt32 { 0x8000_0000 }

    @inlinable
    static var linkMask: UInt32 { 0x7FFF_FFFF }

    /// Turns a chain that the consumer owns round; returns its new first node.
    @inlinable
    func reversed(_ first: UInt32) -> UInt32 {
        var reversed: UInt32 = 0
        var link = first
        while link != 0 {  // At most `capacity` turns (I1).
            let next = unsafe free.next(of: link)  // SAFETY: a link of ours; the chain is owned.
            unsafe free.setNext(of: link, to: reversed)  // SAFETY: as above.
            reversed = link
            link = next
        }
        return reversed
    }

    // The word is relaxed: it finds a second consumer, and must not make the edge that a correct
    // hand-over of the consumer's role makes by itself.
    @inlinable
    func beginDrain() -> Bool {
        unsafe drainer.pointee.exchange(1, ordering: .relaxed) == 0  // SAFETY: in our block.
    }

    @inlinable
    func endDrain() -> Bool {
        unsafe drainer.pointee.exchange(0, ordering: .relaxed) == 1  // SAFETY: in our block.
    }

    @inlinable
    @inline(__always)
    func cell(of link: UInt32) -> SharedCell<Element> {
        assert(link != 0)
        // SAFETY: links are numbers of our nodes plus one; the element lies behind the link.
        let node = unsafe nodes + Int(link &- 1) &* Self.nodeStride
        return unsafe SharedCell((node + Self.elementOffset).assumingMemoryBound(to: Element.self))
    }

    @inlinable
    static var elementOffset: Int { max(4, MemoryLayout<Element>.alignment) }

    @inlinable
    static var nodeStride: Int {
        let end = elementOffset &+ MemoryLayout<Element>.size
        return (end &+ elementOffset &- 1) & ~(elementOffset &- 1)
    }

    static func layout(
        capacity: Int
    ) -> (inbox: Int, free: Int, drainer: Int, nodes: Int, byteCount: Int) {
        precondition(capacity >= 1, "an inbox needs at least one node")
        precondition(capacity < Int(Int32.max), "an inbox of so many nodes has no links for them")
        precondition(
            MemoryLayout<Element>.alignment <= CacheLine.byteCount, "the element is over-aligned")
        var layout = BlockLayout()
        let inbox = layout.appendPadded(Atomic<UInt32>.self)
        let free = layout.appendPadded(Atomic<UInt64>.self)
        let drainer = layout.appendPadded(Atomic<UInt32>.self)
        let nodes = layout.appendPadded(UInt8.self, count: capacity * nodeStride)
        return (inbox, free, drainer, nodes, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            // SAFETY: in our block.
            let queued = chainCount(unsafe inbox.pointee.load(ordering: .relaxed) & Self.linkMask)
            let idle = unsafe free.checkInvariants(slotCount: capacity)  // SAFETY: nobody inside.
            precondition(queued + idle == capacity, "I1: a node is lost or twice there")
        }

        private func chainCount(_ first: UInt32) -> Int {
            var count = 0
            var link = first
            while link != 0, count <= capacity {
                link = unsafe free.next(of: link)  // SAFETY: a link of ours.
                count += 1
            }
            return count
        }
    #endif
}
