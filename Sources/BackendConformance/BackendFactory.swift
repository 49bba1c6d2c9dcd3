// SPDX-License-Identifier: MIT

public import EventLoops

/// Makes a backend to be checked, with the limits that the check asks for. It is called at least
/// once in each check, and what it throws fails the check.
public typealias BackendFactory = @Sendable (LoopOptions) throws -> SelectedBackend
