// SPDX-License-Identifier: MIT

import ObjectPools
import Testing

/// A lease out of a local magazine, or none, where an array can keep it.
final class Held<Object> {
    private var lease: LocalPoolLease<Object>?

    init(_ magazine: borrowing LocalPoolMagazine<Object>) { lease = magazine.tryLease() }

    var isEmpty: Bool { lease == nil }

    /// Puts a value into the object, and answers what was there.
    func exchange(_ value: Object) -> Object? {
        // SAFETY: the lease is this one's.
        guard let place = unsafe lease?.pointer else { return nil }
        let former = unsafe place.pointee  // SAFETY: as above.
        unsafe place.pointee = value  // SAFETY: as above.
        return former
    }

    func detach() -> PoolHandle? { lease.take()?.detach() }

    func end() { lease = nil }
}

/// A magazine is as it should be.
func check<Object>(
    _ magazine: borrowing LocalPoolMagazine<Object>, lent: Int, unlent: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let (lentCount, unlentCount) = (magazine.lentCount, magazine.unlentCount)
    #expect(lentCount == lent, sourceLocation: sourceLocation)
    #expect(unlentCount == unlent, sourceLocation: sourceLocation)
    magazine.checkInvariants()
}

/// Ends a value's life.
func discard<Value: ~Copyable>(_ value: consuming Value) {}

/// How many bytes lie before an object in its line.
var wordsByteCount: UInt {
    #if CallSites
        32
    #else
        16
    #endif
}
