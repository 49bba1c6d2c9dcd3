// SPDX-License-Identifier: MIT

internal import CLinuxShims
public import EventLoops
public import Networking

/// A destination as people write it: `HOST:PORT`, `[IPv6]:PORT`, or `unix:PATH`.
public struct EndpointArgument: Hashable, Sendable {
    /// The destination.
    public let endpoint: Endpoint

    /// A value for a default.
    public init(_ endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// Reads the written form.
    public init(parsing text: String) throws(ArgumentError) {
        guard let endpoint = Endpoint(text) else {
            throw ArgumentError(
                "'\(text)' is no address: write HOST:PORT, [IPv6]:PORT or unix:PATH")
        }
        self.endpoint = endpoint
    }
}

extension EndpointArgument: CustomStringConvertible {
    /// The written form.
    public var description: String { endpoint.description }
}

extension SystemError {
    /// The reason alone: "Connection refused (ECONNREFUSED)".
    public var reason: String { Self.reason(code: code) }

    /// The reason that an errno stands for.
    static func reason(code: Int32) -> String {
        // SAFETY: both functions answer static, NUL-terminated strings.
        let text = unsafe String(cString: millrace_error_text(code))
        let name = unsafe String(cString: millrace_error_name(code))  // SAFETY: as above.
        return "\(text) (\(name))"
    }
}
