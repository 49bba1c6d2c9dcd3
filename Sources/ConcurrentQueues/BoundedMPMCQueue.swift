// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity first-in first-out queue for any number of producers and consumers.
///
/// | Guarantee | `tryPush` / `tryPop` / `fill` / `drain`                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; a peer stalled in mid-operation makes its slot look full (or empty) |
/// | Order     | FIFO over claimed positions; each producer's elements keep their order           |
/// | Cost      | O(1): one compare-exchange and one store when alone; no allocation               |
/// | Memory    | `capacity` slots of element + 8 bytes, allocated in `init`, returned in `deinit` |
/// | Threads   | any number on either side                                                        |
///
/// It is not lock-free in the strict sense, and not a strictly linearizable queue: `tryPop` answers
/// nil while the *oldest* push is still in flight, even if younger ones have completed; `tryPush`
/// refuses while the oldest pop is in flight. Peers on the same side refuse nobody: with no push in
/// flight, a pop that answers nil found the queue empty. `isEmpty` does not have this weakness: it
/// counts claimed positions, so it is true only if every push that happened before has been claimed
/// by a pop. Park on `isEmpty`, end on `isDrained`, and never on a nil alone.
///
/// `close()` falls between two claims: a push that claimed before is accepted, and its element
/// stays to be taken (it may appear shortly after `close` has returned); every other push gets its
/// element back. No element is lost, none is accepted and then dropped.
///
/// Not for one producer and one consumer (`BoundedSPSCQueue`: a third of the cost), nor where a
/// thread may stop in mid-operation and others must not notice (`LockFreeMPMCQueue`), nor where no
/// bound can be named (`UnboundedMPMCQueue`). Who would wait uses `BoundedChannel` of `Channels`.
///
/// Source: D. Vyukov, "Bounded MPMC queue", 2010, https://www.1024cores.net. Ours adds noncopyable
/// elements, `close` as a bit of the tail word, back-off, and the batched `fill` and `drain`.
///
/// ```swift
/// let queue = BoundedMPMCQueue<Int>(capacity: 64)
/// if let refused = queue.tryPush(1) { print("full or closed:", refused) }
/// while let element = queue.tryPop() { print(element) }
/// ```
@frozen
@safe
public struct BoundedMPMCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: a ticket is a position times two; it wraps at 2^64, which every capacity divides.
    //   line 0     head   ticket of the next pop
    //   line 1     tail   ticket of the next push; bit 0 is set once the queue is closed
    //   from 2     slots  sequence, element; not padded: neighbours are used by one lap in turn
    //   sequence == t                 free, for the producer that claims ticket t
    //            == t + 2             full, for the consumer that claims ticket t
    //            == t + 2 * capacity  free again, one lap later
    //
    // Invariants: I1  head ≤ tail ≤ head + 2 * capacity, apart from bit 0
    //             I2  a slot has one owner between claim and publish
    //             I3  tail does not move once its bit 0 is set
    //             I4  when nobody is inside, slots in head ..< tail are full and the others free
    //
    // Edges: E1  publish  push store of sequence → pop load        carries the element
    //        E2  recycle  pop store of sequence → push load        carries the empty slot
    //        E3  close    or on tail → isClosed, isDrained load    carries what the closer wrote
    //        Claims on head and tail are relaxed: a ticket carries no data, E1 and E2 do. The loads
    //        in count and isEmpty are relaxed: they answer numbers and give nothing access.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let head: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let tail: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let slots: UnsafeMutableRawPointer

    @usableFromInline
    let mask: UInt64

    /// A queue of `capacity` slots, rounded up to a power of two.
    ///
    /// - Parameter capacity: at least two; a ring of one slot cannot tell full from empty.
    public init(capacity: Int) {
        self.init(capacity: capacity, firstPosition: 0)
    }

    /// A queue in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the queue.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        // SAFETY: as the caller promises.
        unsafe self.init(storage: storage, capacity: capacity, firstPosition: 0)
    }

    /// The same, with a first position of the test's choice.
    @unsafe
    init(storage: UnsafeMutableRawBufferPointer, capacity: Int, firstPosition: UInt64) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, firstPosition: firstPosition)
    }

    /// A queue whose first element has a position of the test's choice.
    package init(capacity: Int, firstPosition: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(block: block, capacity: capacity, firstPosition: firstPosition)
    }

    private init(block: consuming SharedBlock, capacity: Int, firstPosition: UInt64) {
        let layout = Self.layout(capacity: capacity)
        let slotCount = Self.roundedCapacity(capacity)
        self.mask = UInt64(slotCount - 1)
        // SAFETY: the three parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.head = block.pointer(at: layout.head, to: Atomic<UInt64>.self)
        unsafe self.tail = block.pointer(at: layout.tail, to: Atomic<UInt64>.self)
        unsafe self.slots = block.base + layout.slots
        self.block = block
        let first = firstPosition &<< 1
        unsafe head.initialize(to: Atomic(first))  // SAFETY: as above.
        unsafe tail.initialize(to: Atomic(first))  // SAFETY: as above.
        for step in 0..<UInt64(slotCount) {
            let ticket = first &+ step &<< 1
            // SAFETY: as above.
            unsafe sequence(of: slot(of: ticket)).initialize(to: Atomic(ticket))
        }
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the queue.
        let end = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: in our block.
        var ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        while ticket != end {  // At most `capacity` turns (I1).
            // SAFETY: slots between head and tail are full (I4) and emptied once, here.
            _ = unsafe cell(of: slot(of: ticket)).move()
            ticket &+= 2
        }
    }

    // MARK: - Facts

    /// How many elements fit: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { Int(mask) &+ 1 }

    /// How many elements are queued: exact when nobody else is inside, else a recent value between
    /// zero and `capacity`. A push or pop counts from its claim.
    @inlinable
    public var count: Int {
        let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let last = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: in our block.
        let distance = Int(truncatingIfNeeded: Int64(bitPattern: last &- first) &>> 1)
        return min(max(distance, 0), capacity)
    }

    /// How many pushes were accepted so far, modulo 2^63. A push counts from its claim.
    @inlinable
    public var pushedCount: UInt64 {
        unsafe tail.pointee.load(ordering: .relaxed) &>> 1  // SAFETY: in our block.
    }

    /// Whether every push that happened before this call has been claimed by a pop.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool {
        // SAFETY: in our block.
        unsafe tail.pointee.load(ordering: .acquiring) & 1 != 0  // E3
    }

    /// Whether the queue is closed and every accepted element has been claimed by a pop, so that
    /// nothing will come any more.
    @inlinable
    public var isDrained: Bool {
        // SAFETY: in our block.
        let last = unsafe tail.pointee.load(ordering: .acquiring)  // E3
        let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        return last & 1 != 0 && first == last & ~1
    }

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        layout(capacity: capacity).byteCount
    }

    // MARK: - Operations

    /// Puts an element behind the others. Returns nil if it was accepted, or the element if the
    /// queue is full or closed.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        var backoff = Backoff()
        var ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        while true {  // Repeated only after another producer, or close, changed the tail.
            let slot = unsafe slot(of: ticket)  // SAFETY: masked to the slot array.
            // SAFETY: the slot array lives as long as `self`.
            let found = unsafe sequence(of: slot).pointee.load(ordering: .acquiring)  // E2
            // Full: this slot's element of a lap ago is there. Or closed: the ticket is odd, and
            // the sequence of a slot that nobody comes to is at most the even number below.
            let lag = Int64(bitPattern: found &- ticket)
            if lag < 0 { return element }
            if lag == 0 {
                // SAFETY: in our block.
                let (isClaimed, now) = unsafe tail.pointee.compareExchange(
                    expected: ticket, desired: ticket &+ 2, ordering: .relaxed)
                if isClaimed {
                    unsafe putIn(ticket, element)  // SAFETY: claimed.
                    return nil
                }
                ticket = now
                backoff.spin()
            } else {
                backoff.spin()  // Others are at work: whoever asks again at once disturbs them.
                ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            }
        }
    }

    /// Takes the oldest element, or nil if there is none to take at once.
    @inlinable
    @inline(__always)
    public func tryPop() -> sending Element? {
        guard let ticket = claimPop(isPersistent: true) else { return nil }
        return unsafe takeOut(ticket)  // SAFETY: just claimed.
    }

    /// Claims the slot of the oldest element: who has its ticket takes the element out, once. One
    /// who does not persist leaves it to another consumer who is there at that moment.
    @inlinable
    @inline(__always)
    func claimPop(isPersistent: Bool) -> UInt64? {
        var backoff = Backoff()
        var ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        while true {  // Repeated only after another consumer changed the head.
            let slot = unsafe slot(of: ticket)  // SAFETY: masked to the slot array.
            // SAFETY: the slot array lives as long as `self`.
            let found = unsafe sequence(of: slot).pointee.load(ordering: .acquiring)  // E1
            let lag = Int64(bitPattern: found &- (ticket &+ 2))
            if lag < 0 { return nil }
            if lag == 0 {
                // SAFETY: in our block.
                let (isClaimed, now) = unsafe head.pointee.compareExchange(
                    expected: ticket, desired: ticket &+ 2, ordering: .relaxed)
                if isClaimed { return ticket }
                if !isPersistent { return nil }
                ticket = now
                backoff.spin()
            } else {
                if !isPersistent { return nil }
                backoff.spin()  // As in `tryPush`.
                ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            }
        }
    }

    /// Asks `next` for as many elements as there is room for at once, at most `countMax`, and puts
    /// them side by side into slots claimed with one compare-exchange. Returns how many; zero if
    /// the queue is full or closed.
    ///
    /// The slots behind the one that `next` works for stay claimed until it gets there: a slow one
    /// makes the queue look empty to consumers.
    @inlinable
    @discardableResult
    public func fill(max countMax: Int, _ next: () -> sending Element) -> Int {
        precondition(countMax > 0, "a fill puts at least one element")
        // SAFETY: the tail is ours; a slot is free when its sequence is the ticket.
        let (first, count) = unsafe claimRun(at: tail, lead: 0, countMax: min(countMax, capacity))
        for step in 0..<UInt64(truncatingIfNeeded: count) {
            unsafe putIn(first &+ step &<< 1, next())  // SAFETY: claimed by `claimRun`.
        }
        return count
    }

    /// Takes up to `countMax` of the oldest elements, claimed with one compare-exchange, and hands
    /// them to `body` in order. Returns how many; zero if there was none to take at once.
    ///
    /// The slots behind the one that `body` works on stay claimed until it gets there: a slow body
    /// makes the queue look full to producers.
    @inlinable
    @discardableResult
    public func drain(max countMax: Int, _ body: (consuming sending Element) -> Void) -> Int {
        precondition(countMax > 0, "a drain takes at least one element")
        // SAFETY: the head is ours; a slot is full when its sequence is one step ahead.
        let (first, count) = unsafe claimRun(at: head, lead: 2, countMax: min(countMax, capacity))
        for step in 0..<UInt64(truncatingIfNeeded: count) {
            body(unsafe takeOut(first &+ step &<< 1))  // SAFETY: claimed by `claimRun`.
        }
        return count
    }

    /// Refuses later pushes. What is queued stays to be taken. Returns whether this call closed it.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        // SAFETY: in our block.
        let (before, _) = unsafe tail.pointee.bitwiseOr(1, ordering: .releasing)  // E3
        return before & 1 == 0
    }
}

// MARK: - Inside

extension BoundedMPMCQueue where Element: ~Copyable {
    /// Claims the longest run of slots that are ready at the head, or the tail, up to `countMax`:
    /// those whose sequence is `lead` ahead of their ticket. None at a tail that is closed: its
    /// flag makes the ticket odd, and no sequence is.
    ///
    /// A ready slot stays ready until somebody claims its ticket, and nobody can claim one behind
    /// the word before the word moves: a compare-exchange that finds the word where it was proves
    /// the whole run.
    @inlinable
    @unsafe
    func claimRun(
        at word: UnsafeMutablePointer<Atomic<UInt64>>, lead: UInt64, countMax: Int
    ) -> (first: UInt64, count: Int) {
        var backoff = Backoff()
        while true {  // Repeated only after another thread changed the word.
            let first = unsafe word.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            var end = first
            var count = 0
            while count < countMax {
                // SAFETY: masked to the slot array.
                let found = unsafe sequence(of: slot(of: end)).pointee
                    .load(ordering: .acquiring)  // E1, E2
                guard found == end &+ lead else { break }
                end &+= 2
                count &+= 1
            }
            // SAFETY: in our block.
            if count == 0, unsafe word.pointee.load(ordering: .relaxed) == first {
                return (first, 0)
            }
            // SAFETY: in our block.
            if count > 0,
                unsafe word.pointee.compareExchange(
                    expected: first, desired: end, ordering: .relaxed
                ).exchanged
            {
                return (first, count)
            }
            backoff.spin()
        }
    }

    /// Moves an element into the slot of a claimed ticket and publishes it.
    @inlinable
    @inline(__always)
    @unsafe
    func putIn(_ ticket: UInt64, _ element: consuming Element) {
        let slot = unsafe slot(of: ticket)  // SAFETY: masked to the slot array.
        // SAFETY: the won ticket makes this thread the slot's only owner until E1 (I2).
        unsafe cell(of: slot).initialize(to: element)
        // SAFETY: the slot array lives as long as `self`.
        unsafe sequence(of: slot).pointee.store(ticket &+ 2, ordering: .releasing)  // E1
    }

    /// Moves the element of a claimed ticket out and recycles its slot.
    @inlinable
    @inline(__always)
    @unsafe
    func takeOut(_ ticket: UInt64) -> sending Element {
        let slot = unsafe slot(of: ticket)  // SAFETY: masked to the slot array.
        // SAFETY: the won ticket makes this thread the slot's only owner until E2 (I2).
        let element = unsafe cell(of: slot).move()
        let nextLap = ticket &+ (mask &+ 1) &<< 1
        // SAFETY: the slot array lives as long as `self`.
        unsafe sequence(of: slot).pointee.store(nextLap, ordering: .releasing)  // E2
        return element
    }

    @inlinable
    @inline(__always)
    func slot(of ticket: UInt64) -> UnsafeMutableRawPointer {
        // SAFETY: the mask keeps the index below `capacity`.
        unsafe slots + Int(truncatingIfNeeded: ticket &>> 1 & mask) &* WordedSlot<Element>.stride
    }

    @inlinable
    @inline(__always)
    func sequence(of slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe WordedSlot<Element>.word(of: slot)  // SAFETY: the ring's slots are such.
    }

    @inlinable
    @inline(__always)
    func cell(of slot: UnsafeMutableRawPointer) -> SharedCell<Element> {
        unsafe WordedSlot<Element>.cell(of: slot)  // SAFETY: as above.
    }

    // A ring of one slot cannot tell full from empty.
    static func roundedCapacity(_ capacity: Int) -> Int {
        RingCapacity.rounded(capacity, least: 2)
    }

    static func layout(capacity: Int) -> (head: Int, tail: Int, slots: Int, byteCount: Int) {
        var layout = BlockLayout()
        let head = layout.appendPadded(Atomic<UInt64>.self)
        let tail = layout.appendPadded(Atomic<UInt64>.self)
        let slots = layout.appendSlots(of: Element.self, count: roundedCapacity(capacity))
        return (head, tail, slots, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            let last = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: in our block.
            precondition(first & 1 == 0, "I1: the head carries no flag")
            precondition(last &- first <= UInt64(capacity) &<< 1, "I1: the tail leads by a lap")
            for step in 0..<UInt64(capacity) {
                let ticket = first &+ step &<< 1
                let isFull = step &<< 1 < last &- first
                // SAFETY: masked to the slot array.
                let found = unsafe sequence(of: slot(of: ticket)).pointee.load(ordering: .relaxed)
                precondition(found == (isFull ? ticket &+ 2 : ticket), "I4: a slot out of step")
            }
        }
    #endif
}
