// SPDX-License-Identifier: MIT

#if Examples
    internal import ArgumentParser
    internal import ExampleSupport
    internal import HTTPClients
    #if TLS
        internal import TLSEngines
    #endif

    /// Through which proxy, and whom to trust.
    struct RouteArguments: ParsableArguments, Sendable {
        @Option(
            help: ArgumentHelp(
                "A proxy for all URLs, http://[NAME:PASSWORD@]HOST:PORT, in the place of the "
                    + "variables.",
                valueName: "url"))
        var proxy: String?

        @Option(
            help: ArgumentHelp(
                "Hosts to ask directly, as in no_proxy; * for all.", valueName: "list"))
        var noProxy: String?

        @Option(
            help: ArgumentHelp(
                "Whom to trust in the place of the system's authorities, PEM.", valueName: "file"))
        var cacert: String?

        @Option(
            help: ArgumentHelp("The client's own chain of certificates, PEM.", valueName: "file"))
        var cert: String?

        @Option(help: ArgumentHelp("The key of --cert, PEM.", valueName: "file"))
        var key: String?

        func validate() throws {
            guard (cert == nil) == (key == nil) else {
                throw ValidationError("--cert and --key belong together.")
            }
        }

        /// Which proxies are taken.
        func proxies() throws(ArgumentError) -> ProxySettings {
            var settings: ProxySettings
            if let proxy {
                do {
                    settings = ProxySettings(try HTTPProxy(proxy))
                } catch {
                    // It may hold a password.
                    throw ArgumentError("--proxy is no http proxy's URL: \(error)")
                }
            } else {
                do {
                    settings = try .ofEnvironment()
                } catch {
                    throw ArgumentError(error.description)
                }
            }
            if let noProxy { settings.exceptions = ProxyExceptions(noProxy) }
            return settings
        }

        #if TLS
            /// Whom to trust, and who the client is; nil for the system's authorities alone.
            func policy() throws(ArgumentError) -> TLSClientPolicy? {
                guard cacert != nil || cert != nil else { return nil }
                do throws(TLSSetupError) {
                    let anchors: TrustAnchors
                    if let cacert {
                        anchors = try TrustAnchors(file: cacert)
                    } else {
                        anchors = try .system()
                    }
                    var identity: TLSIdentity?
                    if let cert, let key {
                        identity = try TLSIdentity(chainFile: cert, keyFile: key)
                    }
                    return try HTTPClientConfiguration.tlsPolicy(
                        anchors: anchors, identity: identity)
                } catch {
                    throw ArgumentError(error.description)
                }
            }
        #endif
    }
#endif
