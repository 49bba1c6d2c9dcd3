// SPDX-License-Identifier: MIT

/// The messages of one connection whose fate is open, in the order they were sent.
///
/// | Guarantee | all operations                                                                  |
/// |-----------|---------------------------------------------------------------------------------|
/// | Progress  | never waits                                                                     |
/// | Order     | `written`, `acknowledged`: settled in sending order; `confirmed`: in the order  |
/// |           | of the answers, equal keys in sending order                                     |
/// | Cost      | O(1) for each message; no allocation after `init`                               |
/// | Memory    | 32 bytes for each of `capacity` messages, 36 to 68 more in `confirmed` mode     |
/// | Threads   | one at a time: it belongs to the connection's loop                              |
///
/// The capacity counts messages that are outstanding, not the distance between the oldest and the
/// newest: one answer that is late does not stop the others.
///
/// ```swift
/// var window = DeliveryWindow(mode: .written, capacity: 1024)
/// _ = window.append(messageID: 7, byteCount: 100)
/// window.bytesWritten(60) { _ in }                // nothing yet
/// window.bytesWritten(40) { id in settle(id) }    // settle(7)
/// ```
///
/// When the connection has died, `abandon` hands back what is unsettled; the window is then ready
/// for the next connection.
@frozen
@safe
public struct DeliveryWindow: ~Copyable, @unchecked Sendable {
    // Layout: entries[p]         one outstanding message at place p; a ring of links in sending
    //                            order through places, closed by entries[capacity]
    //         firstFree          places without a message, linked through `next`, last in first out
    //         firstUnwritten     the oldest message that the kernel has not taken whole
    //
    //         settled ─► │ oldest … firstUnwritten … newest │ ─► not yet appended
    //                          written ↑    ↑ submitted  ↑ appended     (offsets in the stream)
    //
    // Invariants:
    //   I1  the ring has `count` messages, their end offsets ascend, and links agree both ways
    //   I2  messages and free places together are `capacity`
    //   I3  writtenOffset ≤ submittedOffset ≤ appendedOffset, acknowledgedOffset ≤ appendedOffset
    //   I4  firstUnwritten is the first with an end offset beyond writtenOffset
    //   I5  in `written` mode the oldest is firstUnwritten; in `acknowledged` mode every end offset
    //       is beyond acknowledgedOffset

    @frozen
    @usableFromInline
    struct Entry {
        @usableFromInline var messageID: UInt64
        @usableFromInline var endOffset: UInt64
        @usableFromInline var byteCount: UInt32
        @usableFromInline var previous: UInt32
        @usableFromInline var next: UInt32

        @inlinable
        init(
            messageID: UInt64, endOffset: UInt64, byteCount: UInt32, previous: UInt32, next: UInt32
        ) {
            self.messageID = messageID
            self.endOffset = endOffset
            self.byteCount = byteCount
            self.previous = previous
            self.next = next
        }

        @inlinable
        var startOffset: UInt64 { endOffset &- UInt64(byteCount) }
    }

    @frozen
    @usableFromInline
    struct State {
        @usableFromInline var count = 0
        @usableFromInline var messagesWritten: UInt64 = 0
        @usableFromInline var unexpectedAnswers: UInt64 = 0
        @usableFromInline var appendedOffset: UInt64 = 0
        @usableFromInline var submittedOffset: UInt64 = 0
        @usableFromInline var writtenOffset: UInt64 = 0
        @usableFromInline var acknowledgedOffset: UInt64 = 0
        @usableFromInline var lastConfirmedOffset: UInt64 = 0

        @inlinable
        init() {}
    }

    /// What counts as delivered.
    public let mode: DeliveryMode

    /// The most messages outstanding at one time.
    public let capacity: Int

    /// How many messages are outstanding.
    @inlinable public var count: Int { state.count }

    /// How many messages the kernel has taken whole.
    @inlinable public var messagesWritten: UInt64 { state.messagesWritten }

    /// How many answers matched no outstanding message.
    @inlinable public var unexpectedAnswers: UInt64 { state.unexpectedAnswers }

    /// The bytes appended to the stream of this connection.
    @inlinable public var appendedOffset: UInt64 { state.appendedOffset }

    /// The bytes given to the kernel.
    @inlinable public var submittedOffset: UInt64 { state.submittedOffset }

    /// The bytes that the kernel took.
    @inlinable public var writtenOffset: UInt64 { state.writtenOffset }

    /// The bytes that the peer's kernel acknowledged.
    @inlinable public var acknowledgedOffset: UInt64 { state.acknowledgedOffset }

    /// Where the message ends that `confirm` has settled last: beyond `writtenOffset` if it was
    /// answered before the kernel told that it took all of it.
    @inlinable public var lastConfirmedOffset: UInt64 { state.lastConfirmedOffset }

    @usableFromInline var state = State()
    @usableFromInline let entries: UnsafeMutablePointer<Entry>
    @usableFromInline let sentinel: UInt32
    @usableFromInline var firstFree: UInt32
    @usableFromInline var firstUnwritten: UInt32
    @usableFromInline var index: KeyIndex

    /// An empty window.
    public init(mode: DeliveryMode, capacity: Int) {
        precondition(capacity > 0, "a window holds at least one message")
        precondition(capacity <= PoolConfiguration.messagesLimit, "the window is too large")
        self.mode = mode
        self.capacity = capacity
        sentinel = UInt32(capacity)
        firstFree = 0
        firstUnwritten = sentinel
        unsafe entries = .allocate(capacity: capacity + 1)  // SAFETY: freed in `deinit`.
        index = KeyIndex(capacity: mode == .confirmed ? capacity : 0)
        for place in 0...sentinel {
            let next = place == sentinel ? sentinel : place + 1
            let entry = Entry(
                messageID: 0, endOffset: 0, byteCount: 0, previous: sentinel, next: next)
            // SAFETY: place ≤ capacity, and capacity + 1 entries were allocated.
            unsafe (entries + Int(place)).initialize(to: entry)
        }
    }

    deinit {
        // SAFETY: allocated in `init`; entries are trivial.
        unsafe entries.deallocate()
    }

    /// Whether nothing is outstanding.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// How many more messages fit.
    @inlinable
    public var available: Int { capacity &- count }

    /// Whether the kernel has taken the oldest outstanding message whole.
    @inlinable
    public var isOldestWritten: Bool {
        // SAFETY: the sentinel's place.
        let oldest = unsafe entries[Int(sentinel)].next
        return oldest != firstUnwritten
    }

    /// The message that the kernel has taken only in part, and how much of it.
    @inlinable
    public var cutMessage: (messageID: UInt64, byteCount: Int)? {
        guard firstUnwritten != sentinel else { return nil }
        // SAFETY: a place of the ring.
        let entry = unsafe entries[Int(firstUnwritten)]
        guard entry.startOffset < writtenOffset else { return nil }
        return (entry.messageID, Int(writtenOffset &- entry.startOffset))
    }
}

// Sending.
extension DeliveryWindow {
    /// Notes a message that now follows in the byte stream, in the modes without keys.
    ///
    /// - Returns: the offset behind its last byte; nil if the window is full.
    @inlinable
    @inline(__always)
    public mutating func append(messageID: UInt64, byteCount: Int) -> UInt64? {
        precondition(mode != .confirmed, "in this mode a message has a key")
        guard let place = link(messageID, byteCount) else { return nil }
        return unsafe entries[Int(place)].endOffset  // SAFETY: just linked.
    }

    /// Notes a message that now follows in the byte stream, to be confirmed by its key.
    ///
    /// - Parameters:
    ///   - messageID: what `settle` is called with; the caller's, and not looked at.
    ///   - byteCount: the message's length: 1 byte at least, less than 4 GiB.
    ///   - hash: a hash of the key, the same for equal keys (`KeyHash`).
    ///   - isSameKey: whether the message with this identifier, which is outstanding here, has the
    ///     same key, byte for byte. Asked only where hashes agree.
    /// - Returns: the offset behind its last byte; nil if the window is full.
    @inlinable
    @inline(__always)
    public mutating func append(
        messageID: UInt64, byteCount: Int, hash: UInt64, isSameKey: (UInt64) -> Bool
    ) -> UInt64? {
        precondition(mode == .confirmed, "only answers have keys")
        guard let place = link(messageID, byteCount) else { return nil }
        let entries = unsafe self.entries  // SAFETY: only the address.
        index.insert(place, hash: hash) { other in
            // SAFETY: the index holds places of outstanding messages only.
            isSameKey(unsafe entries[Int(other)].messageID)
        }
        return unsafe entries[Int(place)].endOffset  // SAFETY: just linked.
    }

    @inlinable
    @inline(__always)
    mutating func link(_ messageID: UInt64, _ byteCount: Int) -> UInt32? {
        precondition(byteCount > 0, "a message has at least one byte")
        precondition(byteCount <= UInt32.max, "a message has less than 4 GiB")
        guard count < capacity else { return nil }
        let place = firstFree
        state.appendedOffset &+= UInt64(byteCount)
        // SAFETY: a free place, the sentinel, and a place of the ring: all at most `capacity`.
        unsafe firstFree = entries[Int(place)].next
        let newest = unsafe entries[Int(sentinel)].previous
        unsafe entries[Int(place)] = Entry(
            messageID: messageID, endOffset: appendedOffset,
            byteCount: UInt32(truncatingIfNeeded: byteCount), previous: newest, next: sentinel)
        unsafe entries[Int(newest)].next = place  // SAFETY: as above, here and below.
        unsafe entries[Int(sentinel)].previous = place
        if firstUnwritten == sentinel { firstUnwritten = place }
        state.count &+= 1
        return place
    }

    /// Notes that bytes were given to the kernel, which has not yet told how many it took. Only
    /// then can they be answered. Not needed where a write tells at once.
    @inlinable
    public mutating func bytesSubmitted(_ byteCount: Int) {
        state.submittedOffset &+= UInt64(byteCount)
        precondition(submittedOffset <= appendedOffset, "more bytes than were appended")
    }

    /// Notes that the kernel took bytes.
    ///
    /// - Parameters:
    ///   - byteCount: how many since the last call, at most those that were appended and not taken.
    ///   - settle: in `written` mode called with each message that is now whole.
    /// - Returns: how many messages became whole, in every mode.
    @inlinable
    @inline(__always)
    @discardableResult
    public mutating func bytesWritten(_ byteCount: Int, settle: (UInt64) -> Void) -> Int {
        state.writtenOffset &+= UInt64(byteCount)
        precondition(writtenOffset <= appendedOffset, "more bytes than were appended")
        state.submittedOffset = max(submittedOffset, writtenOffset)
        let before = messagesWritten
        if mode == .written {
            settlePrefix(upTo: writtenOffset, settle)
        } else {
            passWritten()
        }
        return Int(messagesWritten &- before)
    }

    /// Moves `firstUnwritten` over what is written and stays outstanding.
    @inlinable
    mutating func passWritten() {
        var place = firstUnwritten
        var passed: UInt64 = 0
        while place != sentinel {
            // SAFETY: a place of the ring.
            let entry = unsafe entries[Int(place)]
            if entry.endOffset > writtenOffset { break }
            passed &+= 1
            place = entry.next
        }
        firstUnwritten = place
        state.messagesWritten &+= passed
    }
}

// Settling.
extension DeliveryWindow {
    /// Notes that the peer's kernel acknowledged all bytes before an offset. What is not news is
    /// ignored.
    ///
    /// - Parameters:
    ///   - total: bytes of the stream; from `tcpi_bytes_acked` subtract one for the SYN, and do not
    ///     let it exceed `appendedOffset`: the FIN counts one as well.
    ///   - settle: in `acknowledged` mode called with each message that is now acknowledged.
    /// - Returns: how many messages settled.
    @inlinable
    @inline(__always)
    @discardableResult
    public mutating func bytesAcknowledged(
        upTo total: UInt64, settle: (UInt64) -> Void
    ) -> Int {
        precondition(total <= appendedOffset, "more bytes than were appended")
        guard total > acknowledgedOffset else { return 0 }
        state.acknowledgedOffset = total
        return mode == .acknowledged ? settlePrefix(upTo: total, settle) : 0
    }

    /// Takes the oldest messages out, up to an offset, and frees their places in one step.
    @inlinable
    @inline(__always)
    @discardableResult
    mutating func settlePrefix(upTo offset: UInt64, _ settle: (UInt64) -> Void) -> Int {
        // SAFETY: here and below, places of the ring and the sentinel: all at most `capacity`.
        let oldest = unsafe entries[Int(sentinel)].next
        var place = oldest
        var last = sentinel
        var settled = 0
        var newlyWritten: UInt64 = 0
        while place != sentinel {
            let entry = unsafe entries[Int(place)]  // SAFETY: as above.
            if entry.endOffset > offset { break }
            // The places from here on are unwritten as far as was told until now.
            if place == firstUnwritten {
                newlyWritten &+= 1
                firstUnwritten = entry.next
            }
            settle(entry.messageID)
            settled &+= 1
            last = place
            place = entry.next
        }
        guard settled > 0 else { return 0 }
        // SAFETY: as above.
        unsafe entries[Int(sentinel)].next = place
        unsafe entries[Int(place)].previous = sentinel
        unsafe entries[Int(last)].next = firstFree
        firstFree = oldest
        state.count &-= settled
        state.messagesWritten &+= newlyWritten
        return settled
    }

    /// Notes an answer of the peer's program: settles the oldest message with its key.
    ///
    /// - Parameters:
    ///   - hash: the hash of the answer's key.
    ///   - isSameKey: whether the outstanding message with this identifier has that key, byte for
    ///     byte. Asked only where hashes agree.
    /// - Returns: the message; nil, and counted as unexpected, if no message with that key is
    ///   outstanding or none was given to the kernel whole.
    @inlinable
    @inline(__always)
    public mutating func confirm(hash: UInt64, isSameKey: (UInt64) -> Bool) -> UInt64? {
        precondition(mode == .confirmed, "only in this mode are answers expected")
        let entries = unsafe self.entries  // SAFETY: only the address.
        let cell = index.cell(hash: hash) { other in
            // SAFETY: the index holds places of outstanding messages only.
            isSameKey(unsafe entries[Int(other)].messageID)
        }
        guard let place = index.first(inCell: cell) else {
            state.unexpectedAnswers &+= 1
            return nil
        }
        // SAFETY: as above.
        let entry = unsafe entries[Int(place)]
        guard entry.endOffset <= submittedOffset else {
            state.unexpectedAnswers &+= 1
            return nil
        }
        state.lastConfirmedOffset = entry.endOffset
        index.removeFirst(inCell: cell)
        unlink(place, entry)
        return entry.messageID
    }

    @inlinable
    @inline(__always)
    mutating func unlink(_ place: UInt32, _ entry: Entry) {
        if entry.endOffset > writtenOffset {
            // Answered before the kernel told that it took the last byte.
            state.messagesWritten &+= 1
            if place == firstUnwritten { firstUnwritten = entry.next }
        }
        // SAFETY: places of the ring or the sentinel.
        unsafe entries[Int(entry.previous)].next = entry.next
        unsafe entries[Int(entry.next)].previous = entry.previous
        unsafe entries[Int(place)].next = firstFree
        firstFree = place
        state.count &-= 1
    }

    /// The connection is dead: hands over every unsettled message in sending order and starts anew
    /// with an empty stream. Counts of messages stay.
    ///
    /// - Parameter body: called with the message and whether any byte of it was given to a kernel
    ///   that took it.
    public mutating func abandon(
        _ body: (_ messageID: UInt64, _ bytesEverWritten: Bool) -> Void
    ) {
        let reached = max(writtenOffset, acknowledgedOffset)
        // SAFETY: here and below, places of the ring and the sentinel.
        var place = unsafe entries[Int(sentinel)].next
        while place != sentinel {
            let entry = unsafe entries[Int(place)]  // SAFETY: as above.
            body(entry.messageID, entry.startOffset < reached)
            unsafe entries[Int(place)].next = firstFree  // SAFETY: as above.
            firstFree = place
            place = entry.next
        }
        // SAFETY: as above.
        unsafe entries[Int(sentinel)].next = sentinel
        unsafe entries[Int(sentinel)].previous = sentinel
        firstUnwritten = sentinel
        state.count = 0
        state.appendedOffset = 0
        state.submittedOffset = 0
        state.writtenOffset = 0
        state.acknowledgedOffset = 0
        state.lastConfirmedOffset = 0
        index.removeAll()
    }

    /// Checks I1 to I5; traps if one is broken. O(capacity).
    func checkInvariants() {
        // SAFETY: the walk below follows the ring, whose places are at most `capacity`.
        var place = unsafe entries[Int(sentinel)].next
        var previous = sentinel
        var found = 0
        var offset: UInt64 = 0
        var expectedUnwritten = sentinel
        while place != sentinel {
            let entry = unsafe entries[Int(place)]  // SAFETY: as above.
            precondition(entry.previous == previous, "I1: links")
            precondition(entry.endOffset > offset, "I1: offsets")
            if expectedUnwritten == sentinel, entry.endOffset > writtenOffset {
                expectedUnwritten = place
            }
            if mode == .written { precondition(entry.endOffset > writtenOffset, "I5") }
            if mode == .acknowledged { precondition(entry.endOffset > acknowledgedOffset, "I5") }
            offset = entry.endOffset
            previous = place
            place = entry.next
            found += 1
        }
        let newest = unsafe entries[Int(sentinel)].previous  // SAFETY: as above.
        precondition(newest == previous, "I1: newest")
        precondition(found == count, "I1: count")
        precondition(offset <= appendedOffset, "I1: last offset")
        var free = 0
        place = firstFree
        while free < capacity - count {
            precondition(place < sentinel, "I2: a free place")
            place = unsafe entries[Int(place)].next  // SAFETY: as above.
            free += 1
        }
        precondition(writtenOffset <= submittedOffset, "I3")
        precondition(submittedOffset <= appendedOffset, "I3")
        precondition(acknowledgedOffset <= appendedOffset, "I3")
        precondition(firstUnwritten == expectedUnwritten, "I4")
        index.checkInvariants()
    }
}
