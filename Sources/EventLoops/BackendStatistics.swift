// SPDX-License-Identifier: MIT

/// What a backend has done since it started.
public struct BackendStatistics: Sendable {
    /// Calls that submitted and waited.
    public var waits: UInt64 = 0
    /// How often an operation found the submission queue full: what was in it was submitted first.
    public var fullSubmissionQueues: UInt64 = 0
    /// How often completions had to wait in the kernel because the completion queue was full.
    public var completionOverflows: UInt64 = 0

    /// Nothing yet.
    public init() {}
}
