// SPDX-License-Identifier: MIT

internal import BenchSupport

/// The rate of the latency scenario: half of what the best of some contenders reaches.
final class EchoRate {
    /// Set before the first trial.
    private(set) var requestsPerSecond = 1

    /// Measures each contender once, by requests a second.
    func settle(_ contenders: [Contender], _ measure: (Contender) throws -> Double) throws {
        let best = try contenders.map(measure).max() ?? 0
        guard best >= 2 else { throw BenchError("no contender answered any request") }
        requestsPerSecond = Int(best / 2)
    }
}
