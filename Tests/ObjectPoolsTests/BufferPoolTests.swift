// SPDX-License-Identifier: MIT

import AtomicSupport
import Glibc
import ObjectPools
import StressSupport
import Testing

@Suite("Buffer pool")
struct BufferPoolTests {
    @Test(
        "A request gets the smallest class that holds it",
        arguments: [(0, 64), (1, 64), (64, 64), (65, 512), (512, 512), (513, 1024), (1024, 1024)])
    func picksTheClass(asked: Int, given: Int) {
        // If this failed, a buffer would be too small, or memory be wasted.
        let pool = makePool()
        guard let lease = pool.tryLease(byteCount: asked) else {
            Issue.record("refused")
            return
        }
        #expect(lease.byteCount == given)
        pool.checkInvariants()
        let tooLarge = pool.tryLease(byteCount: 1025) == nil
        #expect(tooLarge)
        #expect(pool.classIndex(for: 1025) == nil)
    }

    @Test("A class without free buffers turns to as many larger ones as it may", arguments: 0...3)
    func spills(spillMax: Int) {
        // If this failed, small requests would take what large ones need, or be refused too early.
        let pool = makePool(spillMax: spillMax)
        var leases = LeaseStack()
        var sizes: [Int] = []
        while let lease = pool.tryLease(byteCount: 1) {
            sizes.append(lease.byteCount)
            leases.push(lease)
        }
        #expect(sizes == [[64, 64, 64], [512, 512], [1024]].prefix(spillMax + 1).flatMap { $0 })
        let statistics = pool.statistics(ofClass: 0)
        #expect(statistics.spilled == UInt64(sizes.count - 3))
        #expect(statistics.leasedCount == 3)
        #expect(statistics.leases.acquired == 3)
        pool.checkInvariants()
        leases.removeAll()
        pool.checkInvariants()
        for number in 0..<3 {
            let leased = pool.statistics(ofClass: number).leasedCount
            #expect(leased == 0)
        }
    }

    @Test("Buffers do not overlap, lie in their class's slab and begin on a multiple of 64")
    func buffersLieApart() {
        // If this failed, two users would write the same bytes.
        let pool = makePool(spillMax: 2)
        var leases = LeaseStack()
        var ends: [UInt: UInt] = [:]
        while let lease = pool.tryLease(byteCount: 10) {
            // SAFETY: numbers.
            let start = unsafe UInt(bitPattern: lease.bytes.baseAddress)
            ends[start] = start + UInt(lease.byteCount)
            let number = pool.classIndex(for: lease.byteCount) ?? -1
            // SAFETY: numbers.
            let slab = unsafe UInt(bitPattern: pool.slab(ofClass: number).baseAddress)
            #expect(start == slab + UInt(lease.index * lease.byteCount))
            #expect(start % 64 == 0)
            leases.push(lease)
        }
        #expect(ends.count == 6)
        let starts = ends.keys.sorted()
        for (start, next) in zip(starts, starts.dropFirst()) {
            #expect(ends[start] ?? .max <= next)
        }
        let total = pool.byteCount
        #expect(total == 3 * 64 + 2 * 512 + 1024)
        pool.checkInvariants()
    }

    @Test("A buffer is zeroed once, or at each end of a lease", arguments: [false, true])
    func erases(erases: Bool) {
        // If this failed, a buffer would show what was in memory before, or what must not be seen.
        let shape = BufferClass(byteCount: 64, capacity: 1)
        let storage = Storage(classes: [shape])
        // SAFETY: the storage outlives the pool.
        let pool = unsafe BufferPool(
            storage: storage.bytes, classes: [shape], spillMax: 0, magazineCount: 1,
            erases: erases)
        for round in 0..<3 {
            guard var lease = pool.tryLease(byteCount: 64) else {
                Issue.record("refused")
                return
            }
            let seen = lease.withBytes { bytes in
                let seen = (0..<64).map { read(bytes, at: $0) }
                bytes.storeBytes(of: 7, toByteOffset: 63, as: UInt8.self)
                return seen
            }
            #expect(seen.dropLast().allSatisfy { $0 == 0 })
            #expect(seen.last == (round == 0 || erases ? 0 : 7))
            pool.checkInvariants()
        }
        pool.checkInvariants()
    }

    @Test("The report names class and lease; the pool's end looks for leases")
    func reports() async {
        // If this failed, a leaked buffer could not be found.
        let pool = makePool()
        var leases = LeaseStack()
        for size in [1, 600] {
            if let lease = pool.tryLease(byteCount: size) { leases.push(lease) }
        }
        var names: [Int] = []
        pool.forEachLease { number, lease in
            #expect(lease.isOwned)
            names.append(number)
        }
        #expect(names == [0, 2])
        leases.removeAll()
        await #expect(processExitsWith: .failure) {
            var lease: BufferLease?
            do {
                let pool = makePool()
                lease = pool.tryLease(byteCount: 1)
            }
            if lease != nil { exit(EXIT_SUCCESS) }
        }
    }

    @Test("Classes that do not rise, or are none, trap")
    func wrongClassesTrap() async {
        // If this failed, a request would be served by a buffer that is too small.
        await #expect(processExitsWith: .failure) { _ = BufferPool(classes: []) }
        await #expect(processExitsWith: .failure) {
            let shape = BufferClass(byteCount: 60, capacity: 1)
            _ = BufferPool(classes: [shape, BufferClass(byteCount: 64, capacity: 1)])
        }
    }

    @Test("Four threads write whole buffers, and read them back")
    func fourThreads() {
        // If this failed, a buffer would have two users.
        let pool = Shared(makePool(spillMax: 2))
        ThreadTeam.run(count: 4) { thread in
            var random = SplitMix64(seed: 3, stream: thread)
            for _ in 0..<3_000 {
                let size = Int(random.next() % 1024) + 1
                guard var lease = pool.value.tryLease(byteCount: size) else { continue }
                precondition(lease.byteCount >= size)
                fill(&lease, with: UInt8(thread))
            }
        }
        pool.value.checkInvariants()
        for number in 0..<3 {
            let leased = pool.value.statistics(ofClass: number).leasedCount
            #expect(leased == 0)
        }
    }
}

private func fill(_ lease: inout BufferLease, with byte: UInt8) {
    lease.withBytes { bytes in
        let count = bytes.byteCount
        for offset in 0..<count {
            bytes.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
        for offset in 0..<count {
            let seen = read(bytes, at: offset)
            precondition(seen == byte, "two users")
        }
    }
}

private func read(_ bytes: borrowing MutableRawSpan, at offset: Int) -> UInt8 {
    unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)  // SAFETY: a byte is a byte.
}

private func makePool(spillMax: Int = 0) -> BufferPool {
    BufferPool(
        classes: [
            BufferClass(byteCount: 64, capacity: 3), BufferClass(byteCount: 500, capacity: 2),
            BufferClass(byteCount: 1024, capacity: 1),
        ], spillMax: spillMax)
}

/// Memory of the test's own, full of what is not zero.
@safe
private struct Storage: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer

    init(classes: [BufferClass]) {
        let byteCount = BufferPool.storageByteCount(classes: classes, magazineCount: 1)
        // SAFETY: freed in `deinit`.
        unsafe bytes = .allocate(byteCount: byteCount, alignment: CacheLine.byteCount)
        // SAFETY: in bounds.
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0xA5)
    }

    deinit { unsafe bytes.deallocate() }  // SAFETY: allocated in `init`.
}

/// Keeps up to six leases until it is told to end them.
private struct LeaseStack: ~Copyable {
    private var leases = InlineArray<6, BufferLease?> { _ in nil }
    private var count = 0

    mutating func push(_ lease: consuming BufferLease) {
        leases[count] = consume lease
        count += 1
    }

    mutating func removeAll() {
        for index in 0..<count { leases[index] = nil }
        count = 0
    }
}
