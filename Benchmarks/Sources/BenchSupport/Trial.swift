// SPDX-License-Identifier: MIT

/// A measurement with its place in the run.
package struct Trial: Codable, Sendable {
    package var entrant: String
    package var round: Int
    /// How far the two CPUs were from each other.
    package var distance: CacheDistance
    package var measurement: Measurement

    package init(
        entrant: String, round: Int, distance: CacheDistance, measurement: Measurement
    ) {
        self.entrant = entrant
        self.round = round
        self.distance = distance
        self.measurement = measurement
    }
}
