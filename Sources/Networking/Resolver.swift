// SPDX-License-Identifier: MIT

public import AsyncRuntime
internal import CLinuxShims

/// Turns host names into addresses by the system's resolver, on a thread that may block.
/// getaddrinfo(3).
public enum Resolver {
    /// How many addresses of one name are looked at.
    public static let addressesMax = 16

    /// A name could not be resolved.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// What was to be resolved.
        public let endpoint: Endpoint
        /// The resolver's explanation: "Name or service not known".
        public let reason: String

        /// "example.invalid:80: Name or service not known"
        public var description: String { "\(endpoint): \(reason)" }
    }

    /// The addresses of an endpoint, best first. Numbers and Unix paths are answered at once.
    public static func resolve(
        _ endpoint: Endpoint, pool: BlockingPool = .shared
    ) async throws(Failure) -> [SocketAddress] {
        switch endpoint {
        case .unix(let path):
            guard let address = SocketAddress.unix(path: path) else {
                throw Failure(endpoint: endpoint, reason: "the path is longer than 107 bytes")
            }
            return [address]
        case .host(let host, let port):
            if let address = SocketAddress.numeric(host: host, port: port) { return [address] }
            switch await pool.run({ lookUp(host: host, port: port) }) {
            case .success(let addresses): return addresses
            case .failure(let explanation):
                throw Failure(endpoint: endpoint, reason: explanation.text)
            }
        }
    }

    struct Explanation: Error {
        let text: String
    }

    static func lookUp(
        host: String, port: UInt16
    ) -> Result<[SocketAddress], Explanation> {
        // SAFETY: room for `addressesMax` addresses; the strings are NUL-terminated for the call.
        unsafe withUnsafeTemporaryAllocation(
            of: millrace_address.self, capacity: addressesMax
        ) { found in
            // SAFETY: as above.
            let count = unsafe millrace_resolve(
                host, String(port), found.baseAddress, Int32(addressesMax))
            if count < 0 {
                // SAFETY: a static string.
                return .failure(
                    Explanation(text: unsafe String(cString: millrace_resolve_error(count))))
            }
            if count == 0 { return .failure(Explanation(text: "no address")) }
            // SAFETY: the first `count` were filled in.
            return .success(unsafe found[..<Int(count)].map { SocketAddress($0) })
        }
    }
}
