// SPDX-License-Identifier: MIT

#if Examples
    internal import AtomicSupport
    internal import ExampleSupport
    internal import HTTPServing

    /// What the page and the metrics show: the server's counts, and what changed in a second.
    @safe
    final class Figures: @unchecked Sendable {
        // Threads: `watch` before anything else; `sample` by one task; reading by any.

        private var servers: [HTTPServer] = []
        private var lastAnswers: UInt64 = 0
        private let perSecond = Atomic<UInt64>(0)
        private let isEnded = Atomic<Bool>(false)
        private let started = MonotonicInstant.now
        private let registry = MetricRegistry()

        /// The servers, before they run.
        func watch(_ servers: [HTTPServer]) { self.servers = servers }

        /// The server stops: streams of events end.
        func end() { isEnded.store(true, ordering: .relaxed) }

        /// Whether the server stops.
        var isOver: Bool { isEnded.load(ordering: .relaxed) }

        /// Once a second.
        func sample() {
            let answers = statistics.answers
            perSecond.store(answers &- lastAnswers, ordering: .relaxed)
            lastAnswers = answers
        }

        /// The servers' counts.
        var statistics: HTTPServerStatistics {
            servers.map(\.statistics).reduce(HTTPServerStatistics(), +)
        }

        /// What an event of the page holds: JSON.
        var event: String {
            let now = statistics
            let readings = ProcessReadings.now()
            let uptime =
                (MonotonicInstant.now.nanoseconds &- started.nanoseconds) / 1_000_000_000
            return "{\"uptime\":\(uptime),\"rate\":\(perSecond.load(ordering: .relaxed)),"
                + "\"answers\":\(now.answers),\"open\":\(now.openConnections),"
                + "\"errors\":\(now.clientErrors + now.serverErrors),"
                + "\"memory\":\(readings.residentByteCount)}"
        }

        /// The text for Prometheus.
        func metrics() -> [UInt8] {
            let now = statistics
            let classes = [
                ("2xx", now.successes), ("3xx", now.redirections), ("4xx", now.clientErrors),
                ("5xx", now.serverErrors),
            ]
            for (name, count) in classes {
                registry.sum("http_answers", [("class", name)], help: "Answers by status.")
                    .set(Double(count))
            }
            registry.sum("http_connections", help: "Connections taken.")
                .set(Double(now.acceptedConnections))
            registry.sum("http_connections_refused", help: "Connections beyond the limit.")
                .set(Double(now.refusedConnections))
            let handshakes = [
                ("full", now.handshakes - now.resumedHandshakes),
                ("resumed", now.resumedHandshakes), ("failed", now.failedHandshakes),
            ]
            for (kind, count) in handshakes {
                registry.sum("tls_handshakes", [("kind", kind)], help: "TLS handshakes.")
                    .set(Double(count))
            }
            registry.gauge("http_open_connections", help: "Connections open now.")
                .set(Double(now.openConnections))
            registry.gauge("process_resident_memory_bytes", help: "Memory in use.")
                .set(Double(ProcessReadings.now().residentByteCount))
            var text: [UInt8] = []
            registry.render(into: &text)
            return text
        }
    }
#endif
