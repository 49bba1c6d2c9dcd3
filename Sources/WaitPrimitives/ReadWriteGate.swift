// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Who holds a lock that is read by many or written by one, and who waits for it: the part of
/// `FairReadWriteLock` that knows no value.
///
/// Phases of readers and of single writers alternate while both wait. A newcomer never joins a
/// phase past somebody who waits; the end of a phase hands the lock on without it ever being free.
@frozen
@usableFromInline
@safe
struct ReadWriteGate: WaitSource, @unchecked Sendable {
    // Layout: word = readers × 4 + 2 if a writer holds it + 1 if somebody waits
    //
    // Invariants: I1  outside the lists' lock, the waiting bit is set if and only if a list has a
    //                 member; both lists are under the lock of `writers`
    //             I2  no writer holds it while there are readers
    //             I3  while the bit is set somebody holds it: the last reader stays one until it
    //                 has handed on under the lock; nobody joins or takes without the lock
    //             I4  outside the lock, readers wait only behind a writer: one that holds it, or
    //                 one that waits
    //             I5  each waits in the list that its key names
    //
    // Edges: E1  the end of a writer, compare-exchange or store → take compare-exchange or the RMW
    //            that lets readers join   carries what the writer did
    //        E2  the end of a reader, compare-exchange → a writer's take compare-exchange or the
    //            load of the last reader   carries what the readers did; their ends are one
    //            release sequence, which only RMWs continue
    //        Whom the lists let through is behind whoever lets it through, by its wake edge.
    //        Loads before a compare-exchange and failed ones are guesses. Setting and clearing the
    //        bit alone is relaxed: the lists are guarded by the lock, and nobody gets in.

    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt64>>
    /// Writers in line; its lock guards both lists and the waiting bit.
    @usableFromInline
    let writers: WaiterList
    @usableFromInline
    let readers: WaiterList

    @inlinable
    static var waitingBit: UInt64 { 1 }
    @inlinable
    static var writerBit: UInt64 { 2 }
    @inlinable
    static var oneReader: UInt64 { 4 }

    /// The bits that must not be set when somebody takes the gate.
    @inlinable
    static func obstacles(to access: LockAccess) -> UInt64 {
        access == .write ? .max : waitingBit | writerBit
    }

    /// What somebody who holds the gate has added to the word.
    @inlinable
    static func share(of access: LockAccess) -> UInt64 {
        access == .write ? writerBit : oneReader
    }

    @inlinable
    static var byteCount: Int { MemoryLayout<UInt64>.stride + 2 * WaiterList.byteCount }

    /// A free gate at the start of a primitive's block, whose bytes are zero.
    @usableFromInline
    @unsafe
    init(at address: UnsafeMutableRawPointer) {
        // SAFETY: the owner reserved `byteCount` bytes.
        unsafe word = address.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
        let lists = unsafe address + MemoryLayout<UInt64>.stride  // SAFETY: as above.
        unsafe writers = WaiterList(at: lists)  // SAFETY: as above.
        unsafe readers = WaiterList(at: lists + WaiterList.byteCount)  // SAFETY: as above.
    }

    /// The word just now, which may be past.
    @inlinable
    var guess: UInt64 {
        unsafe word.pointee.load(ordering: .relaxed)  // SAFETY: the owner's block lives.
    }

    /// Takes the gate if nobody who waits or holds it stands against that.
    @inlinable
    @inline(__always)
    func tryTake(_ access: LockAccess) -> Bool {
        var old = guess
        // Retries only after another thread changed the word.
        while old & Self.obstacles(to: access) == 0 {
            // SAFETY: the owner's block lives.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old &+ Self.share(of: access),
                successOrdering: .acquiring,  // E1, E2
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    /// Ends what `tryTake` or a grant began.
    @inlinable
    @inline(__always)
    func giveBack(_ access: LockAccess) {
        let share = Self.share(of: access)
        var old = guess
        while true {  // Retries only after another thread changed the word.
            assert(old >= share, "a lock that is not held was given back")
            let new = old &- share
            if new == Self.waitingBit { break }
            // SAFETY: the owner's block lives.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: new, successOrdering: .releasing,  // E1, E2
                failureOrdering: .relaxed)
            if isExchanged { return }
            old = current
        }
        handOn(from: access)
    }

    /// The last of a phase found that somebody waits.
    @usableFromInline
    func handOn(from access: LockAccess) {
        var chain = WakeChain()
        writers.lock()
        // SAFETY: the owner's block lives.
        let old = unsafe word.pointee.load(ordering: .acquiring)  // E2
        let isStillLast = old == Self.share(of: access) | Self.waitingBit
        if isStillLast {
            let new = access == .write ? afterWriter(&chain) : afterReaders(&chain)
            // Nobody else writes the word now (I3).
            unsafe word.pointee.store(new, ordering: .releasing)  // E1; SAFETY: as above.
        }
        writers.unlock()
        chain.wakeAll()
        // Else who waited has given up, or others have joined meanwhile.
        if !isStillLast { giveBack(access) }
    }

    /// All readers that wait come in, or the next writer if there are none.
    private func afterWriter(_ chain: inout WakeChain) -> UInt64 {
        let count = UInt64(readers.grantAll(&chain))
        if count == 0 { return afterReaders(&chain) }
        return count &* Self.oneReader | (writers.isEmpty ? 0 : Self.waitingBit)
    }

    /// The next writer comes in; there is one (I4).
    private func afterReaders(_ chain: inout WakeChain) -> UInt64 {
        let isGranted = writers.grantFirst(&chain)
        assert(isGranted)  // I1, I4
        return Self.writerBit | (isAnyWaiting ? Self.waitingBit : 0)
    }

    /// With the lock held.
    private var isAnyWaiting: Bool { !writers.isEmpty || !readers.isEmpty }

    private func list(of access: LockAccess) -> WaiterList {
        access == .write ? writers : readers
    }

    /// Takes the gate or queues for it; the node's key says what for.
    @usableFromInline
    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        let access = unsafe LockAccess(key: node.pointee.key)  // SAFETY: the caller's node.
        let list = list(of: access)
        writers.lock()
        defer { writers.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        while true {  // Retries only after another thread changed the word.
            if tryTake(access) {
                unsafe list.admit(node)  // SAFETY: the caller's node.
                return .granted
            }
            let old = guess
            if old & Self.waitingBit != 0 { break }
            if old & Self.obstacles(to: access) == 0 { continue }
            // SAFETY: the owner's block lives.
            let (isExchanged, _) = unsafe word.pointee.compareExchange(
                expected: old, desired: old | Self.waitingBit, ordering: .relaxed)
            if isExchanged { break }
        }
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    /// Gives a wait up. Readers that waited for this writer only join those that read.
    @usableFromInline
    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        let access = unsafe LockAccess(key: node.pointee.key)  // SAFETY: the caller's node.
        var chain = WakeChain()
        writers.lock()
        // SAFETY: the caller's node.
        let withdrawal = unsafe list(of: access).remove(node)
        if case .removed = withdrawal, writers.isEmpty {
            let isRead = guess & Self.writerBit == 0
            let joining = isRead ? UInt64(readers.grantAll(&chain)) : 0
            if readers.isEmpty {
                // An RMW: readers may end meanwhile, and what was released before goes on.
                // SAFETY: the owner's block lives.
                _ = unsafe word.pointee.wrappingAdd(
                    joining &* Self.oneReader &- Self.waitingBit, ordering: .acquiring)  // E1
            }
        }
        writers.unlock()
        chain.wakeAll()
        return withdrawal
    }

    #if Checks || DEBUG
        func checkInvariants() {
            writers.lock()
            defer { writers.unlock() }
            let writerCount = writers.checkInvariants { key in
                precondition(key == LockAccess.write.rawValue, "I5: a reader is among writers")
            }
            let readerCount = readers.checkInvariants { key in
                precondition(key == LockAccess.read.rawValue, "I5: a writer is among readers")
            }
            let seen = guess
            let isAnyWaiting = writerCount + readerCount > 0
            let isWriting = seen & Self.writerBit != 0
            precondition((seen & Self.waitingBit != 0) == isAnyWaiting, "I1: the bit is wrong")
            precondition(!isWriting || seen < Self.oneReader, "I2: a writer is beside readers")
            precondition(seen != Self.waitingBit, "I3: who waits is let in by nobody")
            precondition(
                readerCount == 0 || writerCount > 0 || isWriting, "I4: readers wait for no writer")
        }
    #endif
}
