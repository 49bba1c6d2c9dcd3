// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A channel without places: a send ends when a receiver has the element.
///
/// | Guarantee | `send` / `receive` / `trySend` / `tryReceive` / `close`                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: a short lock each; a holder that is preempted stalls the others        |
/// | Order     | FIFO on both sides: the first sender that waits meets the first receiver         |
/// | Cost      | O(1). A waiting thread allocates nothing, a waiting task two heap blocks         |
/// | Memory    | one block of two lines; the elements stay with those who wait                    |
/// | Edges     | what was done before a send is seen by whoever receives its element, and what    |
/// |           | was done before the receive by the sender whose send has ended                   |
/// | Threads   | any number in all roles                                                          |
///
/// Conservation: when a deadline or a cancellation meets a hand-over, one of the two is first,
/// under the lock. Either the element was handed over and the send says so, or it is the sender's
/// again; it is never neither. A receive that throws has taken nothing.
///
/// `trySend` needs a receiver that already waits in `receive`, `tryReceive` a sender that already
/// waits in `send`; two tries never meet. A `Selector` that waits is no receiver yet: it is woken
/// by an offer and takes it, if nobody was faster.
///
/// `close()` refuses later sends, and those that wait; receivers get the end.
///
/// Not to decouple the two sides: use `BoundedChannel`. Not for one value once: use `Oneshot`.
///
/// Source: C. A. R. Hoare, "Communicating Sequential Processes", 1978, and the unbuffered channel
/// of Go. Ours moves the element from the sender's memory to the receiver's, under one lock for
/// both queues.
///
/// ```swift
/// let channel = RendezvousChannel<Int>()
/// let refusal = channel.trySend(1)
/// print(refusal?.reason == .wouldWait)  // true: nobody waits
/// ```
@frozen
@safe
public struct RendezvousChannel<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let place: MeetingPlace<Element>

    /// A channel where nobody waits.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount))
    }

    /// A channel in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock) {
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe place = MeetingPlace(at: block.base)
        self.block = block
    }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool { place.isClosed }

    /// Refuses later sends and those that wait; receivers get the end. Returns whether this call
    /// closed it.
    @discardableResult
    public func close() -> Bool { place.close() }

    /// Hands the element to a receiver that waits. Nil: it has it; else `closed` or `wouldWait`.
    @inlinable
    public func trySend(_ element: consuming sending Element) -> sending SendRefusal<Element>? {
        guard let refused = place.handOver(element) else { return nil }
        return SendRefusal(refused, isClosed ? .closed : .wouldWait)
    }

    /// Takes the element of the first sender that waits, or nil if none does.
    @inlinable
    public func tryReceive() -> sending Element? {
        guard let taken = place.takeOffer() else { return nil }
        return taken.element
    }
}

// MARK: - Threads

extension RendezvousChannel where Element: ~Copyable {
    /// Sends; the calling thread sleeps until a receiver has the element. Nil: it has it; else
    /// `closed` or `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `send(_:)`")
    public func blockingSend(
        _ element: consuming sending Element, until deadline: MonotonicInstant
    ) -> sending SendRefusal<Element>? {
        var frame: Carried<Element>? = Carried(element)
        let isGranted = park(&frame, on: SenderSide(place: place), until: deadline)
        guard let rest = frame.take() else { return nil }
        return SendRefusal(rest.element, isGranted ? .closed : .timedOut)
    }

    /// Receives; the calling thread sleeps until a sender comes. Throws `closed` when none will, or
    /// `timedOut`.
    @available(*, noasync, message: "this blocks the thread: tasks use `receive()`")
    public func blockingReceive(
        until deadline: MonotonicInstant
    ) throws(ChannelError) -> sending Element {
        var frame: Carried<Element>? = nil
        let isGranted = park(&frame, on: ReceiverSide(place: place), until: deadline)
        guard let taken = frame.take() else { throw isGranted ? .closed : .timedOut }
        return taken.element
    }

    /// Sleeps with a cell in the caller's frame, to which the other side comes.
    private func park<Side: WaitSource>(
        _ frame: inout Carried<Element>?, on side: Side, until deadline: MonotonicInstant
    ) -> Bool {
        // SAFETY: the frame stays until the wait is over, and nobody uses it afterwards.
        unsafe withUnsafeMutablePointer(to: &frame) { address in
            let content = unsafe address.move()  // SAFETY: from here on it is a cell.
            // SAFETY: the cell is nobody else's before the wait.
            let cell = unsafe SharedCell(address)
            unsafe cell.initialize(to: content)  // SAFETY: as above.
            let key = unsafe MeetingPlace<Element>.key(of: address)  // SAFETY: a name.
            let isGranted = side.parkThread(key: key, until: deadline)
            let rest = unsafe cell.move()  // SAFETY: nor after it.
            unsafe address.initialize(to: rest)  // SAFETY: as above.
            return isGranted
        }
    }
}

#if Checks || DEBUG
    extension RendezvousChannel where Element: ~Copyable {
        /// Traps if an invariant is broken.
        public func checkInvariants() { place.checkInvariants() }
    }
#endif
