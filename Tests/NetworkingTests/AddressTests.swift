// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import Networking
import Testing

@Suite("Addresses, endpoints and names")
struct AddressTests {
    @Test("Addresses read back as they were written")
    func addressesRoundTrip() throws {
        // If this failed, logs and error messages would name another place than the socket's.
        let four = try #require(SocketAddress.numeric(host: "127.0.0.1", port: 80))
        #expect(four.family == .ipv4)
        #expect(four.description == "127.0.0.1:80")
        let six = try #require(SocketAddress.numeric(host: "::1", port: 65_535))
        #expect(six.family == .ipv6)
        #expect(six.description == "[::1]:65535")
        let path = try #require(SocketAddress.unix(path: "/run/x"))
        #expect(path.family == .unix)
        #expect(path.description == "unix:/run/x")
        #expect(path.port == 0)
    }

    @Test(
        "What is no address is refused", arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "::g"])
    func nonsenseIsRefused(_ host: String) {
        // If this failed, a name would be taken for an address and never resolved.
        #expect(SocketAddress.numeric(host: host, port: 1) == nil)
    }

    @Test("A Unix path of 107 bytes fits, one of 108 does not")
    func unixPathLimit() {
        // If this failed, a long path would be cut and another file used.
        #expect(SocketAddress.unix(path: String(repeating: "a", count: 107)) != nil)
        #expect(SocketAddress.unix(path: String(repeating: "a", count: 108)) == nil)
        #expect(SocketAddress.unix(path: "") == nil)
    }

    @Test("Endpoints are read as people write them")
    func endpointsAreRead() {
        // If this failed, `--to` would connect to the wrong place or refuse a right one.
        #expect(Endpoint("localhost:80") == .host("localhost", port: 80))
        #expect(Endpoint("[::1]:80") == .host("::1", port: 80))
        #expect(Endpoint("127.0.0.1:0") == .host("127.0.0.1", port: 0))
        #expect(Endpoint("unix:/tmp/s") == .unix(path: "/tmp/s"))
        for text in [
            "", ":80", "host", "host:", "host:65536", "host:-1", "::1:80", "unix:", "[]:1",
        ] {
            #expect(Endpoint(text) == nil, "\(text)")
        }
        for text in ["localhost:80", "[::1]:80", "unix:/tmp/s"] {
            #expect(Endpoint(text)?.description == text)
        }
    }

    @Test("Equal addresses are one in a set")
    func addressesHash() throws {
        // If this failed, a table by address would hold an address twice, or lose it.
        let texts = ["127.0.0.1", "127.0.0.2", "127.0.0.1", "::1"]
        let addresses = try texts.map { try #require(SocketAddress.numeric(host: $0, port: 9)) }
        #expect(Set(addresses).count == 3)
        #expect(Set(addresses).contains(addresses[2]))
    }

    @Test("A path that is too long for a socket is refused, with a limit in time or without")
    func longPaths() throws {
        // If this failed, a path would be cut off, and another socket connected.
        let path = "/" + String(repeating: "a", count: 107)
        let (resolved, connected) = try LoopGroup.run { _ in
            var texts = ["", ""]
            do throws(Resolver.Failure) {
                _ = try await Resolver.resolve(.unix(path: path))
            } catch {
                texts[0] = error.description
            }
            do throws(ConnectFailure) {
                let soon = MonotonicInstant.now.advanced(by: .seconds(5))
                _ = try await StreamConnection.connect(to: .unix(path: path), until: soon)
            } catch {
                texts[1] = error.description
            }
            return (texts[0], texts[1])
        }
        #expect(resolved.hasSuffix("the path is longer than 107 bytes"))
        #expect(connected.hasSuffix("the path is longer than 107 bytes"))
    }

    @Test("Names are resolved off the loop; numbers and paths at once")
    func namesAreResolved() throws {
        // If this failed, a slow resolver would stop every connection of the loop.
        let (local, numeric, missing) = try LoopGroup.run { _ in
            let local = try await Resolver.resolve(.host("localhost", port: 7))
            let numeric = try await Resolver.resolve(.host("127.0.0.1", port: 7))
            do throws(Resolver.Failure) {
                _ = try await Resolver.resolve(.host("name.invalid", port: 7))
                return (local, numeric, "")
            } catch {
                return (local, numeric, error.description)
            }
        }
        #expect(!local.isEmpty)
        #expect(local.allSatisfy { $0.port == 7 })
        #expect(numeric.map(\.description) == ["127.0.0.1:7"])
        #expect(missing.hasPrefix("name.invalid:7: "))
    }
}
