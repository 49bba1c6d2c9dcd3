// SPDX-License-Identifier: MIT

/// What tells one state of a resource from another. RFC 9110, 8.8.
public struct Validators: Equatable, Sendable {
    /// The tag of the representation that would be sent.
    public var entityTag: EntityTag?
    /// When it was last changed, in whole seconds since 1970.
    public var lastModifiedSeconds: Int64?

    /// These validators.
    public init(entityTag: EntityTag? = nil, lastModifiedSeconds: Int64? = nil) {
        self.entityTag = entityTag
        self.lastModifiedSeconds = lastModifiedSeconds
    }
}
