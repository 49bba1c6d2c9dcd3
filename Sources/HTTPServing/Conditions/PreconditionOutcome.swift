// SPDX-License-Identifier: MIT

/// What a request's conditions make of it.
public enum PreconditionOutcome: Sendable {
    /// Do what was asked for.
    case proceed
    /// 304: the client has this representation.
    case notModified
    /// 412: the resource is not in the state that the client expects.
    case failed
}
