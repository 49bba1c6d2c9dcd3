// SPDX-License-Identifier: MIT

// A configuration that is replaced while others read it. A reader protects the one that it found;
// the old ones are freed when no reader protects them: all but a few at once, and the one that a
// reader keeps for long not before that reader is done.
//
//     swift run -c release example_hazard_pointers

import AtomicSupport
import MemoryReclamation
import StressSupport

/// A configuration on the heap. It begins with its node, whose address is what readers protect.
@safe
struct Configuration {
    // SAFETY: the closure only names what `make` makes.
    var node = unsafe RetiredNode(reclaim: { address in
        // SAFETY: `make` made it; the domain says that nobody uses it any more.
        unsafe address.assumingMemoryBound(to: Configuration.self).deinitialize(count: 1)
        unsafe address.deallocate()  // SAFETY: as above.
        freedCount.add(1, ordering: .relaxed)
    })
    let version: Int
    let limit: Int

    static func make(version: Int) -> UnsafeMutableRawPointer {
        let place = UnsafeMutablePointer<Configuration>.allocate(capacity: 1)
        // SAFETY: fresh memory.
        unsafe place.initialize(to: Configuration(version: version, limit: version * 10))
        return UnsafeMutableRawPointer(place)
    }
}

/// What the threads share.
@safe
final class Service: @unchecked Sendable {
    let domain = HazardDomain(slotCount: 4, scanThreshold: 16)
    let current: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    init() {
        unsafe current = .allocate(capacity: 1)  // SAFETY: initialized next.
        unsafe current.initialize(to: Atomic(Configuration.make(version: 1)))
    }

    /// Reads the configuration of the moment, as long as `body` takes.
    func read<Result>(_ body: (borrowing Configuration) -> Result) -> Result {
        domain.withGuard { hazard in
            // SAFETY: the word lives as long as the program.
            guard let found = unsafe hazard.protect(current) else { fatalError("none") }
            // SAFETY: protected until the guard ends.
            return body(unsafe found.assumingMemoryBound(to: Configuration.self).pointee)
        }
    }

    /// Puts another one in its place. The exchange is sequentially consistent, as hazards need it.
    func replace(version: Int) {
        // SAFETY: ours until the exchange.
        let new = unsafe Configuration.make(version: version)
        // SAFETY: as above.
        let old = unsafe current.pointee.exchange(new, ordering: .sequentiallyConsistent)
        guard let old = unsafe old else { return }
        // SAFETY: just taken out, by this thread alone.
        unsafe domain.retire(old.assumingMemoryBound(to: RetiredNode.self))
    }
}

let freedCount = Atomic<Int>(0)
let service = Service()
let wrongCount = Atomic<Int>(0)

ThreadTeam.run(count: 3) { thread in
    if thread == 0 {
        for version in 2...10_000 { service.replace(version: version) }
    } else {
        for _ in 0..<20_000 {
            let isWhole = service.read { $0.limit == $0.version * 10 }
            if !isWhole { wrongCount.add(1, ordering: .relaxed) }
        }
    }
}
print("torn or freed under a reader: \(wrongCount.load(ordering: .relaxed))")

service.domain.collect()
print("replaced 9999, freed \(freedCount.load(ordering: .relaxed))")

// A reader that takes its time keeps one configuration, whatever happens meanwhile.
service.read { kept in
    for version in 10_001...11_000 { service.replace(version: version) }
    service.domain.collect()
    print("held back by one slow reader: \(service.domain.heldCount), still \(kept.version)")
}
service.domain.collect()
print("held back at the end: \(service.domain.heldCount)")
