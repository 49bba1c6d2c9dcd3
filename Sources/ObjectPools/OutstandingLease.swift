// SPDX-License-Identifier: MIT

public import AtomicSupport

/// One lease in the report of those that have not ended.
@frozen
public struct OutstandingLease: Equatable, Sendable {
    /// Its name, with the slot's number and generation.
    public let handle: PoolHandle

    /// Whether a `PoolLease` or a `LocalPoolMagazine` owns it, rather than a bare handle.
    public let isOwned: Bool

    /// Where it began, or its magazine was made; nil without the trait `CallSites`.
    public let site: CallSite?

    @usableFromInline
    init(handle: PoolHandle, isOwned: Bool, site: CallSite?) {
        self.handle = handle
        self.isOwned = isOwned
        self.site = site
    }
}
