// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Where the two sides of a rendezvous meet: who waits to send, who waits to receive, and who
/// watches for offers, under one lock.
@frozen
@usableFromInline
@safe
struct MeetingPlace<Element: ~Copyable>: @unchecked Sendable {
    // Layout: bytes 0 … 3 closed · 4 … 7 whether an offer waits · from 8 senders · receivers ·
    //         watchers, one list each. The key of a node is the address of its cell: in the frame
    //         or the heap block of who waits.
    //
    // Invariants: I1  one lock, that of `senders`, guards everything here and the cells of whom
    //                 is queued
    //             I2  outside the lock, senders or receivers is empty
    //             I3  the cell of a queued sender is full, that of a queued receiver is empty
    //             I4  once closed, nobody is queued
    //             I5  while an offer waits and watchers do, one of them was woken for it, unless
    //                 it has been told to look again later (`passOn`)
    //
    //             I6  outside the lock, the word of offers is 1 if and only if a sender is queued
    //
    // Edges: E1  close store → isClosed load   carries what the closer did before
    //        The word of offers is relaxed: it saves those who only look the lock, and who finds an
    //        offer takes the lock.
    //        Elements travel under the lock (InternalLock, E1) and by the wake of who waits.

    @usableFromInline
    typealias Content = Carried<Element>?

    @usableFromInline
    let closedWord: UnsafeMutablePointer<Atomic<UInt32>>
    @usableFromInline
    let offersWord: UnsafeMutablePointer<Atomic<UInt32>>
    @usableFromInline
    let senders: WaiterList
    @usableFromInline
    let receivers: WaiterList
    @usableFromInline
    let watchers: WaiterList

    /// The place at the start of a zeroed block.
    @unsafe
    init(at address: UnsafeMutableRawPointer) {
        let first = MemoryLayout<UInt64>.stride
        let size = WaiterList.byteCount
        // SAFETY: the owner reserved a line, into which the parts go.
        unsafe closedWord = address.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        unsafe offersWord = (address + MemoryLayout<UInt32>.stride)
            .bindMemory(to: Atomic<UInt32>.self, capacity: 1)  // SAFETY: as above.
        unsafe senders = WaiterList(at: address + first)  // SAFETY: as above.
        unsafe receivers = WaiterList(at: address + first + size)  // SAFETY: as above.
        unsafe watchers = WaiterList(at: address + first + 2 * size)  // SAFETY: as above.
    }

    @inlinable
    var isClosed: Bool {
        // SAFETY: the owner's block lives.
        unsafe closedWord.pointee.load(ordering: .acquiring) != 0  // E1
    }

    func close() -> Bool {
        var chain = WakeChain()
        senders.lock()
        let isFirst = !isClosed
        // SAFETY: the owner's block lives.
        unsafe closedWord.pointee.store(1, ordering: .releasing)  // E1
        senders.grantAll(&chain)
        noteOffers()
        receivers.grantAll(&chain)
        watchers.grantAll(&chain)
        senders.unlock()
        chain.wakeAll()
        return isFirst
    }

    /// Whether a sender waits, seen without the lock.
    @inlinable
    var hasOffers: Bool {
        // SAFETY: the owner's block lives.
        unsafe offersWord.pointee.load(ordering: .relaxed) != 0
    }

    /// Called under the lock when a sender has come or gone. (I6)
    @inlinable
    func noteOffers() {
        // SAFETY: the owner's block lives.
        unsafe offersWord.pointee.store(senders.isEmpty ? 0 : 1, ordering: .relaxed)
    }

    // MARK: - Cells

    @inlinable
    static func key(of cell: UnsafeMutablePointer<Content>) -> UInt64 {
        UInt64(UInt(bitPattern: cell))
    }

    @inlinable
    @unsafe
    static func cell(_ key: UInt64) -> SharedCell<Content> {
        // SAFETY: as below.
        guard let address = unsafe UnsafeMutablePointer<Content>(bitPattern: UInt(key)) else {
            preconditionFailure("a waiter without a cell")
        }
        return unsafe SharedCell(address)  // SAFETY: the caller knows the key to be a cell's.
    }

    /// Takes a cell's content and leaves it full of nothing.
    @inlinable
    @unsafe
    static func empty(_ key: UInt64) -> Content {
        let content = unsafe cell(key).move()  // SAFETY: the lock guards the cell (I1).
        unsafe cell(key).initialize(to: nil)  // SAFETY: as above.
        return content
    }

    /// Puts a content into an empty cell.
    @inlinable
    @unsafe
    static func fill(_ key: UInt64, with content: consuming Content) {
        let nothing = unsafe cell(key).move()  // SAFETY: the lock guards the cell (I1).
        assert(nothing == nil, "I3: a receiver has an element already")
        unsafe cell(key).initialize(to: content)  // SAFETY: as above.
    }
}

// MARK: - Without waiting

extension MeetingPlace where Element: ~Copyable {
    /// Gives an element to the first receiver that waits; answers it if none does.
    @inlinable
    func handOver(_ element: consuming sending Element) -> sending Element? {
        var chain = WakeChain()
        senders.lock()
        guard let key = receivers.firstKey else {
            senders.unlock()
            return element
        }
        unsafe Self.fill(key, with: Carried(element))  // SAFETY: the key of a queued receiver (I3).
        receivers.grantFirst(&chain)
        senders.unlock()
        chain.wakeAll()
        return nil
    }

    /// Takes the element of the first sender that waits.
    @inlinable
    func takeOffer() -> Carried<Element>? {
        if !hasOffers { return nil }
        var chain = WakeChain()
        senders.lock()
        guard let key = senders.firstKey else {
            senders.unlock()
            return nil
        }
        let content = unsafe Self.empty(key)  // SAFETY: the key of a queued sender (I3).
        senders.grantFirst(&chain)
        noteOffers()
        senders.unlock()
        chain.wakeAll()
        return content
    }

    /// Wakes another watcher, if there is still an offer.
    func passOn() {
        var chain = WakeChain()
        senders.lock()
        if !senders.isEmpty { watchers.grantFirst(&chain) }  // I5
        senders.unlock()
        chain.wakeAll()
    }
}

// MARK: - Waiting

extension MeetingPlace where Element: ~Copyable {
    /// A sender comes, with a full cell.
    @unsafe
    func offer(_ node: UnsafeMutablePointer<WaitNode>, _ chain: inout WakeChain) -> WaitAdmission {
        if unsafe senders.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        if !isClosed {
            guard let key = receivers.firstKey else {
                unsafe senders.append(node)  // SAFETY: the caller keeps it until its wake.
                noteOffers()
                watchers.grantFirst(&chain)  // I5
                return .queued
            }
            // SAFETY: the keys of a sender and of a queued receiver (I3).
            unsafe Self.fill(key, with: Self.empty(node.pointee.key))
            receivers.grantFirst(&chain)
        }
        unsafe senders.admit(node)  // SAFETY: the caller's node.
        return .granted
    }

    /// A receiver comes, with an empty cell.
    @unsafe
    func ask(_ node: UnsafeMutablePointer<WaitNode>, _ chain: inout WakeChain) -> WaitAdmission {
        if unsafe receivers.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        if let key = senders.firstKey {
            // SAFETY: the keys of a receiver and of a queued sender (I3).
            unsafe Self.fill(node.pointee.key, with: Self.empty(key))
            senders.grantFirst(&chain)
            noteOffers()
        } else if !isClosed {
            unsafe receivers.append(node)  // SAFETY: the caller keeps it until its wake.
            return .queued
        }
        unsafe receivers.admit(node)  // SAFETY: the caller's node.
        return .granted
    }

    /// A selector comes that takes an offer when it is woken.
    @unsafe
    func watch(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        if unsafe watchers.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        if senders.isEmpty && !isClosed {
            unsafe watchers.append(node)  // SAFETY: the caller keeps it until its wake.
            return .queued
        }
        unsafe watchers.admit(node)  // SAFETY: the caller's node.
        return .granted
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken.
        func checkInvariants() {
            senders.lock()
            precondition(senders.isEmpty || receivers.isEmpty, "I2: two wait for each other")
            precondition(hasOffers != senders.isEmpty, "I6: the word of offers is wrong")
            if isClosed {
                precondition(senders.isEmpty && receivers.isEmpty, "I4: closed, and one waits")
                precondition(watchers.isEmpty, "I4: closed, and one watches")
            }
            senders.unlock()
        }
    #endif
}

/// The wait of senders. The node's key is a full cell's.
@safe
struct SenderSide<Element: ~Copyable>: WaitSource, @unchecked Sendable {
    let place: MeetingPlace<Element>

    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        var chain = WakeChain()
        place.senders.lock()
        let admission = unsafe place.offer(node, &chain)  // SAFETY: the caller's node.
        place.senders.unlock()
        chain.wakeAll()
        return admission
    }

    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        place.senders.lock()
        defer { place.senders.unlock() }
        let withdrawal = unsafe place.senders.remove(node)  // SAFETY: the caller's node.
        place.noteOffers()
        return withdrawal
    }
}

/// The wait of receivers. The node's key is an empty cell's.
@safe
struct ReceiverSide<Element: ~Copyable>: WaitSource, @unchecked Sendable {
    let place: MeetingPlace<Element>

    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        var chain = WakeChain()
        place.senders.lock()
        let admission = unsafe place.ask(node, &chain)  // SAFETY: the caller's node.
        place.senders.unlock()
        chain.wakeAll()
        return admission
    }

    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        place.senders.lock()
        defer { place.senders.unlock() }
        return unsafe place.receivers.remove(node)  // SAFETY: the caller's node.
    }
}

/// The wait of selectors for an offer, which they take when they are woken.
@safe
struct WatcherSide<Element: ~Copyable>: WaitSource, @unchecked Sendable {
    let place: MeetingPlace<Element>

    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        place.senders.lock()
        defer { place.senders.unlock() }
        return unsafe place.watch(node)  // SAFETY: the caller's node.
    }

    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        place.senders.lock()
        defer { place.senders.unlock() }
        return unsafe place.watchers.remove(node)  // SAFETY: the caller's node.
    }
}
