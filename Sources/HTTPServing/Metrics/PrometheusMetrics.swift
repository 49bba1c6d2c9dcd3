// SPDX-License-Identifier: MIT

#if HTTP

    public import CoreMetrics

    /// A backend of swift-metrics that writes into a `MetricRegistry`.
    ///
    ///     let registry = MetricRegistry()
    ///     MetricsSystem.bootstrap(PrometheusMetrics(registry))
    ///
    /// Counters get `_total` behind their names, timers `_seconds`; a recorder that aggregates is a
    /// histogram, another one a gauge. Names and labels are mended as `PrometheusText` says.
    public struct PrometheusMetrics: MetricsFactory {
        private let registry: MetricRegistry

        /// A backend that writes into this registry.
        public init(_ registry: MetricRegistry) { self.registry = registry }

        /// See `MetricsFactory`.
        public func makeCounter(
            label: String, dimensions: [(String, String)]
        ) -> any CounterHandler {
            CountingHandler(registry.counter(label, dimensions))
        }

        /// See `MetricsFactory`.
        public func makeFloatingPointCounter(
            label: String, dimensions: [(String, String)]
        ) -> any FloatingPointCounterHandler {
            SummingHandler(registry.sum(label, dimensions))
        }

        /// See `MetricsFactory`.
        public func makeMeter(
            label: String, dimensions: [(String, String)]
        ) -> any MeterHandler {
            MeteringHandler(registry.gauge(label, dimensions))
        }

        /// See `MetricsFactory`.
        public func makeRecorder(
            label: String, dimensions: [(String, String)], aggregate: Bool
        ) -> any RecorderHandler {
            aggregate
                ? RecordingHandler(
                    histogram: registry.histogram(
                        label, dimensions, bounds: MetricHistogram.sizeBounds))
                : RecordingHandler(gauge: registry.gauge(label, dimensions))
        }

        /// See `MetricsFactory`.
        public func makeTimer(
            label: String, dimensions: [(String, String)]
        ) -> any TimerHandler {
            let name = label.hasSuffix("_seconds") ? label : label + "_seconds"
            return TimingHandler(registry.histogram(name, dimensions))
        }

        /// Takes a counter out of the registry.
        public func destroyCounter(_ handler: any CounterHandler) {
            guard let handler = handler as? CountingHandler else { return }
            registry.remove {
                if case .counter(let counter) = $0 { counter === handler.counter } else { false }
            }
        }

        /// Takes a counter out of the registry.
        public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
            guard let handler = handler as? SummingHandler else { return }
            removeGauge(handler.gauge)
        }

        /// Takes a meter out of the registry.
        public func destroyMeter(_ handler: any MeterHandler) {
            guard let handler = handler as? MeteringHandler else { return }
            removeGauge(handler.gauge)
        }

        /// Takes a recorder out of the registry.
        public func destroyRecorder(_ handler: any RecorderHandler) {
            guard let handler = handler as? RecordingHandler else { return }
            if let gauge = handler.gauge { removeGauge(gauge) }
            if let histogram = handler.histogram { removeHistogram(histogram) }
        }

        /// Takes a timer out of the registry.
        public func destroyTimer(_ handler: any TimerHandler) {
            guard let handler = handler as? TimingHandler else { return }
            removeHistogram(handler.histogram)
        }

        private func removeGauge(_ gauge: MetricGauge) {
            registry.remove {
                switch $0 {
                case .sum(let other), .gauge(let other): other === gauge
                default: false
                }
            }
        }

        private func removeHistogram(_ histogram: MetricHistogram) {
            registry.remove {
                if case .histogram(let other) = $0 { other === histogram } else { false }
            }
        }
    }

#endif
