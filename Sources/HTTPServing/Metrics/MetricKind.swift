// SPDX-License-Identifier: MIT

/// What a metric is.
public enum MetricKind: Equatable, Sendable {
    /// A whole number that only grows; its name ends with `_total`.
    case counter
    /// A number with fractions that only grows; its name ends with `_total`.
    case sum
    /// A number that goes up and down.
    case gauge
    /// Values over buckets with these bounds.
    case histogram(bounds: [Double])

    /// Its word in the text format.
    var word: StaticString {
        switch self {
        case .counter, .sum: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    func makeSeries() -> MetricSeries {
        switch self {
        case .counter: .counter(MetricCounter())
        case .sum: .sum(MetricGauge())
        case .gauge: .gauge(MetricGauge())
        case .histogram(let bounds): .histogram(MetricHistogram(bounds: bounds))
        }
    }
}
