// SPDX-License-Identifier: MIT

internal import Glibc
public import HTTP1Codec

/// Which requests go through which proxy.
public struct ProxySettings: Hashable, Sendable {
    /// For http URLs; nil asks their servers directly.
    public var http: HTTPProxy?
    /// For https URLs; nil asks their servers directly.
    public var https: HTTPProxy?
    /// Who is asked directly all the same.
    public var exceptions: ProxyExceptions

    /// The same proxy for all but the exceptions.
    public init(
        _ proxy: HTTPProxy? = nil, exceptions: ProxyExceptions = ProxyExceptions("")
    ) {
        http = proxy
        https = proxy
        self.exceptions = exceptions
    }

    /// What the usual variables say, given as a function from name to value: `http_proxy`,
    /// `https_proxy`, `all_proxy` and `no_proxy`, or the same in capitals. An empty value counts as
    /// none, and the lower case comes first.
    ///
    /// `HTTP_PROXY` is not looked at: in a CGI program it is the request's field `Proxy`, so that a
    /// stranger could choose the proxy.
    ///
    /// - Parameter variable: the value of a variable, or nil.
    /// - Throws: the name of the variable that holds no URL of a proxy, and why.
    public init(variable: (String) -> String?) throws(ProxyVariableError) {
        let all = try Self.proxy(variable, ["all_proxy", "ALL_PROXY"])
        http = try Self.proxy(variable, ["http_proxy"]) ?? all
        https = try Self.proxy(variable, ["https_proxy", "HTTPS_PROXY"]) ?? all
        exceptions = ProxyExceptions(
            Self.first(variable, ["no_proxy", "NO_PROXY"])?.value ?? "")
    }

    /// What this process's variables say.
    ///
    /// - Throws: the name of the variable that holds no URL of a proxy, and why.
    public static func ofEnvironment() throws(ProxyVariableError) -> ProxySettings {
        try ProxySettings { name in
            // SAFETY: the value is copied at once; nobody changes the environment meanwhile.
            unsafe getenv(name).map { unsafe String(cString: $0) }
        }
    }

    /// The proxy for requests to an origin; nil for none.
    public func proxy(for origin: HTTPOrigin) -> HTTPProxy? {
        guard let proxy = origin.isSecure ? https : http else { return nil }
        return exceptions.contains(origin) ? nil : proxy
    }

    private static func first(
        _ variable: (String) -> String?, _ names: [String]
    ) -> (name: String, value: String)? {
        for name in names {
            if let value = variable(name), !value.isEmpty { return (name, value) }
        }
        return nil
    }

    private static func proxy(
        _ variable: (String) -> String?, _ names: [String]
    ) throws(ProxyVariableError) -> HTTPProxy? {
        guard let (name, value) = first(variable, names) else { return nil }
        do throws(HTTPURLError) {
            return try HTTPProxy(value)
        } catch {
            throw ProxyVariableError(variable: name, reason: error)
        }
    }
}

/// A variable of the environment holds no URL of a proxy.
public struct ProxyVariableError: Error, Hashable, Sendable {
    /// Its name.
    public let variable: String
    /// What is wrong with its value, which may hold a password and is not told.
    public let reason: HTTPURLError
}

extension ProxyVariableError: CustomStringConvertible {
    /// "https_proxy holds no http proxy's URL: the port is none"
    public var description: String { "\(variable) holds no http proxy's URL: \(reason)" }
}
