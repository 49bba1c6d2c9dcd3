// SPDX-License-Identifier: MIT

import AtomicSupport
import Glibc
import ObjectPools
import StressSupport
import Testing

@Suite("Pool leases")
struct PoolLeaseTests {
    @Test("A lease gives its object back at its end, reset", arguments: [0, 64])
    func endsWithItsOwner(magazineCount: Int) {
        // If this failed, slots would leak, or come back as their last user left them.
        let pool = ObjectPool<[Int]>(
            capacity: 2, magazineCount: magazineCount, make: { [] }, reset: { $0.removeAll() })
        for round in 0..<10 {
            var first = pool.tryLease()
            let second = pool.tryLease()
            let isRefused = pool.tryLease() == nil
            #expect(isRefused)
            let isEmpty = first?.withObject { object in
                let isEmpty = object.isEmpty
                object.append(round)
                return isEmpty
            }
            #expect(isEmpty == true)
            discard(first)
            let availableBeside = pool.availableCount
            #expect(availableBeside == 1)
            discard(second)
            let available = pool.availableCount
            #expect(available == 2)
        }
        let statistics = pool.statistics
        #expect(statistics.acquired == 20)
        #expect(statistics.released == 20)
        #expect(statistics.exhausted == 10)
    }

    @Test("An object that is lent out again and again lives once")
    func objectsLiveOnce() {
        // If this failed, a lease would destroy, leak or copy its object.
        let ledger = LifetimeLedger()
        do {
            let pool = ObjectPool<Tracked>(capacity: 3, make: { ledger.makeTracked(5) })
            for _ in 0..<5 {
                var lease = pool.tryLease()
                let payload = lease?.withObject { $0.payload }
                #expect(payload == 5)
            }
            #expect(ledger.bornCount == 1)
            #expect(ledger.diedCount == 0)
        }
        #expect(ledger.diedCount == 1)
    }

    @Test("A lease that is detached lives on in its handle, and can be adopted")
    func detaches() throws {
        // If this failed, a name that the kernel keeps could not carry a lease.
        let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
        guard var lease = pool.tryLease() else {
            Issue.record("refused")
            return
        }
        lease.withObject { $0 = 9 }
        let handle = lease.detach()
        let isLeased = pool.isLeased(handle)
        #expect(isLeased)
        var adopted = pool.adopt(handle)
        let value = adopted.withObject { $0 }
        #expect(value == 9)
        #expect(adopted.handle == handle)
        discard(adopted)
        let isLeasedAfter = pool.isLeased(handle)
        #expect(!isLeasedAfter)
        // Detached once more, and released by its handle: nobody owns it at the pool's end.
        guard let second = pool.tryLease() else {
            Issue.record("refused")
            return
        }
        pool.release(second.detach())
    }

    @Test("A pool that ends before a lease traps; a handle does not hold it")
    func endBeforeLeaseTraps() async {
        // If this failed, the lease would write into freed memory.
        await #expect(processExitsWith: .failure) {
            var lease: PoolLease<Int>?
            do {
                let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
                lease = pool.tryLease()
            }
            if lease != nil { exit(EXIT_SUCCESS) }  // Not by what the lease's own end finds.
        }
        await #expect(processExitsWith: .success) {
            let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
            _ = pool.tryAcquire()
            guard let lease = pool.tryLease() else { return }
            _ = lease.detach()
        }
    }

    @Test("A lease has one owner")
    func adoptTwiceTraps() async {
        // If this failed, two owners would use one object and release it twice.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
            guard let lease = pool.tryLease() else { return }
            // Not by what the lease's own end finds.
            if pool.adopt(lease.handle).handle == lease.handle { exit(EXIT_SUCCESS) }
        }
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
            guard let handle = pool.tryAcquire() else { return }
            pool.release(handle)
            discard(pool.adopt(handle))
        }
    }

    @Test("A lease that is released behind its back is noticed")
    func releasedBehindItsBack() async {
        // If this failed, the lease would end its successor's.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
            guard var lease = pool.tryLease() else { return }
            pool.release(lease.handle)
            lease.withObject { $0 = 1 }
        }
    }

    @Test("Generations wrap", arguments: [0, 64])
    func generationsWrap(magazineCount: Int) {
        // If this failed, the 2^31st lease of a slot would look stale.
        let pool = ObjectPool<Int>(
            growingFrom: 1, by: 1, to: 1, magazineCount: magazineCount,
            firstGeneration: .max - 3, make: { 0 })
        var handles: Set<PoolHandle> = []
        for _ in 0..<5 {
            guard let lease = pool.tryLease() else {
                Issue.record("refused")
                return
            }
            let isLeased = pool.isLeased(lease.handle)
            #expect(isLeased)
            handles.insert(lease.handle)
        }
        #expect(handles.count == 5)
        #expect(handles.contains(PoolHandle(index: 0, generation: .max)))
        #expect(handles.contains(PoolHandle(index: 0, generation: 1)))
    }

    @Test("The report names what is out, and under the trait CallSites where it was taken")
    func reportNamesLeases() {
        // If this failed, a leak could be counted, but not found.
        let pool = ObjectPool<Int>(capacity: 8, make: { 0 })
        let handles = (0..<3).compactMap { _ in pool.tryAcquire() }
        let line = UInt32(#line) + 1
        guard let lease = pool.tryLease() else {
            Issue.record("refused")
            return
        }
        let handle = lease.handle
        for handle in handles.dropLast() { pool.release(handle) }
        var report: [OutstandingLease] = []
        pool.forEachLease { report.append($0) }
        #expect(Set(report.map(\.handle)) == [handles[2], handle])
        #expect(report.first { $0.handle == handles[2] }?.isOwned == false)
        let owned = report.first { $0.isOwned }
        #expect(owned?.handle == handle)
        #if CallSites
            #expect(owned?.site == CallSite(file: #fileID, line: line))
        #else
            #expect(owned?.site == nil && line > 0)
        #endif
        discard(lease)
        pool.release(handles[2])
        report = []
        pool.forEachLease { report.append($0) }
        #expect(report.isEmpty)
    }

    @Test("Leases end in other threads than they began")
    func endElsewhere() {
        // If this failed, a lease could not travel with what uses it.
        let pool = Shared(ObjectPool<Int>(capacity: 4, make: { 0 }))
        let places = (0..<4).map { _ in Shared(Atomic<UInt64>(0)) }
        @Sendable func end(_ left: UInt64) {
            if left == 0 { return }
            var lease = pool.value.adopt(PoolHandle(rawValue: left))
            lease.withObject { object in
                precondition(object > 0, "nobody's")
                object = 0
            }
        }
        ThreadTeam.run(count: 4) { thread in
            for turn in 1...2_000 {
                if var lease = pool.value.tryLease() {
                    lease.withObject { object in
                        precondition(object == 0, "two owners")
                        object = turn
                    }
                    let left = lease.detach().rawValue
                    end(places[thread].value.exchange(left, ordering: .acquiringAndReleasing))
                }
                end(places[(thread + 1) % 4].value.exchange(0, ordering: .acquiring))
            }
        }
        for place in places { end(place.value.load(ordering: .relaxed)) }
        let available = pool.value.availableCount
        #expect(available == 4)
    }
}
