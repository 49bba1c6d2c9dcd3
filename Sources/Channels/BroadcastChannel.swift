// SPDX-License-Identifier: MIT

public import AtomicSupport
public import ConcurrentQueues
public import WaitPrimitives

/// News for all: each subscriber receives each element that is sent after it has subscribed, or is
/// told how many it has missed; who has nothing to receive waits, as a thread or as a task.
///
/// | Guarantee | `send` / `receive` / `trySend` / `tryReceive` / `close`                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | a receive sleeps until there is something. A send never sleeps: it overwrites the|
/// |           | oldest element, and spins and yields only while somebody copies that one; see    |
/// |           | `BroadcastRing`. With somebody asleep each send takes a short lock to wake all   |
/// | Order     | one order for all; each sender's elements keep theirs                            |
/// | Cost      | nobody asleep: the ring's, and one RMW for a send; no allocation. A sleeping task|
/// |           | costs one heap block, a thread none                                              |
/// | Memory    | the ring's `capacity` slots and one line for those who wait                      |
/// | Edges     | what was done before a send is seen by whoever receives its element              |
/// | Threads   | any number in all roles; a cursor is one thread's or task's at a time            |
///
/// Lag: there is no back-pressure. A subscriber that has fallen behind by more than `capacity` is
/// given `.lagged` with the exact number it will not see, and goes on with the oldest element that
/// is kept. It is a delivery, not an error: the subscription goes on.
///
/// A receive that throws (end, deadline, cancellation) has moved the cursor past nothing. A send
/// wakes all who wait, so one that gives up owes no wake-up to the others.
///
/// `close()` refuses later sends and wakes all who wait. Each subscriber is given what it has not
/// seen, as far as it is kept, and then the end.
///
/// A call whose task is cancelled, or whose deadline has passed, still does what can be done at
/// once.
///
/// Composition: a `BroadcastRing` and an event count. Who waits announces itself, looks again, and
/// sleeps if there is nothing. It may sleep also while the next element is on its way: that one's
/// sender wakes all when it is in its place.
///
/// Not where each element is work to be done once, or where senders must be held back: use a
/// `BoundedChannel`, or one for each receiver. Not for subscribers that poll: use the ring.
///
/// Source: Tokio's `broadcast`; see `BroadcastRing` for what differs. The way of waiting is
/// Vyukov's ("Eventcount", 2008).
///
/// ```swift
/// let news = BroadcastChannel<Int>(capacity: 16)
/// var cursor = news.subscribe()
/// _ = news.trySend(1)
/// print(try news.blockingReceive(by: &cursor, until: .never))  // element(1)
/// news.close()
/// ```
@frozen
@safe
public struct BroadcastChannel<Element: Sendable>: ~Copyable, Sendable {
    // Invariants: I1  an element that is in its place in the ring, and a close, are followed by a
    //                 notify of all
    //             I2  nobody sleeps who found, after its announcement, its next element in its
    //                 place, or the end
    //
    // Edges: none of its own. The element travels by the ring's E1, the close by its E3; the event
    // count's E2 puts an announcement and a notify in order, which gives I2: if the notify comes
    // first, the second look is ordered behind the publication; else the notify sees the waiter.
    //
    // Why a nil may be slept on, as in `BoundedChannel` it may not: there a notify wakes one, who
    // may find nothing and would have to wake another. Here the notify of the element that is on
    // its way wakes all, and comes when it is in its place.

    @usableFromInline
    let ring: BroadcastRing<Element>
    /// Where subscribers wait.
    @usableFromInline
    let arrivals: EventCount

    /// A channel that keeps the last `capacity` elements, rounded up to a power of two.
    ///
    /// - Parameter capacity: at least one.
    public init(capacity: Int) {
        ring = BroadcastRing(capacity: capacity)
        arrivals = EventCount()
    }

    /// For tests: positions and epochs start where they are told.
    package init(capacity: Int, firstPosition: UInt64, epoch: UInt32) {
        ring = BroadcastRing(capacity: capacity, firstPosition: firstPosition)
        arrivals = EventCount(epoch: epoch)
    }

    /// A channel in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the channel.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let waitByteCount = EventCount.storageByteCount
        let byteCount = Self.storageByteCount(capacity: capacity)
        precondition(storage.count >= byteCount, "the storage is smaller than the channel needs")
        let waiting = unsafe storage[..<waitByteCount]  // SAFETY: two parts, side by side.
        let slots = unsafe storage[waitByteCount...]  // SAFETY: as above.
        // SAFETY: the caller promises what the parts ask for; each is made of whole lines.
        unsafe arrivals = EventCount(storage: UnsafeMutableRawBufferPointer(rebasing: waiting))
        // SAFETY: as above.
        unsafe ring = BroadcastRing(
            storage: UnsafeMutableRawBufferPointer(rebasing: slots), capacity: capacity)
    }

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        EventCount.storageByteCount + BroadcastRing<Element>.storageByteCount(capacity: capacity)
    }
}

// MARK: - Facts

extension BroadcastChannel {
    /// How many elements are kept: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { ring.capacity }

    /// How many elements were accepted so far, modulo 2^63.
    @inlinable
    public var sentCount: UInt64 { ring.publishedCount }

    /// How many elements a subscriber has before it; what exceeds `capacity` is lost.
    @inlinable
    public func unreadCount(by cursor: BroadcastCursor) -> UInt64 { ring.unreadCount(by: cursor) }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool { ring.isClosed }

    /// Whether the channel is closed and a subscriber has been given, or told that it missed, every
    /// element.
    @inlinable
    public func isDrained(by cursor: BroadcastCursor) -> Bool { ring.isDrained(by: cursor) }

    /// For tests: how many are announced.
    package var waiterCount: Int { arrivals.waiterCount }
}

// MARK: - Without waiting

extension BroadcastChannel {
    /// A subscriber of what is sent from now on.
    @inlinable
    public func subscribe() -> BroadcastCursor { ring.subscribe() }

    /// Sends, if nobody copies the element that is to be overwritten just now. Nil: it was
    /// accepted; else `closed` or `wouldWait`.
    @inlinable
    public func trySend(_ element: Element) -> SendRefusal<Element>? {
        switch ring.tryPublish(element) {
        case .published:
            arrivals.notifyAll()  // I1
            return nil
        case .occupied: return SendRefusal(element, .wouldWait)
        case .closed: return SendRefusal(element, .closed)
        }
    }

    /// Gives a subscriber the next element, or says how many it has missed; nil if there is nothing
    /// at once. `isDrained(by:)` says whether anything may come.
    @inlinable
    public func tryReceive(by cursor: inout BroadcastCursor) -> BroadcastDelivery<Element>? {
        ring.tryReceive(by: &cursor)
    }

    /// Refuses later sends and wakes all who wait. What is kept stays to be received. Returns
    /// whether this call closed it.
    @discardableResult
    public func close() -> Bool {
        let isFirst = ring.close()
        arrivals.notifyAll()  // I1
        return isFirst
    }
}

// MARK: - Threads

extension BroadcastChannel {
    /// Sends; the calling thread gives its time slices away while somebody copies the element that
    /// is to be overwritten. Nil: it was accepted; else `closed` or `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `send(_:)`")
    @inlinable
    public func blockingSend(
        _ element: Element, until deadline: MonotonicInstant
    ) -> SendRefusal<Element>? {
        var backoff = Backoff()
        while true {  // Ends when the copy is made, with the close, or the deadline.
            guard let refusal = trySend(element) else { return nil }
            if refusal.reason == .closed { return refusal }
            if MonotonicInstant.now >= deadline { return SendRefusal(element, .timedOut) }
            backoff.snooze()
        }
    }

    /// Gives a subscriber the next element, or says how many it has missed; the calling thread
    /// sleeps until there is something. Throws `closed` when nothing will come, or `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `receive(by:)`")
    @inlinable
    public func blockingReceive(
        by cursor: inout BroadcastCursor, until deadline: MonotonicInstant
    ) throws(ChannelError) -> BroadcastDelivery<Element> {
        if let delivery = tryReceive(by: &cursor) { return delivery }
        return try receiveWaiting(by: &cursor, until: deadline)
    }

    @usableFromInline
    func receiveWaiting(
        by cursor: inout BroadcastCursor, until deadline: MonotonicInstant
    ) throws(ChannelError) -> BroadcastDelivery<Element> {
        while true {  // Ends with a delivery, the end, or the deadline.
            switch receiveRound(by: &cursor) {
            case .done(let delivery): return delivery
            case .over: throw .closed
            case .wait(let key):
                if !arrivals.blockingWait(key, until: deadline) { throw .timedOut }
            }
        }
    }

    /// What a subscriber does next.
    enum ReceiveRound: ~Copyable {
        case done(BroadcastDelivery<Element>)
        case over
        case wait(EventCount.Key)
    }

    /// One round of a subscriber that waits.
    func receiveRound(by cursor: inout BroadcastCursor) -> ReceiveRound {
        if let delivery = tryReceive(by: &cursor) { return .done(delivery) }
        if isDrained(by: cursor) { return .over }
        let key = arrivals.prepareWait()
        if let delivery = tryReceive(by: &cursor) {
            arrivals.cancelWait(key)
            return .done(delivery)
        }
        if !isDrained(by: cursor) { return .wait(key) }  // I2
        arrivals.cancelWait(key)
        return .over
    }
}

#if Checks || DEBUG
    extension BroadcastChannel {
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            ring.checkInvariants()
            arrivals.checkInvariants()
            precondition(arrivals.waiterCount == 0, "I2: somebody is announced and nobody waits")
        }
    }
#endif
