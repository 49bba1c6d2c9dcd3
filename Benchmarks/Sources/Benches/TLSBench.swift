// SPDX-License-Identifier: MIT

package import BenchSupport

/// HTTPS: ours (BearSSL's TLS 1.2) next to nginx with OpenSSL. The load is OpenSSL's client, with
/// one suite, AES-128-GCM with ECDSA on P-256, and X25519.
package struct TLSBench: Bench {
    package let name = "tls"
    package let summary =
        "HTTPS: keep-alive requests, full and resumed handshakes, bulk, idle connections"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let plan = TLSPlan(options: options, processors: processors)
        return [
            plan.throughput("keepalive", "64 connections, one request at a time", plan.load()),
            plan.throughput("full", "a full handshake for each request", plan.load("full")),
            plan.throughput("resumed", "a resumed one", plan.load("resumed")),
            plan.bulk(), plan.connections(),
        ]
    }
}
