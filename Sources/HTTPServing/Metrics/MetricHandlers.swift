// SPDX-License-Identifier: MIT

#if HTTP

    internal import CoreMetrics

    // The handlers of swift-metrics, each around one metric. Its protocols want one class for each.

    final class CountingHandler: CounterHandler {
        let counter: MetricCounter

        init(_ counter: MetricCounter) { self.counter = counter }

        func increment(by amount: Int64) {
            if amount > 0 { counter.add(UInt64(amount)) }
        }

        func reset() { counter.reset() }
    }

    final class SummingHandler: FloatingPointCounterHandler {
        let gauge: MetricGauge

        init(_ gauge: MetricGauge) { self.gauge = gauge }

        func increment(by amount: Double) {
            if amount > 0, amount.isFinite { gauge.add(amount) }
        }

        func reset() { gauge.set(0) }
    }

    final class MeteringHandler: MeterHandler {
        let gauge: MetricGauge

        init(_ gauge: MetricGauge) { self.gauge = gauge }

        func set(_ value: Int64) { gauge.set(Double(value)) }
        func set(_ value: Double) { gauge.set(value) }
        func increment(by amount: Double) { gauge.add(amount) }
        func decrement(by amount: Double) { gauge.add(-amount) }
    }

    final class RecordingHandler: RecorderHandler {
        let gauge: MetricGauge?
        let histogram: MetricHistogram?

        init(gauge: MetricGauge) {
            self.gauge = gauge
            histogram = nil
        }

        init(histogram: MetricHistogram) {
            gauge = nil
            self.histogram = histogram
        }

        func record(_ value: Int64) { record(Double(value)) }

        func record(_ value: Double) {
            gauge?.set(value)
            histogram?.record(value)
        }
    }

    final class TimingHandler: TimerHandler {
        let histogram: MetricHistogram

        init(_ histogram: MetricHistogram) { self.histogram = histogram }

        func recordNanoseconds(_ duration: Int64) {
            histogram.record(Double(duration) / 1_000_000_000)
        }
    }

#endif
