// SPDX-License-Identifier: MIT

internal import Foundation

/// A median and what it may really be: "1.013 [1.004, 1.022]".
package struct Interval: Codable, Sendable, CustomStringConvertible {
    package var median: Double
    package var low: Double
    package var high: Double
    package var confidence: Double

    package var description: String {
        String(format: "%.3f [%.3f, %.3f]", median, low, high)
    }
}
