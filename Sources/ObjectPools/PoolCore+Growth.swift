// SPDX-License-Identifier: MIT

internal import AtomicSupport

// Where slots are, and how a pool gets more of them.
// Edges: see ObjectPool.swift

extension PoolCore where Object: ~Copyable {
    // MARK: - Places

    @inlinable
    @inline(__always)
    func slot(of link: UInt32) -> UnsafeMutableRawPointer {
        assert(link != 0)
        assert(Int(link) <= capacity)
        let index = Int(link &- 1)
        // SAFETY: links are numbers of our slots plus one.
        if index < initialCapacity { return unsafe slots + index &* Self.slotStride }
        return unsafe slotOfChunk(index)  // SAFETY: as above.
    }

    /// The slot lies in a chunk that is there: whoever has its link or its handle knows.
    @usableFromInline
    @inline(never)
    func slotOfChunk(_ index: Int) -> UnsafeMutableRawPointer {
        let beyond = index - initialCapacity
        guard let chunk = unsafe chunk(beyond >> chunkShift) else {  // SAFETY: below `chunkCount`.
            preconditionFailure("a slot of a chunk that is not there")
        }
        // SAFETY: the chunk holds this many slots.
        return unsafe chunk + (beyond & (1 << chunkShift - 1)) * Self.slotStride
    }

    /// Whether the slot of a link that may have been made up exists.
    @inlinable
    @inline(__always)
    func isThere(_ link: UInt32) -> Bool {
        Int(link) <= initialCapacity || isChunkThere(link)
    }

    @usableFromInline
    @inline(never)
    func isChunkThere(_ link: UInt32) -> Bool {
        // SAFETY: the caller has compared the link with `capacity`.
        unsafe chunk((Int(link) - 1 - initialCapacity) >> chunkShift) != nil
    }

    private func chunk(_ number: Int) -> UnsafeMutableRawPointer? {
        assert(number < chunkCount)
        // SAFETY: in the pool's block, below `chunkCount`.
        return unsafe chunks[number].load(ordering: .acquiring)  // E2
    }

    /// How many chunks there may be behind the initial slots.
    var chunkCount: Int {
        PoolLayout.chunkCount(
            capacity: capacity, initialCapacity: initialCapacity, chunkShift: chunkShift)
    }

    /// The links of a chunk's slots; the last chunk may have fewer than the others.
    private func links(ofChunk number: Int) -> ClosedRange<UInt32> {
        let first = initialCapacity + number << chunkShift
        return UInt32(first + 1)...UInt32(min(first + 1 << chunkShift, capacity))
    }

    var slotCount: Int {
        var count = initialCapacity
        for number in 0..<chunkCount where unsafe chunk(number) != nil {  // SAFETY: as above.
            count += links(ofChunk: number).count
        }
        return count
    }

    func forEachSlot(_ body: (_ link: UInt32) -> Void) {
        for link in 1...UInt32(initialCapacity) { body(link) }
        for number in 0..<chunkCount where unsafe chunk(number) != nil {  // SAFETY: as above.
            for link in links(ofChunk: number) { body(link) }
        }
    }

    // MARK: - Growth

    /// Adds a chunk of slots, of which the caller gets the first; 0 if all chunks are there and
    /// none of their slots is free.
    func grow() -> UInt32 {
        for number in 0..<chunkCount {
            // SAFETY: below `chunkCount`. It learns only that the chunk is there.
            if unsafe chunks[number].load(ordering: .relaxed) != nil { continue }
            if add(number) { return publish(links(ofChunk: number)) }
            // Another thread has added it: perhaps there are free slots now.
            let link = unsafe free.pop()  // SAFETY: the free list is ours.
            if link != 0 { return link }
        }
        return unsafe free.pop()  // SAFETY: the free list is ours.
    }

    /// Makes a chunk and puts it into its place; false if another thread was there first.
    private func add(_ number: Int) -> Bool {
        let links = links(ofChunk: number)
        let byteCount = links.count * Self.slotStride
        // SAFETY: initialized before anybody sees it.
        let block = unsafe SharedBlock(uninitializedByteCount: byteCount)
        unsafe initialize(block.base, links: links)  // SAFETY: as above.
        let base = unsafe block.leave()  // SAFETY: taken back below, or by `freeChunks`.
        // SAFETY: below `chunkCount`.
        let isFirst = unsafe chunks[number].compareExchange(
            expected: nil, desired: base, successOrdering: .releasing,  // E2
            failureOrdering: .relaxed
        ).exchanged
        // SAFETY: nobody has seen it.
        if !isFirst { unsafe discard(SharedBlock(taking: base, byteCount: byteCount)) }
        return isFirst
    }

    /// Gives all slots of a new chunk but the first to the free list; the first is the caller's.
    private func publish(_ links: ClosedRange<UInt32>) -> UInt32 {
        for link in links {
            // SAFETY: the slot is nobody else's yet.
            unsafe free.setNext(of: link, to: link == links.upperBound ? 0 : link + 1)
        }
        if links.count > 1 {
            // SAFETY: a chain that was linked just now.
            unsafe free.push(first: links.lowerBound + 1, last: links.upperBound)
        }
        return links.lowerBound
    }

    /// Gives the chunks' memory back, at the end.
    func freeChunks() {
        for number in 0..<chunkCount {
            guard let base = unsafe chunk(number) else { continue }  // SAFETY: as above.
            let byteCount = links(ofChunk: number).count * Self.slotStride
            // SAFETY: left there by `add`; nobody is inside any more.
            unsafe discard(SharedBlock(taking: base, byteCount: byteCount))
        }
    }
}

/// Ends a value's life.
private func discard<Value: ~Copyable>(_ value: consuming Value) {}
