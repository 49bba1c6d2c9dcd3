// SPDX-License-Identifier: MIT

internal import Foundation

/// Programs of others that only `--peers` installs and builds.
package enum Peers {
    /// Where `./dev bench --peers` puts them.
    private static var folder: String? { ProcessInfo.processInfo.environment["BENCH_PEERS"] }

    /// The path of one of them; a relative one, which does not exist, without the folder.
    package static func path(_ name: String) -> String { "\(folder ?? "peers")/\(name)" }

    /// Throws and says what is missing, if anything is.
    package static func check(_ names: [String]) throws(BenchError) {
        guard folder != nil else {
            throw BenchError("'./dev bench --peers' installs the peers; BENCH_PEERS is not set")
        }
        let missing = names.filter { !FileManager.default.isExecutableFile(atPath: path($0)) }
        guard missing.isEmpty else {
            throw BenchError(
                "\(missing.joined(separator: ", ")) not installed: './dev bench --peers' does that")
        }
    }
}
