// SPDX-License-Identifier: MIT

public import AtomicSupport
public import MemoryReclamation

/// A first-in first-out queue without bound for any number of producers and consumers, in segments
/// that are allocated as it grows and given back as it is emptied.
///
/// | Guarantee | `tryPush` / `tryPop` / `drain`                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | lock-free, but for the memory allocator, while at most `threadCountMax` threads  |
/// |           | are inside at a time; one more waits until another leaves                        |
/// | Stalled   | a consumer stalled in mid-pop keeps what it claimed; a producer stalled in       |
/// | peer      | mid-push loses its place, after some hundred spin hints, and tries again         |
/// | Order     | linearizable FIFO; nil means empty                                               |
/// | Cost      | a push three read-modify-writes, a pop two; one allocation and one release for   |
/// |           | `segmentCapacity` pushes; a `tryPop` that is the first to find a slot empty      |
/// |           | waits for twelve spin hints                                                      |
/// | Memory    | 128 bytes for each of `threadCountMax` and, for each segment, three cache lines  |
/// |           | and `segmentCapacity` slots of element + 8 bytes; see below                      |
/// | Threads   | any number on either side                                                        |
///
/// **Memory.** An emptied segment is given back at once, unless a thread is just inside it; then
/// with a later one, or by `releaseSegments`. A thread that stalls inside holds back one segment.
/// Never more than `retiredSegmentCountMax` emptied ones are kept, whoever stalls. How many
/// elements wait, nothing limits: a producer that is faster than the consumers fills the memory.
/// Where that may be, use a bounded queue.
///
/// `close()` falls between two pushes: those before it are kept, those behind it get their element
/// back. `isDrained` says that nothing will come any more: every element has been claimed by a pop.
///
/// Not for queues that have a natural bound (use `BoundedMPMCQueue`: half the cost, no allocation),
/// nor for one consumer (`IntrusiveMPSCQueue`, whose nodes are the caller's). There is no
/// `init(storage:…)`: the memory has no fixed size.
///
/// Source: P. Ramalhete, A. Correia, "FAAArrayQueue", 2016, and hazard pointers. Ours takes tickets
/// by compare-exchange with back-off, as D. Vyukov's bounded queue does: where threads meet, one of
/// them works on undisturbed. It adds noncopyable elements, which do not fit into the word that
/// says whose a slot is, `close`, and batches.
///
/// ```swift
/// let queue = UnboundedMPMCQueue<Int>()
/// _ = queue.tryPush(1)
/// while let element = queue.tryPop() { print(element) }
/// ```
@frozen
@safe
public struct UnboundedMPMCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout:
    //   line 0     head    the segment of the next pop
    //   line 1     tail    the segment of the next push, or one that is full
    //   line 2     closed  1 once `close` has come to its end
    //   a segment: node, home, next │ line 1: popped, awaited │ line 2: pushed │ from 3: slots
    //   next       nil: none yet · the segment behind · this segment itself: none will come
    //   pushed     twice the tickets given to pushes; bit 0: closed
    //   popped     the tickets given to pops, each after the push with the same one got its own
    //   awaited    the last slot that a pop found empty and waited for, for a moment
    //   slot       state, element. State 0: its push is under way · 1: full, or emptied by its pop
    //              · 2: its pop was faster, the push tries again
    //
    //   head ──► [■ ■ □ □] ──► [□ □ □ □] ──► [□ □ · ·] ◄── tail        ■ taken  □ full
    //
    // Invariants: I1  a ticket is given to one push, and then to one pop; both come to its slot:
    //                 popped ≤ pushed ≤ capacity
    //             I2  a slot's element is its push's until the state is 1, then its pop's
    //             I3  head is never behind tail; both only move to the next segment
    //             I4  a segment is retired once, by who moved head off it, when tail is off it too
    //             I5  once a segment's next is itself, nothing comes behind it; once bit 0 of its
    //                 pushed is set too, nothing comes into it
    //             I6  a segment has one behind it only if its tickets are given to pushes, all
    // `checkInvariants` sees of I4 that nothing is retired twice, not who retired it.
    //
    // Edges: E1  publish  push's compare-exchange of state → pop's load or exchange    carries the
    //            element
    //        E2  grow     push's compare-exchange of next → load of next       carries the segment
    //        E3  move     compare-exchange of head or tail → protect           carries E2, and that
    //            tail has moved off the segments before head
    //        E4  close    store of closed → isClosed, isDrained                carries what the
    //            closer wrote, and that no push is accepted any more
    //        E5  order    pop's compare-exchange of popped → load of popped    carries what came
    //            before that pop, so that a push which came before it is in the pushed that is read
    //            next: else nil could be answered although at no moment nothing was there
    //        Taking a name off head or tail is sequentially consistent, because hazard pointers
    //        need it: a guard names a segment and then looks at head or tail again, who retires it
    //        changes these and then looks at the guards. With acquire and release alone both may
    //        read the past.
    //        Tickets of pushes are relaxed: they carry no data, E1 does. A pop that comes first
    //        takes the slot away from the push, which keeps its element: neither touches what the
    //        other wrote. A segment's end is ordered behind its use by the domain.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let domain: HazardDomain

    @usableFromInline
    let head: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    @usableFromInline
    let tail: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    @usableFromInline
    let closed: UnsafeMutablePointer<Atomic<UInt32>>

    /// How many elements a segment takes.
    public let segmentCapacity: Int

    /// A queue without elements, and with one segment.
    ///
    /// - Parameters:
    ///   - segmentCapacity: how many elements a segment takes, at least one. Small ones cost more
    ///     allocations, large ones are held back as a whole.
    ///   - threadCountMax: how many threads may be inside at a time, rounded up to a power of two.
    ///     A drain whose body pushes counts twice.
    public init(segmentCapacity: Int = 128, threadCountMax: Int = 32) {
        precondition(segmentCapacity >= 1, "a segment needs at least one slot")
        precondition(segmentCapacity <= 1 << 24, "a segment of so many slots is a queue by itself")
        precondition(
            MemoryLayout<Element>.alignment <= CacheLine.byteCount, "the element is over-aligned")
        self.segmentCapacity = segmentCapacity
        domain = HazardDomain(
            slotCount: threadCountMax, scanThreshold: 1, prefersOneList: true)
        block = SharedBlock(byteCount: 3 * CacheLine.byteCount)
        // SAFETY: three words on lines of their own; nobody uses them yet.
        unsafe head = block.pointer(at: 0, to: Atomic<UnsafeMutableRawPointer?>.self)
        unsafe tail = block.pointer(
            at: CacheLine.byteCount, to: Atomic<UnsafeMutableRawPointer?>.self)
        // SAFETY: as above.
        unsafe closed = block.pointer(at: 2 * CacheLine.byteCount, to: Atomic<UInt32>.self)
        let first = TicketSegment<Element>.make(capacity: segmentCapacity)
        unsafe head.initialize(to: Atomic(first.base))  // SAFETY: as above.
        unsafe tail.initialize(to: Atomic(first.base))  // SAFETY: as above.
        unsafe closed.initialize(to: Atomic(0))  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the queue.
        // SAFETY: in our block.
        var following = unsafe head.pointee.load(ordering: .relaxed)
        while let base = unsafe following {  // At most as many turns as there are segments.
            let segment = unsafe segment(at: base)  // SAFETY: a segment of ours.
            unsafe following = nil  // SAFETY: a plain store.
            // SAFETY: as above.
            if case .segment(let next) = unsafe segment.successor { unsafe following = next }
            segment.destroyElements()
            segment.end()
        }
    }

    // MARK: - Facts

    /// What `retiredSegmentCount` never exceeds.
    public var retiredSegmentCountMax: Int { domain.heldCountMax }

    /// How many emptied segments are not yet given back: exact when nobody is inside.
    public var retiredSegmentCount: Int { domain.heldCount }

    /// Whether every push that happened before this call has been claimed by a pop.
    @inlinable
    public var isEmpty: Bool {
        var hazard = unsafe domain.makeGuard()  // SAFETY: it ends with this call.
        while true {  // Repeated only after head moved.
            let segment = first(&hazard)
            if segment.poppedCount < segment.pushedCount { return false }  // In this order (E5).
            if !leave(segment, &hazard) { return true }
        }
    }

    /// Whether `close()` has been called, and has come to its end.
    @inlinable
    public var isClosed: Bool {
        // SAFETY: in our block.
        unsafe closed.pointee.load(ordering: .acquiring) != 0  // E4
    }

    /// Whether the queue is closed and every accepted element has been claimed by a pop, so that
    /// nothing will come any more. While several threads close at a time it may say so later.
    @inlinable
    public var isDrained: Bool { isClosed && isEmpty }

    // MARK: - Operations

    /// Puts an element behind the others. Returns nil if it was accepted, or the element if the
    /// queue is closed.
    @inlinable
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        var hazard = unsafe domain.makeGuard()  // SAFETY: it ends with this call.
        while true {  // Repeated only after a pop took the slot, or another push added a segment.
            let segment = last(&hazard)
            let ticket = segment.takePushTicket()
            if ticket & 1 != 0 { return element }
            let index = Int(truncatingIfNeeded: ticket &>> 1)
            if index < segmentCapacity {
                guard let refused = segment.fill(index, with: element) else { return nil }
                element = refused
            } else {
                switch grow(behind: segment, with: element) {
                case .accepted: return nil
                case .closed(let refused): return refused
                case .again(let refused): element = refused
                }
            }
        }
    }

    /// Takes the oldest element, or nil if there is none.
    @inlinable
    public func tryPop() -> sending Element? {
        var hazard = unsafe domain.makeGuard()  // SAFETY: it ends with this call.
        while true {  // Repeated only after head moved, or if a push lost its slot to this pop.
            let segment = first(&hazard)
            if let index = segment.takePopTicket() {
                if let element = segment.takeOut(index) { return element }
            } else if !leave(segment, &hazard) {
                return nil
            }
        }
    }

    /// Takes up to `countMax` of the oldest elements and hands them to `body` in order. Returns how
    /// many; zero if there was none.
    ///
    /// The tickets of several are taken at once, and one guard serves for all: while `body` runs,
    /// it holds back the segment, and what was claimed is nobody else's.
    @inlinable
    @discardableResult
    public func drain(max countMax: Int, _ body: (consuming sending Element) -> Void) -> Int {
        precondition(countMax > 0, "a drain takes at least one element")
        var hazard = unsafe domain.makeGuard()  // SAFETY: it ends with this call.
        var count = 0
        while count < countMax {  // Repeated only after something was taken, or as in `tryPop`.
            let segment = first(&hazard)
            let tickets = segment.takePopTickets(max: countMax &- count)
            if tickets.isEmpty, !leave(segment, &hazard) { break }
            for index in tickets {
                guard let element = segment.takeOut(index) else { continue }
                body(element)
                count &+= 1
            }
        }
        return count
    }

    /// Refuses later pushes. What is queued stays to be taken. Returns whether this call closed it.
    @discardableResult
    public func close() -> Bool {
        var hazard = unsafe domain.makeGuard()  // SAFETY: it ends with this call.
        while true {  // Repeated only after a push added a segment.
            let segment = last(&hazard)
            // SAFETY: protected by the guard.
            if case .segment(let next) = unsafe segment.forbidNext() {
                unsafe moveTail(from: segment, to: next)  // SAFETY: as above.
                continue
            }
            segment.closeTickets()
            // SAFETY: in our block.
            return unsafe closed.pointee.exchange(1, ordering: .releasing) == 0  // E4
        }
    }

    /// Gives those emptied segments back that threads were inside of when they were emptied.
    /// Returns how many. For a queue that rests after a peak.
    @discardableResult
    public func releaseSegments() -> Int { domain.collect() }
}

/// What became of a push that found its segment full.
@frozen
@usableFromInline
enum QueueGrowth<Element: ~Copyable>: ~Copyable {
    /// The element is in a new segment.
    case accepted
    /// The queue is closed; here is the element.
    case closed(Element)
    /// There is another segment; here is the element.
    case again(Element)
}

// MARK: - Inside

extension UnboundedMPMCQueue where Element: ~Copyable {
    /// The segment of the next push, or one that is full; the guard protects it.
    @inlinable
    @inline(__always)
    func last(_ hazard: inout HazardGuard) -> TicketSegment<Element> {
        // SAFETY: the source is in our block and always names a segment.
        unsafe segment(at: hazard.protect(tail).unsafelyUnwrapped)
    }

    /// The segment of the next pop; the guard protects it.
    @inlinable
    @inline(__always)
    func first(_ hazard: inout HazardGuard) -> TicketSegment<Element> {
        // SAFETY: the source is in our block and always names a segment.
        unsafe segment(at: hazard.protect(head).unsafelyUnwrapped)
    }

    /// Moves head off a segment in which nothing waits, if it is used up and one is behind it.
    @inlinable
    func leave(_ segment: TicketSegment<Element>, _ hazard: inout HazardGuard) -> Bool {
        if segment.poppedCount < segmentCapacity { return false }
        // SAFETY: protected by the guard.
        guard case .segment(let next) = unsafe segment.successor else { return false }
        unsafe moveHead(from: segment, to: next, &hazard)  // SAFETY: as above.
        return true
    }

    /// Moves head, and tail before it, off a segment that is used up, and retires it.
    @usableFromInline
    @unsafe
    func moveHead(
        from segment: TicketSegment<Element>, to next: UnsafeMutableRawPointer,
        _ hazard: inout HazardGuard
    ) {
        unsafe moveTail(from: segment, to: next)  // SAFETY: the caller's guard protects it.
        // SAFETY: in our block; the segment behind is kept by this one.
        let (isMoved, _) = unsafe head.pointee.compareExchange(
            expected: segment.base, desired: next,
            successOrdering: .sequentiallyConsistent,  // E3
            failureOrdering: .relaxed)
        guard isMoved else { return }
        hazard.clear()  // Else our own guard would hold it back.
        // SAFETY: neither head nor tail names it any more (I3, I4); it begins with its node.
        unsafe domain.retire(segment.base.assumingMemoryBound(to: RetiredNode.self))
    }

    /// Sees to it that tail is not on a segment that has one behind it.
    @inlinable
    @unsafe
    func moveTail(from segment: TicketSegment<Element>, to next: UnsafeMutableRawPointer) {
        // SAFETY: in our block.
        _ = unsafe tail.pointee.compareExchange(
            expected: segment.base, desired: next, ordering: .sequentiallyConsistent)  // E3
    }

    /// Puts an element into a new segment behind a full one, unless there is one already.
    @usableFromInline
    func grow(
        behind segment: TicketSegment<Element>, with element: consuming Element
    ) -> QueueGrowth<Element> {
        // SAFETY: the caller's guard protects the segment.
        switch unsafe segment.successor {
        case .forbidden: return .closed(element)
        case .segment(let next):
            unsafe moveTail(from: segment, to: next)  // SAFETY: as above.
            return .again(element)
        case .none: break
        }
        let new = TicketSegment<Element>.make(capacity: segmentCapacity)
        new.start(with: element)
        switch unsafe segment.append(new) {  // SAFETY: as above.
        case .none:
            unsafe moveTail(from: segment, to: new.base)  // SAFETY: as above.
            return .accepted
        case .segment(let next):
            unsafe moveTail(from: segment, to: next)  // SAFETY: as above.
            let refused = new.takeBack()
            new.end()
            return .again(refused)
        case .forbidden:
            let refused = new.takeBack()
            new.end()
            return .closed(refused)
        }
    }

    @inlinable
    @inline(__always)
    @unsafe
    func segment(at base: UnsafeMutableRawPointer) -> TicketSegment<Element> {
        unsafe TicketSegment(base: base, capacity: segmentCapacity)  // SAFETY: the caller's word.
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside. O(slots).
        public func checkInvariants() {
            domain.checkInvariants()  // I4
            let last = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            var following = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: as above.
            var isHead = true
            while let base = unsafe following {  // Ends at the tail, or where it should be.
                let segment = unsafe segment(at: base)  // SAFETY: a segment of ours.
                unsafe following = nil  // SAFETY: a plain store.
                var isForbidden = false
                switch unsafe segment.successor {  // SAFETY: nobody moves it.
                case .none: break
                case .segment(let next): unsafe following = next  // SAFETY: an address.
                case .forbidden: isForbidden = true
                }
                let isLast = unsafe following == nil  // SAFETY: only compared.
                // SAFETY: as above.
                precondition(unsafe (base == last) == isLast, "I3: tail is not on the last segment")
                precondition(isForbidden == (isLast && isClosed), "I5: the end is at a wrong place")
                precondition(isHead || segment.poppedCount == 0, "I3: a pop came before head")
                segment.checkInvariants(isLast: isLast, isClosed: isForbidden)
                isHead = false
            }
        }
    #endif
}
