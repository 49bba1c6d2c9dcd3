// SPDX-License-Identifier: MIT

/// What a load generator is asked to do.
package struct ServerLoad: Sendable {
    /// When the measured part is over.
    package enum Extent: Sendable {
        case seconds(Double)
        case requests(Int)
    }

    package var kind = LoadKind.echo
    package var connections = 64
    package var byteCount = 64
    package var pipeline = 1
    package var extent = Extent.seconds(1)
    /// Requests a second, for an open loop.
    package var rate: Int?
    /// Connections that send and never read.
    package var stoppedCount = 0
    package var isIdle = false
    /// Requests before the measured part; nil is one for each place.
    package var warmupCount: Int?

    package init() {}

    func arguments(port: UInt16) -> [String] {
        var words = [
            "--port", "\(port)", "--connections", "\(connections)",
            "--pipeline", "\(pipeline)", "--controlled",
        ]
        words += kind.arguments
        if kind.isEcho { words += ["--bytes", "\(byteCount)", "--stopped", "\(stoppedCount)"] }
        switch extent {
        case .seconds(let seconds):
            words += ["--milliseconds", "\(max(1, Int(seconds * 1000)))"]
        case .requests(let count): words += ["--requests", "\(count)"]
        }
        if let rate { words += ["--rate", "\(max(1, rate))"] }
        if let warmupCount { words += ["--warmup", "\(warmupCount)"] }
        if isIdle { words += ["--idle"] }
        return words
    }

    /// How long the measured part is, if it is no number of requests.
    var seconds: Double {
        switch extent {
        case .seconds(let seconds): seconds
        case .requests: 0
        }
    }

    /// How long the generator may take for the measured part.
    var patienceSeconds: Double {
        switch extent {
        case .seconds(let seconds): seconds + 60
        case .requests: 600
        }
    }
}
