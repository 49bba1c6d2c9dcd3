// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import HTTPServing

@Suite("Metrics")
struct MetricTests {
    private func rendered(_ registry: MetricRegistry) -> String {
        var output: [UInt8] = []
        registry.render(into: &output)
        return text(output)
    }

    @Test("The text of every kind")
    func rendering() {
        // If this failed, Prometheus would not read the page, or read other numbers.
        let registry = MetricRegistry()
        registry.counter("http.requests", [("method", "GET"), ("code", "200")], help: "a\\b\nc")
            .add(3)
        registry.counter("http.requests", [("code", "200"), ("method", "GET")]).add(4)
        registry.sum("joules_total").add(0.5)
        registry.gauge("9 lives", [("a-b", "q\"\\\n")]).set(-2.5)
        let histogram = registry.histogram("h", [("x", "1")], bounds: [0.5, 2])
        for value in [0.25, 0.5, 1, 3, .nan] { histogram.record(value) }
        #expect(
            rendered(registry) == """
                # HELP http_requests_total a\\\\b\\nc
                # TYPE http_requests_total counter
                http_requests_total{code="200",method="GET"} 7
                # TYPE joules_total counter
                joules_total 0.5
                # TYPE _9_lives gauge
                _9_lives{a_b="q\\"\\\\\\n"} -2.5
                # TYPE h histogram
                h_bucket{x="1",le="0.5"} 2
                h_bucket{x="1",le="2"} 3
                h_bucket{x="1",le="+Inf"} 4
                h_sum{x="1"} 4.75
                h_count{x="1"} 4

                """)
    }

    @Test("Numbers as Prometheus reads them")
    func numbers() {
        // If this failed, one value would make the whole page unreadable.
        #expect(PrometheusText.text(.nan) == "NaN")
        #expect(PrometheusText.text(.infinity) == "+Inf")
        #expect(PrometheusText.text(-.infinity) == "-Inf")
        #expect(PrometheusText.text(0) == "0")
        #expect(PrometheusText.text(1e300) == "1e+300")
        #expect(PrometheusText.text(0.1) == "0.1")
        #expect(PrometheusText.metricName("") == "_")
        #expect(PrometheusText.metricName("a:b.c\u{E4}") == "a:b_c__")
        #expect(PrometheusText.labelName("a:b") == "a_b")
    }

    @Test("Labels without number share one series")
    func cardinality() {
        // If this failed, a client that makes paths up would fill the memory.
        var limits = MetricLimits()
        limits.seriesCountMax = 2
        limits.metricCountMax = 2
        limits.labelByteCountMax = 3
        limits.labelCountMax = 2
        let registry = MetricRegistry(limits)
        for path in ["a", "b", "c", "d", "c"] { registry.counter("x", [("p", path)]).add(1) }
        registry.gauge("y", [("a", "12345"), ("b", "1"), ("c", "1"), ("b", "2")]).set(1)
        registry.gauge("z").set(1)
        registry.gauge("x_total").set(9)
        let all = rendered(registry)
        #expect(
            all.contains("x_total{p=\"a\"} 1\nx_total{p=\"b\"} 1\nx_total{overflow=\"true\"} 3\n"))
        #expect(all.contains("y{a=\"123\",b=\"1\"} 1\n"))
        #expect(!all.contains("z"))
        #expect(!all.contains(" 9\n"))
        #expect(all.hasSuffix("# TYPE metrics_refused_total counter\nmetrics_refused_total 5\n"))
    }

    @Test("Labels that would break the page")
    func labels() {
        // If this failed, two labels of one name would make the page unreadable.
        let registry = MetricRegistry()
        registry.gauge("g", [("a.b", "1"), ("a-b", "2"), ("le", "3")]).set(1)
        #expect(rendered(registry) == "# TYPE g gauge\ng{a_b=\"2\"} 1\n")
    }

    @Test("Threads add, another reads: nothing is lost, no count goes back")
    func threads() {
        // If this failed, requests would go uncounted under load.
        let registry = MetricRegistry()
        let rounds = 20_000
        ThreadTeam.run(count: 4) { number in
            if number == 0 {
                for _ in 0..<50 { _ = rendered(registry) }
                return
            }
            let counter = registry.counter("c")
            let gauge = registry.gauge("g")
            let histogram = registry.histogram("h", bounds: [1, 2, 3])
            for _ in 0..<rounds {
                counter.add(1)
                gauge.add(1)
                histogram.record(Double(number))
            }
        }
        #expect(registry.counter("c").value == UInt64(3 * rounds))
        #expect(registry.gauge("g").value == Double(3 * rounds))
        let (counts, sum) = registry.histogram("h").snapshot()
        #expect(counts == [UInt64(rounds), UInt64(rounds), UInt64(rounds), 0])
        #expect(sum == Double(6 * rounds))
    }
}

#if HTTP

    import CoreMetrics

    @Suite("Metrics: backend of swift-metrics")
    struct PrometheusMetricsTests {
        @Test("Every kind of swift-metrics, made and destroyed")
        func factory() {
            // If this failed, what other packages measure would not be shown.
            let registry = MetricRegistry()
            let factory = PrometheusMetrics(registry)
            let counter = Counter(label: "c", dimensions: [("a", "b")], factory: factory)
            counter.increment(by: 5)
            counter.increment(by: -1)
            let sum = FloatingPointCounter(label: "f", dimensions: [], factory: factory)
            sum.increment(by: 0.5)
            let meter = Meter(label: "m", dimensions: [], factory: factory)
            meter.set(3)
            meter.decrement(by: 1)
            let last = Recorder(label: "r", dimensions: [], aggregate: false, factory: factory)
            last.record(4)
            let spread = Recorder(label: "s", dimensions: [], aggregate: true, factory: factory)
            spread.record(5)
            let timer = CoreMetrics.Timer(label: "t", dimensions: [], factory: factory)
            timer.recordMilliseconds(2)
            var output: [UInt8] = []
            registry.render(into: &output)
            let all = text(output)
            for line in [
                "c_total{a=\"b\"} 5", "f_total 0.5", "m 2", "r 4", "s_bucket{le=\"16\"} 1",
                "t_seconds_bucket{le=\"0.0025\"} 1", "t_seconds_bucket{le=\"0.001\"} 0",
                "t_seconds_sum 0.002",
            ] {
                #expect(all.contains("\(line)\n"), "\(line)")
            }
            counter.destroy()
            sum.destroy()
            meter.destroy()
            last.destroy()
            spread.destroy()
            timer.destroy()
            output = []
            registry.render(into: &output)
            #expect(text(output) == "")
        }
    }

#endif
