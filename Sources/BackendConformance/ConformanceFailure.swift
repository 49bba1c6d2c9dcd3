// SPDX-License-Identifier: MIT

/// Why a backend did not pass a check: all expectations that failed, in the order in which they
/// did.
public struct ConformanceFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the check.
    public let check: String
    /// The name that the backend gave itself; nil if none could be made.
    public let backend: String?
    /// What failed; at least one, and one for each line.
    public let expectations: [FailedExpectation]

    /// The check and the backend, then each failed expectation on a line of its own.
    public var description: String {
        let head = "\(check): not as promised by \(backend ?? "the backend, which was not made")"
        return ([head] + expectations.map { "  \($0)" }).joined(separator: "\n")
    }
}
