// SPDX-License-Identifier: MIT

/// A lease of an object out of a `LocalPoolMagazine`: a value that cannot be copied, and gives the
/// object back to the magazine when it dies.
///
/// | Guarantee | making one / its end                                                             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | as `tryLease` of the magazine                                                    |
/// | Cost      | a few plain loads and stores; 16 bytes, no reference count                       |
/// | Threads   | the magazine's: it is not `Sendable`                                             |
///
/// It must end before its magazine, which looks, and traps.
///
/// Not for a lease that ends on another thread, or that outlives the magazine: use `PoolLease`, or
/// `detach`. Not where others may need the slots that lie in the magazine: use `PoolLease`.
@frozen
@safe
public struct LocalPoolLease<Object: ~Copyable>: ~Copyable {
    @usableFromInline
    let object: UnsafeMutablePointer<Object>

    @usableFromInline
    let state: UnsafeMutablePointer<LocalMagazineState<Object>>

    @inlinable
    @inline(__always)
    @unsafe
    init(
        _ object: UnsafeMutablePointer<Object>,
        of state: UnsafeMutablePointer<LocalMagazineState<Object>>
    ) {
        unsafe self.object = object  // SAFETY: the magazine has lent it to this value.
        unsafe self.state = state  // SAFETY: the magazine traps if it ends before the lease.
    }

    @inlinable
    @inline(__always)
    deinit {
        unsafe state.pointee.put(object)  // SAFETY: the magazine lives as long as its leases.
    }

    /// Lends the object to `body`.
    @inlinable
    @inline(__always)
    public mutating func withObject<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Object) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        // By its number, because the object is not part of what the magazine's thread has: the pool
        // was sent it, and keeps it so.
        // SAFETY: the lease is the only user of its object.
        try unsafe body(&Self.object(at: UInt(bitPattern: object)).pointee)
    }

    @inlinable
    @inline(__always)
    static func object(at address: UInt) -> UnsafeMutablePointer<Object> {
        // SAFETY: the address of an object.
        unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
    }

    /// The object's address, which stays the same for the pool's lifetime; the caller sees to it
    /// that it is not used past the lease.
    @inlinable
    @inline(__always)
    @unsafe
    public var pointer: UnsafeMutablePointer<Object> {
        unsafe object  // SAFETY: passed on to the caller.
    }

    /// Gives up the lease without ending it: it is the pool's from here on, and no longer the
    /// magazine's. Its handle must be released there, or adopted, by whichever thread.
    public consuming func detach() -> PoolHandle {
        // SAFETY: the magazine lives as long as its leases.
        let handle = unsafe state.pointee.detach(object)
        discard self
        return handle
    }
}

@available(*, unavailable, message: "it ends on the thread of its magazine")
extension LocalPoolLease: Sendable where Object: ~Copyable {}
