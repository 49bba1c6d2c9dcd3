// SPDX-License-Identifier: MIT

/// One line of numbers: a metric with its labels.
enum MetricSeries: Sendable {
    case counter(MetricCounter)
    case sum(MetricGauge)
    case gauge(MetricGauge)
    case histogram(MetricHistogram)
}
