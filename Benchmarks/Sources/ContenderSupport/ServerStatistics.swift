// SPDX-License-Identifier: MIT

package import EventLoops

/// What a server's loops say about themselves, as a line before its totals.
package struct ServerStatistics: Sendable {
    private var shortages: UInt64 = 0
    private var spilledBytes: UInt64 = 0
    private var others: [String: Int] = [:]

    /// Of one loop, or of none.
    package init(_ statistics: LoopStatistics? = nil) {
        if let statistics { add(statistics) }
    }

    /// Another loop's.
    package mutating func add(_ statistics: LoopStatistics) {
        shortages += statistics.bufferShortages
        spilledBytes += statistics.spilledBytes
    }

    /// The same with further numbers.
    package func adding(_ more: [String: Int]) -> ServerStatistics {
        var all = self
        all.others.merge(more) { $1 }
        return all
    }

    /// Prints the line.
    package func print() {
        let more = others.keys.sorted().map { " \($0)=\(others[$0] ?? 0)" }.joined()
        Swift.print(
            "statistics buffer_shortages=\(shortages) spilled_bytes=\(spilledBytes)\(more)")
    }
}
