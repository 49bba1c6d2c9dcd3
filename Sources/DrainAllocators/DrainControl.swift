// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// The words of a drain allocator, as its allocations keep them: they cannot borrow the allocator,
/// which for that reason does not die before the last of them is back.
@safe
@usableFromInline
struct DrainControl: @unchecked Sendable {
    // Edges: E1  deallocate → drained: see ZeroGate.swift.
    //        E2  allocate compare-exchange → close RMW   an allocation that came before the close
    //            is counted by the gate, and the closer's wait sees that count: the count was
    //            raised before the exchange. It orders two atomics and carries no data; the way
    //            back carries nothing at all: who is refused learns that it is closed.
    //        The cookie is relaxed: it decides who frees, and carries nothing. Giving bytes back is
    //        relaxed: whoever takes them gets fresh memory from the source. Failed exchanges and
    //        the loads before them are guesses.

    let gate: ZeroGate
    let bytesWord: UnsafeMutablePointer<Atomic<UInt64>>
    let byteCountMax: Int
    let source: MemorySource

    static var closedBit: UInt64 { 1 << 63 }

    @unsafe
    init(
        gate: ZeroGate, bytesWord: UnsafeMutablePointer<Atomic<UInt64>>, byteCountMax: Int,
        source: MemorySource
    ) {
        self.gate = gate
        // SAFETY: the allocator keeps both alive.
        unsafe self.bytesWord = bytesWord
        self.byteCountMax = byteCountMax
        unsafe self.source = source  // SAFETY: as above.
    }

    var byteCount: Int { Int(load() & ~Self.closedBit) }
    var isClosed: Bool { load() & Self.closedBit != 0 }

    private func load() -> UInt64 {
        // SAFETY: the word lives as long as the allocator.
        unsafe bytesWord.pointee.load(ordering: .relaxed)
    }

    func close() {
        // SAFETY: the word lives as long as the allocator.
        _ = unsafe bytesWord.pointee.bitwiseOr(
            Self.closedBit, ordering: .acquiring)  // E2
    }

    @unsafe
    func allocate(
        byteCount: Int, alignment: Int, site: CallSite
    ) -> UnsafeMutableRawBufferPointer? {
        precondition(byteCount >= 0, "a negative size")
        precondition(alignment > 0, "an alignment is at least one")
        precondition(alignment & (alignment - 1) == 0, "an alignment is a power of two")
        gate.add(1)
        // SAFETY: the header's place is in the memory that the source gave.
        if reserve(byteCount) {
            if let memory = unsafe carve(
                byteCount: byteCount, alignment: alignment, site: site)
            {
                return unsafe memory  // SAFETY: as above.
            }
            release(byteCount)
        }
        gate.subtract(1)
        return nil
    }

    @unsafe
    func deallocate(_ memory: UnsafeMutableRawPointer) {
        // SAFETY: if the memory is ours, its header is before it; if not, the cookie tells.
        let header = unsafe AllocationHeader.of(memory)
        let expected = unsafe livingCookie(of: memory)  // SAFETY: as above.
        // SAFETY: as above.
        let (isOurs, seen) = unsafe header.pointee.cookie.compareExchange(
            expected: expected, desired: ~expected, ordering: .relaxed)
        if !isOurs {
            precondition(seen != ~expected, "memory was given back twice")
            preconditionFailure("memory was given back to an allocator that did not give it out")
        }
        let byteCount = unsafe header.pointee.byteCount  // SAFETY: the cookie was right.
        let alignment = unsafe header.pointee.alignment  // SAFETY: as above.
        let offset = Self.offset(alignment: alignment)
        unsafe forget(header)  // SAFETY: as above.
        // SAFETY: this is what `carve` asked for.
        unsafe source.deallocate(
            source.context, memory - offset, offset + byteCount, alignment)
        release(byteCount)
        gate.subtract(1)  // The last touch: whoever waits may free the control words now.
    }

    /// Reserves bytes under the limit, unless closed.
    private func reserve(_ byteCount: Int) -> Bool {
        var old = load()
        while old & Self.closedBit == 0 {  // Retries only after another thread changed the word.
            if byteCount > byteCountMax - Int(old) { return false }
            // SAFETY: the word lives as long as the allocator.
            let (isExchanged, current) = unsafe bytesWord.pointee.weakCompareExchange(
                expected: old, desired: old + UInt64(byteCount),
                successOrdering: .releasing,  // E2
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    private func release(_ byteCount: Int) {
        // SAFETY: the word lives as long as the allocator.
        let old = unsafe bytesWord.pointee.wrappingSubtract(
            UInt64(byteCount), ordering: .relaxed
        ).oldValue
        assert(old & ~Self.closedBit >= UInt64(byteCount))
    }

    /// Gets memory with a header before it.
    @unsafe
    private func carve(
        byteCount: Int, alignment: Int, site: CallSite
    ) -> UnsafeMutableRawBufferPointer? {
        let alignment = max(alignment, AllocationHeader.alignment)
        let offset = Self.offset(alignment: alignment)
        // SAFETY: a source gives memory of the size and alignment that it is asked for, or nil.
        guard let base = unsafe source.allocate(source.context, offset + byteCount, alignment)
        else { return nil }
        let memory = unsafe base + offset  // SAFETY: within it.
        // SAFETY: the header lies between the two.
        unsafe AllocationHeader.of(memory).initialize(
            to: AllocationHeader(
                cookie: livingCookie(of: memory), byteCount: byteCount, alignment: alignment))
        unsafe note(AllocationHeader.of(memory), site)  // SAFETY: as above.
        // SAFETY: the memory behind the header has this size.
        return unsafe UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    private static func offset(alignment: Int) -> Int {
        max(headerByteCount, alignment)
    }

    #if Checks || DEBUG
        func checkInvariants() {
            gate.checkInvariants()
            precondition(gate.count > 0 || byteCount == 0, "I1: bytes are out, and no block is")
            precondition(byteCount <= byteCountMax, "I2: more is out than may be")
            #if CallSites
                checkInvariants(ofAll: (blockCount: gate.count, byteCount: byteCount))
            #endif
        }

        /// Traps unless this memory is out, with so many bytes (I3).
        @unsafe
        func checkInvariants(of memory: UnsafeMutableRawPointer, byteCount: Int) {
            let header = unsafe AllocationHeader.of(memory)  // SAFETY: the caller's memory.
            // SAFETY: as above.
            let seen = unsafe header.pointee.cookie.load(ordering: .relaxed)
            let living = unsafe livingCookie(of: memory)  // SAFETY: only the address is used.
            precondition(seen == living, "I3: memory that is out has no cookie")
            let held = unsafe header.pointee.byteCount  // SAFETY: as above.
            precondition(held == byteCount, "a block has another size")
        }
    #endif

    /// Differs for each block, and for each allocator.
    @unsafe
    private func livingCookie(of memory: UnsafeMutableRawPointer) -> UInt64 {
        let place = UInt64(UInt(bitPattern: memory))
        // SAFETY: only the address is used.
        let owner = unsafe UInt64(UInt(bitPattern: bytesWord))
        return (place ^ owner &* 0x9E37_79B9_7F4A_7C15) ^ 0xD8A1_4A11_0CA7_ED00
    }
}

/// What lies before each block.
@safe
struct AllocationHeader: ~Copyable {
    let cookie: Atomic<UInt64>
    let byteCount: Int
    let alignment: Int
    #if CallSites
        var site = CallSite(file: "", line: 0)
        var next: UnsafeMutablePointer<AllocationHeader>?
        var previous: UnsafeMutablePointer<AllocationHeader>?
    #endif

    static var alignment: Int { 16 }

    init(cookie: UInt64, byteCount: Int, alignment: Int) {
        self.cookie = Atomic(cookie)
        self.byteCount = byteCount
        self.alignment = alignment
    }

    @unsafe
    static func of(_ memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<AllocationHeader> {
        precondition(UInt(bitPattern: memory) % 16 == 0, "memory that no allocator gave out")
        // SAFETY: the caller says that a header lies there.
        return unsafe (memory - DrainControl.headerByteCount).assumingMemoryBound(
            to: AllocationHeader.self)
    }
}
