// SPDX-License-Identifier: MIT

/// How much a `MetricRegistry` remembers. What is beyond is counted, and reported as the metric
/// `metrics_refused_total`.
public struct MetricLimits: Sendable {
    /// The most metrics. One more is accepted and not shown.
    public var metricCountMax = 512
    /// The most series of one metric. Those beyond share one whose labels are `overflow="true"`, so
    /// that sums stay right however many labels a client can make up.
    public var seriesCountMax = 256
    /// The most labels of a series; more are left out.
    public var labelCountMax = 16
    /// The most bytes of a label's value; the rest is cut.
    public var labelByteCountMax = 256

    /// The limits above.
    public init() {}
}
