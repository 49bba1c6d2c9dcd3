// SPDX-License-Identifier: MIT

/// How many virtual threads there can be, with the one that sets up and tears down.
let threadCountMax = 8

/// A vector clock: for each virtual thread, how far it has come.
typealias Clock = SIMD8<Int32>

/// One write to a location.
struct StoreRecord {
    var bits: AtomicBits
    var location: Int32
    /// Who wrote.
    var thread: Int32
    /// The number of the step in its execution; -1 before the threads began.
    var step: Int32
    /// The neighbours in the modification order, -1 at its ends.
    var previous: Int32 = -1
    var next: Int32 = -1
    /// The row of what an acquiring reader gets to see, -1 if nothing.
    var message: Int32 = -1
    /// Whether it is the write of a read-modify-write, which no other write may be moved before.
    var isUpdate = false
    /// The place in the modification order: larger is later.
    var position: Int64
    /// What happened before, for an acquiring reader.
    var clock = Clock()
}

/// An atomic location.
struct LocationRecord {
    var address: UInt
    var byteCount: UInt8
    /// The first and the last store in modification order.
    var first: Int32
    var last: Int32
    /// The row of what sleepers and wakers hand on to each other, -1 before there was one.
    var parkingRow: Int32 = -1
    /// Whether its memory was given back.
    var isGone = false
    /// When each thread used it last, for the end of its memory.
    var uses = Clock()
}

/// The memory of one execution: every store that was made, and what each thread must see.
///
/// The model is that of C++20 without load buffering: a thread has a view, a position in each
/// location's modification order; a load may answer any store that is not before it. Releasing
/// stores carry the writer's view, and acquiring loads join it. Sequentially consistent accesses
/// and fences share one more view. Stores may be put before others that the writer has not seen.
///
/// Source: J. Kang, C. Hur, O. Lahav, V. Vafeiadis, D. Dreyer, "A Promising Semantics for
/// Relaxed-Memory Concurrency", POPL 2017, for views; ISO C++20 [atomics.order] for the order of
/// sequentially consistent operations, which here is the order of execution.
struct ModelMemory: ~Copyable {
    // Rows of `views`: 0 the sequentially consistent order; of thread t, from 3t + 1: what it sees,
    // what an acquire fence would add, what a release fence left. Then messages.
    var views = ViewTable()
    var stores = PlainBuffer<StoreRecord>(capacity: 64)
    var locations = PlainBuffer<LocationRecord>()
    private var addresses = AddressTable()
    /// What happened before each thread's present.
    var clocks = PlainBuffer<Clock>(repeating: Clock(), count: threadCountMax)
    private var acquireClocks = PlainBuffer<Clock>(repeating: Clock(), count: threadCountMax)
    private var releaseClocks = PlainBuffer<Clock>(repeating: Clock(), count: threadCountMax)
    private var hasReleaseFence: UInt8 = 0

    static let orderRow = 0
    static let stepBetweenPositions: Int64 = 1 << 32

    static func viewRow(_ thread: Int) -> Int { 3 * thread + 1 }
    static func acquireRow(_ thread: Int) -> Int { 3 * thread + 2 }
    static func releaseRow(_ thread: Int) -> Int { 3 * thread + 3 }

    /// Begins an execution with empty memory and no threads.
    mutating func reset() {
        views.reset(fixedRowCount: 3 * threadCountMax + 1)
        views.clear(Self.orderRow)
        stores.removeAll()
        locations.removeAll()
        addresses.removeAll()
        hasReleaseFence = 0
    }

    /// Lets a thread begin, with nothing seen.
    mutating func addThread(_ thread: Int) {
        views.clear(Self.viewRow(thread))
        views.clear(Self.acquireRow(thread))
        views.clear(Self.releaseRow(thread))
        clocks[thread] = Clock()
        clocks[thread][thread] = 1
        acquireClocks[thread] = Clock()
        releaseClocks[thread] = Clock()
    }

    /// Lets a thread see all that another one sees: at its beginning, and after its end.
    mutating func synchronize(_ thread: Int, with other: Int) {
        views.join(Self.viewRow(thread), with: Self.viewRow(other))
        clocks[thread].join(clocks[other])
        clocks[other][other] &+= 1
    }

    // MARK: - Locations

    /// The location at an address, -1 if it was not used yet or has been made anew.
    @inline(__always)
    func location(at address: UInt, byteCount: UInt8) -> Int {
        let location = addresses.number(at: address)
        guard location >= 0, locations[location].byteCount == byteCount else { return -1 }
        let bits = RawBits.read(address, byteCount)
        return stores[Int(locations[location].last)].bits == bits ? location : -1
    }

    /// The location that was last known at an address, whatever lies there now; else -1.
    func location(named address: UInt) -> Int { addresses.number(at: address) }

    /// Makes a location whose first store is what lies in memory.
    mutating func addLocation(at address: UInt, byteCount: UInt8) -> Int {
        let location = locations.count
        let store = StoreRecord(
            bits: RawBits.read(address, byteCount), location: Int32(location), thread: 0, step: -1,
            position: 0)
        locations.append(
            LocationRecord(
                address: address, byteCount: byteCount, first: Int32(stores.count),
                last: Int32(stores.count)))
        stores.append(store)
        views.addColumn()
        addresses.set(location, at: address)
        return location
    }

    /// Ends the locations within some memory, so that they begin anew.
    mutating func forget(_ range: Range<UInt>) {
        for index in locations.indices where range.contains(locations[index].address) {
            // An address may have had several locations; only the present one is in the table.
            if addresses.number(at: locations[index].address) == index {
                addresses.set(-1, at: locations[index].address)
            }
        }
    }

    /// Ends the locations within memory that a thread gives back. Answers who may still use one of
    /// them, if somebody may.
    mutating func end(_ range: Range<UInt>, by thread: Int) -> Int? {
        var user: Int?
        for index in locations.indices where range.contains(locations[index].address) {
            locations[index].isGone = true
            if clocks[thread].covers(locations[index].uses) { continue }
            user = (0..<threadCountMax).first { locations[index].uses[$0] > clocks[thread][$0] }
        }
        forget(range)
        return user
    }

    // MARK: - What is allowed

    /// The position before which a thread may neither read nor write at a location.
    @inline(__always)
    func floor(_ thread: Int, _ location: Int, _ order: MemoryOrder) -> Int64 {
        let own = views[Self.viewRow(thread), location]
        if order != .sequentiallyConsistent { return own }
        return max(own, views[Self.orderRow, location])
    }

    /// The position before which a thread that falls asleep may not read: it takes the kernel's
    /// lock before it looks.
    @inline(__always)
    func parkingFloor(_ thread: Int, _ location: Int) -> Int64 {
        let own = views[Self.viewRow(thread), location]
        let row = Int(locations[location].parkingRow)
        return row < 0 ? own : max(own, views[row, location])
    }

    /// Whether another store may be put directly behind this one.
    @inline(__always)
    func hasRoom(behind store: Int) -> Bool {
        let next = Int(stores[store].next)
        if next < 0 { return true }
        if stores[next].isUpdate { return false }
        return stores[next].position - stores[store].position > 1
    }

    // MARK: - Steps

    /// A thread reads a store.
    mutating func read(_ store: Int, by thread: Int, _ order: MemoryOrder) {
        let location = Int(stores[store].location)
        let position = stores[store].position
        views.raise(Self.viewRow(thread), location, to: position)
        if order == .sequentiallyConsistent {
            views.raise(Self.orderRow, location, to: position)
        }
        let message = Int(stores[store].message)
        if message >= 0 {
            if order.isAcquiring {
                views.join(Self.viewRow(thread), with: message)
                clocks[thread].join(stores[store].clock)
            } else {
                views.join(Self.acquireRow(thread), with: message)
                acquireClocks[thread].join(stores[store].clock)
            }
        }
        tick(thread, location)
    }

    /// A thread writes directly behind another store in modification order. An update has just read
    /// that store, and hands on what it carried.
    mutating func write(
        _ bits: AtomicBits, behind previous: Int, by thread: Int, _ order: MemoryOrder,
        isUpdate: Bool, step: Int
    ) {
        let location = Int(stores[previous].location)
        let next = Int(stores[previous].next)
        let position =
            next < 0
            ? stores[previous].position + Self.stepBetweenPositions
            : stores[previous].position + (stores[next].position - stores[previous].position) / 2
        views.raise(Self.viewRow(thread), location, to: position)
        if order == .sequentiallyConsistent {
            views.raise(Self.orderRow, location, to: position)
        }
        var store = StoreRecord(
            bits: bits, location: Int32(location), thread: Int32(thread), step: Int32(step),
            previous: Int32(previous), next: Int32(next), isUpdate: isUpdate, position: position)
        addMessage(to: &store, order, continuing: isUpdate ? previous : -1)
        let index = Int32(stores.count)
        stores.append(store)
        stores[previous].next = index
        if next >= 0 {
            stores[next].previous = index
        } else {
            locations[location].last = index
            RawBits.write(bits, locations[location].address, locations[location].byteCount)
        }
        tick(thread, location)
    }

    private mutating func addMessage(
        to store: inout StoreRecord, _ order: MemoryOrder, continuing read: Int
    ) {
        let thread = Int(store.thread)
        if order.isReleasing {
            store.message = Int32(views.addRow(copying: Self.viewRow(thread)))
            store.clock = clocks[thread]
        } else if hasReleaseFence & (1 &<< UInt8(thread)) != 0 {
            store.message = Int32(views.addRow(copying: Self.releaseRow(thread)))
            store.clock = releaseClocks[thread]
        }
        guard read >= 0, stores[read].message >= 0 else { return }
        // The write of an update continues the release sequence of what it read.
        if store.message >= 0 {
            views.join(Int(store.message), with: Int(stores[read].message))
            store.clock.join(stores[read].clock)
        } else {
            store.message = stores[read].message
            store.clock = stores[read].clock
        }
    }

    /// A thread passes a fence.
    mutating func fence(_ thread: Int, _ order: MemoryOrder) {
        if order.isAcquiring {
            views.join(Self.viewRow(thread), with: Self.acquireRow(thread))
            clocks[thread].join(acquireClocks[thread])
        }
        if order == .sequentiallyConsistent {
            views.join(Self.viewRow(thread), with: Self.orderRow)
            views.join(Self.orderRow, with: Self.viewRow(thread))
        }
        if order.isReleasing {
            views.copy(Self.releaseRow(thread), from: Self.viewRow(thread))
            releaseClocks[thread] = clocks[thread]
            hasReleaseFence |= 1 &<< UInt8(thread)
        }
        clocks[thread][thread] &+= 1
    }

    /// A thread passes the kernel's lock of a word that threads sleep on. It orders what they see
    /// of memory, but it is no edge that a program may rely on: clocks stay apart.
    mutating func passParkingLock(of location: Int, by thread: Int) {
        if locations[location].parkingRow < 0 {
            locations[location].parkingRow = Int32(
                views.addRow(copying: Self.viewRow(thread)))
        }
        let row = Int(locations[location].parkingRow)
        views.join(Self.viewRow(thread), with: row)
        views.join(row, with: Self.viewRow(thread))
    }

    private mutating func tick(_ thread: Int, _ location: Int) {
        let now = clocks[thread][thread]
        locations[location].uses[thread] = now
        clocks[thread][thread] = now &+ 1
    }
}

extension Clock {
    /// Moves forward to where another clock is.
    @inline(__always)
    mutating func join(_ other: Clock) {
        self = pointwiseMax(self, other)
    }

    /// Whether all that the other clock counts has been seen here.
    func covers(_ other: Clock) -> Bool {
        all(other .<= self)
    }
}

/// The bits that really lie in memory: the last store of each location's modification order.
enum RawBits {
    static func read(_ address: UInt, _ byteCount: UInt8) -> AtomicBits {
        switch byteCount {
        case 1: AtomicBits(low: UInt64(load(address, as: UInt8.self)))
        case 2: AtomicBits(low: UInt64(load(address, as: UInt16.self)))
        case 4: AtomicBits(low: UInt64(load(address, as: UInt32.self)))
        case 8: AtomicBits(low: load(address, as: UInt64.self))
        default:
            AtomicBits(
                low: load(address, as: UInt64.self), high: load(address + 8, as: UInt64.self))
        }
    }

    static func write(_ bits: AtomicBits, _ address: UInt, _ byteCount: UInt8) {
        switch byteCount {
        case 1: store(UInt8(truncatingIfNeeded: bits.low), address)
        case 2: store(UInt16(truncatingIfNeeded: bits.low), address)
        case 4: store(UInt32(truncatingIfNeeded: bits.low), address)
        case 8: store(bits.low, address)
        default:
            store(bits.low, address)
            store(bits.high, address + 8)
        }
    }

    @inline(__always)
    private static func load<Word: FixedWidthInteger>(
        _ address: UInt, as type: Word.Type
    ) -> Word {
        // SAFETY: the code under test is inside an operation on the atomic at this address.
        guard let place = unsafe UnsafePointer<Word>(bitPattern: address) else { return 0 }
        return unsafe place.pointee  // SAFETY: as above.
    }

    @inline(__always)
    private static func store<Word: FixedWidthInteger>(_ word: Word, _ address: UInt) {
        // SAFETY: as above; the atomic has this size.
        guard let place = unsafe UnsafeMutablePointer<Word>(bitPattern: address) else { return }
        unsafe place.pointee = word  // SAFETY: as above.
    }
}
