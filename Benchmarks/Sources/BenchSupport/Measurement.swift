// SPDX-License-Identifier: MIT

/// What one trial found: a value in the scenario's unit, less is better, and what goes with it.
package struct Measurement: Codable, Sendable {
    package var value: Double
    package var metrics: [String: Double]

    package init(_ value: Double, metrics: [String: Double] = [:]) {
        self.value = value
        self.metrics = metrics
    }
}
