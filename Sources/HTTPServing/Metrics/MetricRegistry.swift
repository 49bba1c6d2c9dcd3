// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Metrics by name and labels, and their text for Prometheus.
///
///     let served = registry.counter("http_requests", ["method": "GET"])
///     served.add(1)                          // any thread, no lock
///     registry.render(into: &output)         // any thread, while others write
///
/// | Guarantee | Making a metric, `render`           | Writing to a metric        |
/// |-----------|-------------------------------------|----------------------------|
/// | Progress  | blocking: one lock for the registry | lock-free, from any thread |
/// | Memory    | see `MetricLimits`                  | no allocation              |
///
/// Make a metric once and keep it: making it again finds the same one, and takes the lock. A name
/// that exists as another kind gives a metric that is not shown.
@safe
public final class MetricRegistry: @unchecked Sendable {
    // The lock's own edges carry `families` and `places`; the metrics are atomics of their own.

    private struct Entry {
        let labels: [UInt8]
        let series: MetricSeries
    }

    private struct Family {
        let name: String
        let kind: MetricKind
        let help: String
        var entries: [Entry] = []
        var places: [[UInt8]: Int] = [:]
        var overflow: MetricSeries?
    }

    private let limits: MetricLimits
    private let block: SharedBlock
    private var families: [Family] = []
    private var places: [String: Int] = [:]
    private let refused = MetricCounter()

    /// A registry without metrics.
    public init(_ limits: MetricLimits = MetricLimits()) {
        self.limits = limits
        block = SharedBlock(byteCount: CacheLine.byteCount)
    }

    /// The counter of that name, which gets `_total` behind it, and these labels.
    public func counter(
        _ name: String, _ labels: [(String, String)] = [], help: String = ""
    ) -> MetricCounter {
        if case .counter(let found) = series(name, .counter, labels, help) { return found }
        return MetricCounter()
    }

    /// A counter of fractions, as `counter`.
    public func sum(
        _ name: String, _ labels: [(String, String)] = [], help: String = ""
    ) -> MetricGauge {
        if case .sum(let found) = series(name, .sum, labels, help) { return found }
        return MetricGauge()
    }

    /// The gauge of that name and these labels.
    public func gauge(
        _ name: String, _ labels: [(String, String)] = [], help: String = ""
    ) -> MetricGauge {
        if case .gauge(let found) = series(name, .gauge, labels, help) { return found }
        return MetricGauge()
    }

    /// The histogram of that name and these labels. All histograms of one name have the bounds of
    /// the first.
    public func histogram(
        _ name: String, _ labels: [(String, String)] = [],
        bounds: [Double] = MetricHistogram.secondsBounds, help: String = ""
    ) -> MetricHistogram {
        let found = series(name, .histogram(bounds: bounds), labels, help)
        if case .histogram(let histogram) = found { return histogram }
        return MetricHistogram(bounds: bounds)
    }

    /// How many metrics and series were asked for beyond the limits or as another kind.
    public var refusedCount: UInt64 { refused.value }

    /// Appends all metrics in the text format, in the order in which they were made.
    public func render(into output: inout [UInt8]) {
        let families = lock.withLock { self.families }
        for family in families where !family.entries.isEmpty || family.overflow != nil {
            PrometheusText.appendHead(family.name, family.kind, help: family.help, to: &output)
            for entry in family.entries {
                PrometheusText.append(entry.series, family.name, entry.labels, to: &output)
            }
            if let overflow = family.overflow {
                var labels: [UInt8] = []
                PrometheusText.appendLabel("overflow", "true", to: &labels)
                PrometheusText.append(overflow, family.name, labels, to: &output)
            }
        }
        if refused.value > 0 {
            let name = "metrics_refused_total"
            PrometheusText.appendHead(name, .counter, help: "", to: &output)
            PrometheusText.append(.counter(refused), name, [], to: &output)
        }
    }

    /// Forgets a series, so that it is not shown any more and leaves room for another. O(series).
    func remove(where isMeant: (MetricSeries) -> Bool) {
        lock.withLock {
            for index in families.indices {
                guard let place = families[index].entries.firstIndex(where: { isMeant($0.series) })
                else { continue }
                families[index].entries.remove(at: place)
                families[index].places = [:]
                for (place, entry) in families[index].entries.enumerated() {
                    families[index].places[entry.labels] = place
                }
                return
            }
        }
    }

    // MARK: Finding

    private var lock: InternalLock {
        // SAFETY: the word lies in the block, which lives as long as this object.
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    private func series(
        _ name: String, _ kind: MetricKind, _ labels: [(String, String)], _ help: String
    ) -> MetricSeries {
        var shown = PrometheusText.metricName(name)
        let isTotal = kind == .counter || kind == .sum
        if isTotal, !shown.hasSuffix("_total") { shown += "_total" }
        let rendered = rendered(labels)
        return lock.withLock {
            guard let index = family(shown, kind, help) else {
                refused.add(1)
                return kind.makeSeries()
            }
            return find(rendered, in: index)
        }
    }

    private func family(_ name: String, _ kind: MetricKind, _ help: String) -> Int? {
        if let index = places[name] {
            return Self.isSame(families[index].kind, kind) ? index : nil
        }
        guard families.count < limits.metricCountMax else { return nil }
        places[name] = families.count
        families.append(Family(name: name, kind: kind, help: help))
        return families.count - 1
    }

    private static func isSame(_ left: MetricKind, _ right: MetricKind) -> Bool {
        switch (left, right) {
        case (.histogram, .histogram): true
        default: left == right
        }
    }

    private func find(_ labels: [UInt8], in index: Int) -> MetricSeries {
        if let place = families[index].places[labels] {
            return families[index].entries[place].series
        }
        if families[index].entries.count < limits.seriesCountMax {
            let series = families[index].kind.makeSeries()
            families[index].places[labels] = families[index].entries.count
            families[index].entries.append(Entry(labels: labels, series: series))
            return series
        }
        refused.add(1)
        if let overflow = families[index].overflow { return overflow }
        let series = families[index].kind.makeSeries()
        families[index].overflow = series
        return series
    }

    /// The labels as they stand between the braces, in the order of their names.
    private func rendered(_ labels: [(String, String)]) -> [UInt8] {
        var result: [UInt8] = []
        var last = ""
        for (name, value) in labels.sorted(by: { $0.0 < $1.0 }).prefix(limits.labelCountMax) {
            let shown = PrometheusText.labelName(name)
            // A name twice would make the whole text unreadable; "le" belongs to histograms.
            if shown == last || shown == "le" { continue }
            last = shown
            let cut = String(decoding: value.utf8.prefix(limits.labelByteCountMax), as: UTF8.self)
            PrometheusText.appendLabel(shown, cut, to: &result)
        }
        return result
    }
}
