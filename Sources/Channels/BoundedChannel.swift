// SPDX-License-Identifier: MIT

public import AtomicSupport
public import ConcurrentQueues
public import WaitPrimitives

/// A channel with a fixed number of places, for any number of senders and receivers: who finds it
/// full or empty waits, as a thread or as a task.
///
/// | Guarantee | `send`, `receive`, `trySend`, `tryReceive`, `fill`, `drain`, `close`             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | the try forms never sleep; a peer stalled between claim and publication makes    |
/// |           | its place look full (or empty), and who waits meanwhile spins and yields. With   |
/// |           | somebody asleep each operation takes a short lock to wake it                     |
/// | Order     | FIFO over claimed positions; each sender's elements keep their order. Who waits  |
/// |           | is woken in order of arrival, but one that comes by at that moment may be first  |
/// | Cost      | nobody asleep: the queue's compare-exchange and store, and one RMW; no           |
/// |           | allocation. A sleeping task costs one heap block, a thread none                  |
/// | Memory    | the queue's `capacity` slots and two lines for those who wait                    |
/// | Edges     | what was done before a send is seen by whoever receives its element              |
/// | Threads   | any number in all roles                                                          |
///
/// Conservation: an element is with its sender, in the channel, or with one receiver. A send that
/// is refused (closed, deadline, cancellation) hands its element back; a receive that throws has
/// taken nothing. Cancelling one waiter loses no wake-up of another: who was woken and leaves
/// without an element wakes the next.
///
/// `close()` refuses later sends and wakes all who wait. Receivers are given what is in the channel
/// and then the end. What is left when the channel goes away is destroyed with it.
///
/// A call whose task is cancelled, or whose deadline has passed, still does what can be done at
/// once.
///
/// Composition: a `BoundedMPMCQueue` and two event counts. Who waits announces itself, looks again,
/// and sleeps only if the queue has no *claimed* element (place) either: the queue may answer nil
/// while an older push is in flight, and its notify is spent on one waiter alone.
///
/// Not for one sender and one receiver that poll: use `BoundedSPSCQueue`. Not for a single reply:
/// use `Oneshot`. Not to know that the receiver has the element: use a rendezvous.
///
/// Source: the bounded channels of Go, crossbeam and tokio; the way of waiting is Vyukov's
/// ("Eventcount", 2008).
///
/// ```swift
/// let channel = BoundedChannel<Int>(capacity: 16)
/// let refusal = channel.trySend(1)  // nil: it was accepted
/// let element = channel.tryReceive()
/// print(element ?? 0)  // 1
/// channel.close()
/// ```
@frozen
@safe
public struct BoundedChannel<Element: ~Copyable>: ~Copyable, Sendable {
    // Invariants: I1  an element accepted by the queue is followed by one notify of `arrivals`, one
    //                 taken from it by one notify of `departures`; a batch by one of as many
    //             I2  nobody sleeps in `arrivals` who saw, after its announcement, an element that
    //                 no receiver has claimed; nor in `departures` who saw a place that no sender
    //                 has claimed
    //             I3  who was granted a wake in a list either takes an element (place), sees that
    //                 another has claimed it, or passes the wake on
    //
    // Edges: none of its own. The element travels by the queue's E1, the place by its E2; the event
    // count's E2 puts an announcement and a notify in order, which gives I2: if the notify comes
    // first, the second look is ordered behind the claim; else the notify sees the waiter.
    //
    // Why counts and not a refused `tryPop` decide about sleeping: two elements, of which the older
    // is in flight. The younger's notify wakes a receiver, which finds nothing. If it slept again,
    // the older's notify would wake one receiver for two elements. It sees a claimed element and
    // stays awake.

    @usableFromInline
    let queue: BoundedMPMCQueue<Element>
    /// Where receivers wait.
    @usableFromInline
    let arrivals: EventCount
    /// Where senders wait.
    @usableFromInline
    let departures: EventCount

    /// A channel of `capacity` places, rounded up to a power of two.
    ///
    /// - Parameter capacity: at least two; for none, use a rendezvous.
    public init(capacity: Int) {
        queue = BoundedMPMCQueue(capacity: capacity)
        arrivals = EventCount()
        departures = EventCount()
    }

    /// For tests: positions and epochs start where they are told.
    package init(capacity: Int, firstPosition: UInt64, epoch: UInt32) {
        queue = BoundedMPMCQueue(capacity: capacity, firstPosition: firstPosition)
        arrivals = EventCount(epoch: epoch)
        departures = EventCount(epoch: epoch)
    }

    /// A channel in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the channel.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let waitByteCount = EventCount.storageByteCount
        let byteCount = Self.storageByteCount(capacity: capacity)
        precondition(storage.count >= byteCount, "the storage is smaller than the channel needs")
        let waiting = unsafe storage[..<waitByteCount]  // SAFETY: three parts, side by side.
        // SAFETY: as above.
        let sending = unsafe storage[waitByteCount..<2 * waitByteCount]
        let slots = unsafe storage[(2 * waitByteCount)...]  // SAFETY: as above.
        // SAFETY: the caller promises what the parts ask for; each is made of whole lines.
        unsafe arrivals = EventCount(storage: UnsafeMutableRawBufferPointer(rebasing: waiting))
        // SAFETY: as above.
        unsafe departures = EventCount(storage: UnsafeMutableRawBufferPointer(rebasing: sending))
        // SAFETY: as above.
        unsafe queue = BoundedMPMCQueue(
            storage: UnsafeMutableRawBufferPointer(rebasing: slots), capacity: capacity)
    }

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        2 * EventCount.storageByteCount
            + BoundedMPMCQueue<Element>.storageByteCount(capacity: capacity)
    }
}

// MARK: - Facts

extension BoundedChannel where Element: ~Copyable {
    /// How many elements fit: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { queue.capacity }

    /// How many elements are in the channel: exact when nobody else is inside, else a recent value.
    @inlinable
    public var count: Int { queue.count }

    /// Whether every element that was sent before this call has been claimed by a receiver.
    @inlinable
    public var isEmpty: Bool { queue.isEmpty }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool { queue.isClosed }

    /// Whether the channel is closed and all that it accepted has been claimed by receivers.
    @inlinable
    public var isDrained: Bool { queue.isDrained }

    /// For tests: how many are announced on both sides.
    package var waiterCount: Int { arrivals.waiterCount + departures.waiterCount }
}

// MARK: - Without waiting

extension BoundedChannel where Element: ~Copyable {
    /// Sends if there is a place at once. Nil: it was accepted; else `closed` or `wouldWait`.
    @inlinable
    @inline(__always)
    public func trySend(_ element: consuming sending Element) -> sending SendRefusal<Element>? {
        guard let refused = push(element) else { return nil }
        return SendRefusal(refused, isClosed ? .closed : .wouldWait)
    }

    /// Takes the oldest element, or nil if there is none to take at once; `isDrained` says whether
    /// one may come.
    @inlinable
    @inline(__always)
    public func tryReceive() -> sending Element? {
        guard let element = queue.tryPop() else { return nil }
        departures.notifyOne()  // I1
        return element
    }

    /// Asks `next` for as many elements as there is room for at once, at most `countMax`, and sends
    /// them side by side. Returns how many; zero if the channel is full or closed: then `send` one,
    /// which waits, or says which it is.
    ///
    /// One claim and one notify for all of them. The places behind the one that `next` works for
    /// are claimed: receivers wait for a slow one, awake. It must not use the channel.
    @inlinable
    @discardableResult
    public func fill(max countMax: Int, _ next: () -> sending Element) -> Int {
        let count = queue.fill(max: countMax, next)
        if count > 0 { arrivals.notify(max: count) }  // I1
        return count
    }

    /// Takes up to `countMax` of the oldest elements and hands them to `body` in order. Returns how
    /// many; zero if there is none to take at once: then `receive` one, which waits, or says that
    /// none will come.
    ///
    /// One claim and one notify for all of them. The places behind the one that `body` works on
    /// stay claimed, and senders wait for a slow one, awake. It must not use the channel.
    @inlinable
    @discardableResult
    public func drain(max countMax: Int, _ body: (consuming sending Element) -> Void) -> Int {
        let count = queue.drain(max: countMax, body)
        if count > 0 { departures.notify(max: count) }  // I1
        return count
    }

    /// Refuses later sends and wakes all who wait. What is in the channel stays to be received.
    /// Returns whether this call closed it.
    @discardableResult
    public func close() -> Bool {
        let isFirst = queue.close()
        arrivals.notifyAll()
        departures.notifyAll()
        return isFirst
    }

    /// Puts an element into the queue and tells a receiver; answers it if it was refused.
    @inlinable
    @inline(__always)
    func push(_ element: consuming sending Element) -> sending Element? {
        if let refused = queue.tryPush(element) { return refused }
        arrivals.notifyOne()  // I1
        return nil
    }
}

// MARK: - Threads

extension BoundedChannel where Element: ~Copyable {
    /// Sends; the calling thread sleeps until there is a place. Nil: it was accepted;
    /// else `closed` or `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `send(_:)`")
    @inlinable
    public func blockingSend(
        _ element: consuming sending Element, until deadline: MonotonicInstant
    ) -> sending SendRefusal<Element>? {
        guard let refused = push(element) else { return nil }
        return sendWaiting(Carried(refused), until: deadline)
    }

    /// Takes the oldest element; the calling thread sleeps until there is one. Throws `closed` when
    /// none will come, or `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `receive()`")
    @inlinable
    public func blockingReceive(
        until deadline: MonotonicInstant
    ) throws(ChannelError) -> sending Element {
        if let element = tryReceive() { return element }
        return try receiveWaiting(until: deadline)
    }

    @usableFromInline
    func sendWaiting(
        _ carried: consuming Carried<Element>, until deadline: MonotonicInstant
    ) -> sending SendRefusal<Element>? {
        var rest: Carried<Element>? = carried
        var backoff = Backoff()
        while true {  // Ends with a place, the close, or the deadline.
            switch sendRound(&rest) {
            case .done: return nil
            case .over: return Self.refusal(&rest, .closed)
            case .soon:
                if MonotonicInstant.now >= deadline {
                    departures.notifyOne()  // I3
                    return Self.refusal(&rest, .timedOut)
                }
                backoff.snooze()
            case .wait(let key):
                if !departures.blockingWait(key, until: deadline) {
                    return Self.refusal(&rest, .timedOut)
                }
            }
        }
    }

    @usableFromInline
    func receiveWaiting(
        until deadline: MonotonicInstant
    ) throws(ChannelError) -> sending Element {
        var backoff = Backoff()
        while true {  // Ends with an element, the end, or the deadline.
            switch receiveRound() {
            case .done(let element): return element
            case .over: throw .closed
            case .soon:
                if MonotonicInstant.now >= deadline {
                    arrivals.notifyOne()  // I3
                    throw .timedOut
                }
                backoff.snooze()
            case .wait(let key):
                if !arrivals.blockingWait(key, until: deadline) { throw .timedOut }
            }
        }
    }
}

// MARK: - Rounds of those who wait

extension BoundedChannel where Element: ~Copyable {
    /// What a sender does next.
    enum SendRound: ~Copyable {
        case done
        case over
        /// A place is on its way: try again, after a pause.
        case soon
        case wait(EventCount.Key)
    }

    /// What a receiver does next.
    enum ReceiveRound: ~Copyable {
        case done(Element)
        case over
        /// An element is on its way: try again, after a pause.
        case soon
        case wait(EventCount.Key)
    }

    /// One round of a sender, which has its element back except when done.
    func sendRound(_ rest: inout Carried<Element>?) -> SendRound {
        while true {  // Repeated only after another thread has changed the queue.
            if push(&rest) { return .done }
            if queue.isClosed { return .over }
            if queue.count < queue.capacity { return .soon }
            let key = departures.prepareWait()
            if push(&rest) {
                departures.cancelWait(key)
                return .done
            }
            if !queue.isClosed && queue.count == queue.capacity { return .wait(key) }  // I2
            departures.cancelWait(key)
        }
    }

    /// Puts the element into the queue, if it takes it.
    private func push(_ rest: inout Carried<Element>?) -> Bool {
        guard let carried = rest.take() else { return true }
        guard let refused = push(carried.element) else { return true }
        rest = Carried(refused)
        return false
    }

    static func refusal(
        _ rest: inout Carried<Element>?, _ reason: ChannelError
    ) -> sending SendRefusal<Element>? {
        guard let refused = rest.take() else { return nil }
        return SendRefusal(refused.element, reason)
    }

    /// One round of a receiver.
    func receiveRound() -> sending ReceiveRound {
        while true {  // Repeated only after another thread has changed the queue.
            if let element = tryReceive() { return .done(element) }
            if queue.isDrained { return .over }
            if !queue.isEmpty { return .soon }
            let key = arrivals.prepareWait()
            if let element = tryReceive() {
                arrivals.cancelWait(key)
                return .done(element)
            }
            if !queue.isDrained && queue.isEmpty { return .wait(key) }  // I2
            arrivals.cancelWait(key)
        }
    }
}

#if Checks || DEBUG
    extension BoundedChannel where Element: ~Copyable {
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            queue.checkInvariants()
            arrivals.checkInvariants()
            departures.checkInvariants()
            precondition(arrivals.waiterCount == 0, "I2: a receiver is announced and nobody waits")
            precondition(departures.waiterCount == 0, "I2: a sender is announced, nobody waits")
        }
    }
#endif
