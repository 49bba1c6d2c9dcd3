// SPDX-License-Identifier: MIT

public import AtomicSupport
public import ConcurrentQueues
public import WaitPrimitives

/// One source of a `Selector`: a channel from which to receive, an event, or a condition of one's
/// own; and what is made of what it gives.
///
/// A case keeps its source alive. It has no state of its own: one source may be in the cases of
/// several selectors.
///
/// | Source | A turn of it |
/// |---|---|
/// | `receive(from:)` a `BoundedChannel` | takes an element, which then is nowhere else |
/// | `receive(from:)` a `RendezvousChannel` | takes a waiting sender's element, whose send ends |
/// | `receive(from:by:)` a `BroadcastChannel` | takes what comes to a cursor, which moves on |
/// | `whenSet(_:)` a `ManualResetEvent` | sees that it is set, and leaves it so |
/// | `when(_:)` an `EventCount` | what the caller's own condition takes or sees |
@safe
public struct SelectCase<Output: ~Copyable>: Sendable {
    /// What a look at a source found.
    @usableFromInline
    enum Look: ~Copyable {
        case taken(Output)
        /// Nothing now: sleep until it wakes.
        case nothing
        /// Something is on its way: look again, after a pause.
        case soon
        /// Nothing will ever come.
        case over
    }

    /// Looks, and takes what is there.
    let look: @Sendable () -> Look
    /// Announces a wait before the second look; answers the key of its node.
    let prepare: @Sendable () -> UInt64
    /// Takes an announcement back that was not enqueued.
    let cancel: @Sendable (UInt64) -> Void
    @safe
    let enqueue: @Sendable (UnsafeMutablePointer<WaitNode>) -> WaitAdmission
    @safe
    let withdraw: @Sendable (UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal
    /// Wakes another one that waits for the source, in the place of the selector.
    let passOn: @Sendable () -> Void

    // Safe: what a selector enqueues are nodes of its own, which it keeps until it has them back.
    @safe
    init(
        look: @escaping @Sendable () -> Look, prepare: @escaping @Sendable () -> UInt64,
        cancel: @escaping @Sendable (UInt64) -> Void,
        enqueue: @escaping @Sendable (UnsafeMutablePointer<WaitNode>) -> WaitAdmission,
        withdraw: @escaping @Sendable (UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal,
        passOn: @escaping @Sendable () -> Void
    ) {
        self.look = look
        self.prepare = prepare
        self.cancel = cancel
        unsafe self.enqueue = enqueue  // SAFETY: kept, not called.
        unsafe self.withdraw = withdraw  // SAFETY: as above.
        self.passOn = passOn
    }
}

extension SelectCase where Output: ~Copyable {
    /// Receives from a bounded channel.
    ///
    /// - Parameters:
    ///   - channel: where the element comes from.
    ///   - transform: makes of it what the selector answers.
    public static func receive<Element: ~Copyable>(
        from channel: Shared<BoundedChannel<Element>>,
        _ transform: @escaping @Sendable (consuming sending Element) -> Output
    ) -> SelectCase<Output> {
        SelectCase(
            look: {
                if let element = channel.value.tryReceive() { return .taken(transform(element)) }
                if channel.value.isDrained { return .over }
                return channel.value.isEmpty ? .nothing : .soon
            },
            prepare: { channel.value.arrivals.prepareWait().takeRawValue() },
            cancel: { channel.value.arrivals.cancelWait(EventCount.Key(epoch: $0)) },
            // SAFETY: the selector's node, here and below.
            enqueue: { unsafe channel.value.arrivals.enqueue($0) },
            withdraw: { unsafe channel.value.arrivals.withdraw($0) },  // SAFETY: as above.
            passOn: { channel.value.arrivals.notifyOne() })
    }

    /// Receives from a rendezvous channel.
    ///
    /// - Parameters:
    ///   - channel: where the element comes from.
    ///   - transform: makes of it what the selector answers.
    public static func receive<Element: ~Copyable>(
        from channel: Shared<RendezvousChannel<Element>>,
        _ transform: @escaping @Sendable (consuming sending Element) -> Output
    ) -> SelectCase<Output> {
        let watchers = WatcherSide(place: channel.value.place)
        return SelectCase(
            look: {
                if let element = channel.value.tryReceive() { return .taken(transform(element)) }
                return channel.value.isClosed ? .over : .nothing
            },
            prepare: { 0 }, cancel: { _ in },
            // SAFETY: the selector's node, here and below; the case holds the channel.
            enqueue: { unsafe watchers.enqueue($0) },
            withdraw: { unsafe watchers.withdraw($0) },  // SAFETY: as above.
            passOn: { channel.value.place.passOn() })
    }

    /// Receives from a broadcast channel what comes to a subscriber, and how many it has missed.
    ///
    /// - Parameters:
    ///   - channel: where the news come from.
    ///   - cursor: where the case begins; the case moves a copy of it, which selectors that have
    ///     copies of the case share: each delivery then goes to one of them.
    ///   - transform: makes of it what the selector answers.
    public static func receive<Element: Sendable>(
        from channel: Shared<BroadcastChannel<Element>>, by cursor: BroadcastCursor,
        _ transform: @escaping @Sendable (BroadcastDelivery<Element>) -> Output
    ) -> SelectCase<Output> {
        // Relaxed: a ticket carries no data, the ring's E1 does.
        let place = Shared(Atomic<UInt64>(cursor.ticket))
        return SelectCase(
            look: {
                while true {  // Repeated only after another selector has moved the cursor.
                    let ticket = place.value.load(ordering: .relaxed)
                    var cursor = BroadcastCursor(ticket: ticket)
                    guard let delivery = channel.value.tryReceive(by: &cursor) else {
                        return channel.value.isDrained(by: cursor) ? .over : .nothing
                    }
                    let isMoved = place.value.compareExchange(
                        expected: ticket, desired: cursor.ticket, ordering: .relaxed
                    ).exchanged
                    if isMoved { return .taken(transform(delivery)) }
                }
            },
            prepare: { channel.value.arrivals.prepareWait().takeRawValue() },
            cancel: { channel.value.arrivals.cancelWait(EventCount.Key(epoch: $0)) },
            // SAFETY: the selector's node, here and below.
            enqueue: { unsafe channel.value.arrivals.enqueue($0) },
            withdraw: { unsafe channel.value.arrivals.withdraw($0) },  // SAFETY: as above.
            passOn: {})  // Each send wakes all.
    }

    /// Sees that an event is set.
    ///
    /// - Parameters:
    ///   - event: is left as it is. One that is set and reset at once may have been missed.
    ///   - transform: makes what the selector answers.
    public static func whenSet(
        _ event: Shared<ManualResetEvent>, _ transform: @escaping @Sendable () -> Output
    ) -> SelectCase<Output> {
        SelectCase(
            look: { event.value.isSet ? .taken(transform()) : .nothing },
            prepare: { 0 }, cancel: { _ in },
            // SAFETY: the selector's node, here and below.
            enqueue: { unsafe event.value.enqueue($0) },
            withdraw: { unsafe event.value.withdraw($0) },  // SAFETY: as above.
            passOn: {})
    }

    /// Looks at a condition of the caller's, whose changes are followed by a notify.
    ///
    /// - Parameters:
    ///   - events: is notified after each change that makes the condition true; whatever may be
    ///     taken by one alone, by `notifyOne` for each.
    ///   - attempt: takes or sees what there is, at once, or answers nil.
    public static func when(
        _ events: Shared<EventCount>, _ attempt: @escaping @Sendable () -> Output?
    ) -> SelectCase<Output> {
        SelectCase(
            look: {
                guard let output = attempt() else { return .nothing }
                return .taken(output)
            },
            prepare: { events.value.prepareWait().takeRawValue() },
            cancel: { events.value.cancelWait(EventCount.Key(epoch: $0)) },
            // SAFETY: the selector's node, here and below.
            enqueue: { unsafe events.value.enqueue($0) },
            withdraw: { unsafe events.value.withdraw($0) },  // SAFETY: as above.
            passOn: { events.value.notifyOne() })
    }
}
