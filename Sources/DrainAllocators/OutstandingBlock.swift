// SPDX-License-Identifier: MIT

public import AtomicSupport

/// One line of the report of what is still out, under the trait `CallSites`.
@frozen
public struct OutstandingBlock: Equatable, Sendable {
    /// Where it is.
    public let address: UInt

    /// How many bytes were asked for.
    public let byteCount: Int

    /// Where it was allocated.
    public let site: CallSite

    init(address: UInt, byteCount: Int, site: CallSite) {
        self.address = address
        self.byteCount = byteCount
        self.site = site
    }
}
