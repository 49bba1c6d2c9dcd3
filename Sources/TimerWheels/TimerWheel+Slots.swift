// SPDX-License-Identifier: MIT

public import AtomicSupport

extension UInt32 {
    /// The link that leads nowhere.
    @inlinable
    @inline(__always)
    static var noTimer: UInt32 { .max }
}

/// The ends of one list of timers.
@frozen
@usableFromInline
struct TimerList {
    @usableFromInline
    var head: UInt32
    @usableFromInline
    var tail: UInt32

    @inlinable
    init() {
        head = .noTimer
        tail = .noTimer
    }
}

/// What the wheel keeps of a timer beside its payload, which lies behind.
@frozen
@usableFromInline
struct TimerNode {
    @usableFromInline
    var deadline: UInt64
    @usableFromInline
    var next: UInt32  // In a free node: the next free one.
    @usableFromInline
    var previous: UInt32
    @usableFromInline
    var generation: UInt32
    @usableFromInline
    var list: UInt16

    @inlinable
    init(generation: UInt32) {
        deadline = 0
        next = .noTimer
        previous = .noTimer
        self.generation = generation
        list = 0
    }
}

// Where things lie.
extension TimerWheel where Payload: ~Copyable {
    /// The lowest digit of a deadline names one of 1,024 slots, those above it one of 64 each: nine
    /// of them make 64 bits.
    @inlinable
    static var lowestBitCount: Int { 10 }
    @inlinable
    static var digitBitCount: Int { 6 }
    @inlinable
    static var lowestSlotCount: Int { 1 &<< lowestBitCount }
    @inlinable
    static var slotCount: Int { 1 &<< digitBitCount }

    /// Sixteen words of a bitmap for level 0, one for each level above. The slots of an earlier
    /// word come earlier.
    @inlinable
    static var wordCount: Int { lowestSlotCount / 64 + (64 - lowestBitCount) / digitBitCount }
    @inlinable
    static var pastList: UInt16 { UInt16(wordCount * 64) }
    @inlinable
    static var listCount: Int { wordCount * 64 + 2 }

    @inlinable
    static var listsOffset: Int {
        round(wordCount * MemoryLayout<UInt64>.stride, to: CacheLine.byteCount)
    }
    @inlinable
    static var nodesOffset: Int {
        round(listsOffset + listCount * MemoryLayout<TimerList>.stride, to: CacheLine.byteCount)
    }
    @inlinable
    static var payloadOffset: Int {
        round(MemoryLayout<TimerNode>.size, to: MemoryLayout<Payload>.alignment)
    }
    @inlinable
    static var nodeStride: Int {
        let alignment = max(MemoryLayout<TimerNode>.alignment, MemoryLayout<Payload>.alignment)
        return round(payloadOffset + MemoryLayout<Payload>.size, to: alignment)
    }

    @inlinable
    static func round(_ value: Int, to multiple: Int) -> Int {
        (value + multiple - 1) / multiple * multiple
    }

    @inlinable
    @inline(__always)
    @unsafe
    func header(_ index: UInt32) -> UnsafeMutablePointer<TimerNode> {
        assert(index < capacity)
        // SAFETY: within the block; a node begins with its header.
        return unsafe (nodes + Int(index) &* Self.nodeStride)
            .assumingMemoryBound(to: TimerNode.self)
    }

    @inlinable
    @inline(__always)
    @unsafe
    func payloadAddress(_ index: UInt32) -> UnsafeMutablePointer<Payload> {
        assert(index < capacity)
        // SAFETY: within the block; the payload lies behind the node's header.
        return unsafe (nodes + (Int(index) &* Self.nodeStride &+ Self.payloadOffset))
            .assumingMemoryBound(to: Payload.self)
    }
}

// Nodes: taken from the free list, or from the part of the slab that was never touched.
extension TimerWheel where Payload: ~Copyable {
    @inlinable
    @inline(__always)
    mutating func takeNode() -> UInt32 {
        if freeHead != .noTimer {
            let index = freeHead
            unsafe freeHead = header(index).pointee.next  // SAFETY: a free node is initialized.
            assert(!isArmed(index))
            return index
        }
        guard usedCount < capacity else { return .noTimer }
        let index = usedCount
        // SAFETY: the node was never used; its header is trivial.
        unsafe header(index).initialize(to: TimerNode(generation: firstGeneration))
        usedCount &+= 1
        return index
    }

    /// Ends an unlinked timer: its tokens name nothing from here on.
    @inlinable
    @inline(__always)
    mutating func giveBack(_ index: UInt32) -> Payload {
        assert(isArmed(index))
        // SAFETY: the node is initialized and in no list.
        unsafe header(index).pointee.generation &+= 1
        unsafe header(index).pointee.next = freeHead  // SAFETY: as above.
        freeHead = index
        armedCount &-= 1
        assert(armedCount >= 0)
        return unsafe payloadAddress(index).move()  // SAFETY: an armed node holds a payload.
    }

    @inlinable
    @inline(__always)
    func isArmed(_ index: UInt32) -> Bool {
        assert(index < usedCount)
        return unsafe header(index).pointee.generation % 2 == 1  // SAFETY: below `usedCount`.
    }

    @inlinable
    @inline(__always)
    func isCurrent(_ token: TimerToken) -> Bool {
        guard token.index < usedCount else { return false }
        // SAFETY: nodes below `usedCount` are initialized.
        let generation = unsafe header(token.index).pointee.generation
        return generation == token.generation && generation % 2 == 1
    }
}

// Lists.
extension TimerWheel where Payload: ~Copyable {
    /// Puts a timer where its deadline belongs as seen from `position`.
    @inlinable
    @inline(__always)
    mutating func link(_ index: UInt32, deadline: UInt64) {
        let list = deadline > position ? slot(for: deadline) : lateList
        append(index, to: list)
    }

    /// The slot for a deadline that has not passed.
    @inlinable
    @inline(__always)
    func slot(for deadline: UInt64) -> UInt16 {
        assert(deadline >= position)
        let difference = deadline ^ position
        if difference < Self.lowestSlotCount {
            return UInt16(truncatingIfNeeded: deadline & UInt64(Self.lowestSlotCount &- 1))
        }
        let bit = 63 &- difference.leadingZeroBitCount
        let level =
            1 &+ UInt32(truncatingIfNeeded: bit &- Self.lowestBitCount)
            / UInt32(Self.digitBitCount)
        let shift = Self.shift(ofLevel: Int(level))
        let digit = Int(truncatingIfNeeded: deadline &>> UInt64(shift)) & (Self.slotCount &- 1)
        return UInt16(truncatingIfNeeded: Self.firstList(ofLevel: Int(level)) &+ digit)
    }

    /// How many bits of a tick lie below the digit of a level above the lowest.
    @inlinable
    @inline(__always)
    static func shift(ofLevel level: Int) -> Int {
        lowestBitCount &+ (level &- 1) &* digitBitCount
    }

    @inlinable
    @inline(__always)
    static func firstList(ofLevel level: Int) -> Int {
        lowestSlotCount &+ (level &- 1) &* slotCount
    }

    /// The level of a slot's list.
    @inlinable
    @inline(__always)
    static func level(of list: UInt16) -> Int {
        list < lowestSlotCount ? 0 : 1 &+ (Int(list) &- lowestSlotCount) / slotCount
    }

    @inlinable
    @inline(__always)
    mutating func append(_ index: UInt32, to list: UInt16) {
        // SAFETY: list numbers are below `listCount`; linked indices name initialized nodes.
        let ends = unsafe lists + Int(list)
        let tail = unsafe ends.pointee.tail  // SAFETY: as above.
        let node = unsafe header(index)  // SAFETY: as above.
        unsafe node.pointee.list = list  // SAFETY: as above.
        unsafe node.pointee.previous = tail  // SAFETY: as above.
        unsafe node.pointee.next = .noTimer  // SAFETY: as above.
        unsafe ends.pointee.tail = index  // SAFETY: as above.
        if tail == .noTimer {
            unsafe ends.pointee.head = index  // SAFETY: as above.
            if list < Self.pastList { markOccupied(list) }
        } else {
            unsafe header(tail).pointee.next = index  // SAFETY: as above.
        }
    }

    /// Asks for a neighbour, so that both are waited for at once, not one store after the other.
    @inlinable
    @inline(__always)
    func prefetch(_ index: UInt32) {
        if index == .noTimer { return }
        unsafe CacheLine.prefetch(header(index))  // SAFETY: not dereferenced.
    }

    @inlinable
    @inline(__always)
    mutating func unlink(_ index: UInt32) {
        // SAFETY: an armed node is in the list that it names, and its neighbours are armed too.
        let node = unsafe header(index).pointee
        prefetch(node.previous)
        prefetch(node.next)
        let ends = unsafe lists + Int(node.list)  // SAFETY: as above.
        if node.previous == .noTimer {
            unsafe ends.pointee.head = node.next  // SAFETY: as above.
        } else {
            unsafe header(node.previous).pointee.next = node.next  // SAFETY: as above.
        }
        if node.next == .noTimer {
            unsafe ends.pointee.tail = node.previous  // SAFETY: as above.
        } else {
            unsafe header(node.next).pointee.previous = node.previous  // SAFETY: as above.
        }
        let isLast = node.previous == .noTimer && node.next == .noTimer
        if isLast && node.list < Self.pastList { markEmpty(node.list) }
    }

    @inlinable
    @inline(__always)
    mutating func markOccupied(_ list: UInt16) {
        let word = Int(list / 64)
        // SAFETY: `list` names a slot, so its word is one of the bitmap's.
        unsafe bitmap[word] |= 1 &<< UInt64(list % 64)
        occupiedWords |= 1 &<< UInt32(word)
    }

    @inlinable
    @inline(__always)
    mutating func markEmpty(_ list: UInt16) {
        let word = Int(list / 64)
        // SAFETY: `list` names a slot, so its word is one of the bitmap's.
        let bits = unsafe bitmap[word] & ~(1 &<< UInt64(list % 64))
        unsafe bitmap[word] = bits  // SAFETY: as above.
        if bits == 0 { occupiedWords &= ~(1 &<< UInt32(word)) }
    }
}

// Time.
extension TimerWheel where Payload: ~Copyable {
    /// The past timers that this pass may take.
    @inlinable
    var dueList: UInt16 { lateList ^ 1 }

    @inlinable
    @inline(__always)
    func head(of list: UInt16) -> UInt32 {
        assert(list < Self.listCount)
        return unsafe lists[Int(list)].head  // SAFETY: list numbers are below `listCount`.
    }

    /// The level-0 slot of the tick that the wheel has reached.
    @inlinable
    var currentSlot: UInt16 {
        UInt16(truncatingIfNeeded: position & UInt64(Self.lowestSlotCount &- 1))
    }

    @inlinable
    var isAnyDue: Bool {
        head(of: currentSlot) != .noTimer || head(of: dueList) != .noTimer
            || head(of: lateList) != .noTimer
    }

    /// The next timer to fire, still linked.
    @inlinable
    mutating func nextExpired(now: UInt64) -> UInt32 {
        if !isPassOpen {
            isPassOpen = true
            exchangePastLists()
        }
        // Ends: each round moves `position` forwards, at most to `now`, or a postponed timer away.
        while true {
            let due = head(of: dueList)
            if due != .noTimer { return due }
            let current = head(of: currentSlot)
            if current != .noTimer {
                // SAFETY: members of a list are initialized nodes.
                let deadline = unsafe header(current).pointee.deadline
                if deadline <= position { return current }
                unlink(current)
                append(current, to: slot(for: deadline))
                continue
            }
            guard stepForwards(now: now) else { break }
            exchangePastLists()
        }
        isPassOpen = false
        position = max(position, now)
        return .noTimer
    }

    /// Lets the past timers that waited for a later tick or pass fire now.
    @inlinable
    mutating func exchangePastLists() {
        assert(head(of: dueList) == .noTimer)
        lateList ^= 1
    }

    /// Moves to the start of the next occupied slot, if that is not behind `now`, and cascades it.
    @inlinable
    mutating func stepForwards(now: UInt64) -> Bool {
        if occupiedWords == 0 { return false }
        let next = nextSlot()
        if next.start > now { return false }
        assert(next.start > position)
        position = next.start
        if next.list >= Self.lowestSlotCount { cascade(next.list) }
        return true
    }

    /// The occupied slot that comes first, when the current one is empty: that of the first bit.
    /// A slot of a higher level starts behind the whole of the levels below. (I1)
    @inlinable
    func nextSlot() -> (list: UInt16, start: UInt64) {
        assert(occupiedWords != 0)
        let word = occupiedWords.trailingZeroBitCount
        // SAFETY: a word that is marked occupied exists.
        let bit = unsafe bitmap[word].trailingZeroBitCount
        assert(bit < 64)
        let list = UInt16(truncatingIfNeeded: word &* 64 &+ bit)
        if list < Self.lowestSlotCount {
            return (list, position & ~UInt64(Self.lowestSlotCount &- 1) | UInt64(list))
        }
        let shift = Self.shift(ofLevel: Self.level(of: list))
        let higherDigits = position & (UInt64.max << (shift + Self.digitBitCount))
        return (list, higherDigits | UInt64(bit) << shift)
    }

    /// Moves every timer of a slot that `position` has reached to its place, in order: on a lower
    /// level, but for those that were postponed.
    ///
    /// Each timer's place in memory is known from its neighbour alone, so a walk waits for memory
    /// at each step. A second one comes from the other end meanwhile, and changes nothing: when
    /// they meet, the half that is left has been fetched.
    @usableFromInline
    mutating func cascade(_ list: UInt16) {
        let ends = unsafe lists[Int(list)]  // SAFETY: list numbers are below `listCount`.
        assert(ends.head != .noTimer)
        unsafe lists[Int(list)] = TimerList()  // SAFETY: as above.
        markEmpty(list)
        var index = ends.head
        var fetched = ends.tail
        while index != .noTimer {  // Ends: the list is finite, and timers go to other lists.
            // SAFETY: members of a list are initialized nodes.
            let node = unsafe header(index).pointee
            if fetched == index || fetched == node.next { fetched = .noTimer }
            // SAFETY: as above; it lies behind the next one, so that its links are the list's yet.
            if fetched != .noTimer { fetched = unsafe header(fetched).pointee.previous }
            let place = slot(for: node.deadline)
            assert(place != list)
            append(index, to: place)
            index = node.next
        }
    }
}
