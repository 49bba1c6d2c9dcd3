// SPDX-License-Identifier: MIT

/// Numbers that do not ask how values are distributed.
package enum Statistics {
    /// The value in the middle; not a number if there are none.
    package static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let half = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    }

    /// The median of the values and an interval that holds the true median with at least the
    /// wanted confidence: two order statistics, by the binomial distribution. With too few values
    /// it is the whole range, and the confidence says so.
    package static func interval(_ values: [Double], confidence wanted: Double = 0.95) -> Interval {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else {
            return Interval(median: .nan, low: .nan, high: .nan, confidence: 0)
        }
        var best = Interval(
            median: median(sorted), low: first, high: last,
            confidence: Self.confidence(of: sorted.count, outside: 1))
        var outside = 1
        // Ends: each turn narrows the interval from both sides.
        while outside * 2 <= sorted.count {
            let confidence = Self.confidence(of: sorted.count, outside: outside)
            if confidence < wanted { break }
            best.low = sorted[outside - 1]
            best.high = sorted[sorted.count - outside]
            best.confidence = confidence
            outside += 1
        }
        return best
    }

    /// How probable it is that the median lies between the `outside`-th smallest and the
    /// `outside`-th largest of so many values: 1 − 2 · P(X < outside), X ~ B(count, ½).
    static func confidence(of count: Int, outside: Int) -> Double {
        var term = 1.0
        for _ in 0..<count { term /= 2 }
        var tail = 0.0
        for successes in 0..<outside {
            tail += term
            term *= Double(count - successes) / Double(successes + 1)
        }
        return max(0, 1 - 2 * tail)
    }
}
