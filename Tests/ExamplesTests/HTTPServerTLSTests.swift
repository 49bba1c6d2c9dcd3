// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    import TLSTestSupport

    @Suite("The HTTP server's certificates", .serialized)
    struct HTTPServerTLSTests {
        private let files = TestCertificates.shared

        private func pair(_ chain: String, _ key: String) -> [String] {
            ["--cert", files(chain), "--key", files(key)]
        }

        /// Starts the server for TLS alone; returns it with its address.
        private func startSecure(_ arguments: [String]) throws -> (Program, String) {
            let server = try Program(
                "example_http_server", ["--tls-listen", "127.0.0.1:0"] + arguments)
            try server.wait("the address") { server.outputText.contains("\n") }
            let text = server.outputText
            try #require(text.hasPrefix("listening on https://127.0.0.1:"))
            return (server, String(text.dropFirst(13).dropLast()))
        }

        /// Fetches a page of "localhost"; whom curl trusts is said by the arguments.
        private func fetch(_ link: String, _ arguments: [String]) throws -> Program.Ending {
            let port = link.split(separator: ":").last ?? ""
            return try curl(
                ["--connect-to", "localhost:443:127.0.0.1:" + port.dropLast()] + arguments
                    + ["https://localhost/hello"])
        }

        private var trusting: [String] { ["--cacert", files("ca.pem")] }

        @Test("Without arguments it serves plain and TLS", arguments: ServerKind.all)
        func both(_ kind: ServerKind) throws {
            // If this failed, the first try would need a certificate.
            let server = try Program("example_http_server", kind.arguments)
            try server.wait("both addresses") {
                server.outputText.split(separator: "\n").count == 2
            }
            let lines = server.outputText.split(separator: "\n").map { String($0.dropFirst(13)) }
            try #require(lines.count == 2)
            #expect(lines[0].hasPrefix("http://127.0.0.1:"))
            #expect(lines[1].hasPrefix("https://127.0.0.1:"))
            #expect(try curl([lines[0] + "hello"]).output == "Hello, World!")
            #expect(try curl(["-k", lines[1] + "hello"]).output == "Hello, World!")
            #expect(try curl([lines[1] + "hello"]).status == 60)  // Nobody trusts it.
            #expect(try curl([lines[0].replacing("http:", with: "https:")]).status == 35)
            server.signal(SIGTERM)
            let ending = try server.end()
            #expect(ending.status == 0 && ending.errorOutput.contains("answers"))
        }

        @Test("A chain, several, and the certificates of clients")
        func chains() throws {
            // If this failed, a server with certificates of its own would not be trusted, or
            // would let anybody in.
            let both = pair("ec.pem", "ec.key") + pair("rsa.pem", "rsa.key")
            let (server, link) = try startSecure(both + ["--client-ca", files("ca.pem")])
            let identity = ["--cert", files("client.pem"), "--key", files("client.key")]
            #expect(try fetch(link, trusting + identity).output == "Hello, World!")
            let rsa = ["--ciphers", "ECDHE-RSA-AES128-GCM-SHA256", "--tls-max", "1.2"]
            #expect(try fetch(link, trusting + identity + rsa).output == "Hello, World!")
            #expect(try fetch(link, trusting).status != 0)
            let stranger = [
                "--cert", files("client-other.pem"), "--key", files("client-other.key"),
            ]
            #expect(try fetch(link, trusting + stranger).status != 0)
            #expect(try fetch(link, identity).status == 60)
            server.signal(SIGTERM)
            #expect(try server.end().errorOutput.contains("2 answers"))
        }

        @Test(
            "Files that cannot be used are named, with the reason",
            arguments: [
                ("nothing.pem", "ec.key", "nothing.pem", "cannot be read"),
                ("ec.pem", "nothing.key", "nothing.key", "cannot be read"),
                ("ec.pem", "rsa.key", "rsa.key", ""), ("empty.pem", "ec.key", "empty.pem", ""),
                ("torn.pem", "ec.key", "torn.pem", ""), ("broken.pem", "ec.key", "broken.pem", ""),
                ("ec.pem", "broken.key", "broken.key", ""),
                ("ec.pem", "ec-secret.key", "ec-secret.key", ""),
                ("weak.pem", "weak.key", "weak", ""), ("ec.key", "ec.pem", "ec.key", ""),
                ("ec.pem", "two.key", "two.key", ""),
            ])
        func badFiles(_ chain: String, _ key: String, _ named: String, _ reason: String) throws {
            // If this failed, a server would start with the wrong certificate, or not say why not.
            let program = try Program(
                "example_http_server",
                ["--tls-listen", "127.0.0.1:0"] + pair(chain, key))
            let ending = try program.end()
            #expect(ending.status == 1, "\(ending.errorOutput)")
            #expect(ending.output.isEmpty)
            #expect(ending.errorOutput.contains(files("") + named), "\(ending.errorOutput)")
            #expect(ending.errorOutput.contains(reason), "\(ending.errorOutput)")
            let lines = ending.errorOutput.split(separator: "\n")
            #expect(lines.last?.hasPrefix("example_http_server: ") == true)
        }

        @Test(
            "Arguments that do not fit together",
            arguments: [
                ["--cert", "a"], ["--key", "a"], ["--cert", "a", "--cert", "b", "--key", "c"],
                ["--self-signed", "--cert", "a", "--key", "b"],
                ["--listen", "127.0.0.1:0", "--self-signed"],
                ["--listen", "127.0.0.1:0", "--client-ca", "a"], ["--tls-listen", "nonsense"],
            ])
        func wrongUsage(_ arguments: [String]) throws {
            // If this failed, a slip of the pen would start a server without the certificate.
            let ending = try Program("example_http_server", arguments).end()
            #expect(ending.status == 2 && ending.output.isEmpty)
            #expect(ending.errorOutput.contains("Error: "))
        }

        @Test("SIGHUP reads the certificates again, and keeps the old if it cannot")
        func reload() throws {
            // If this failed, a renewed certificate would need a restart, or a slip would end all.
            let chain = try TemporaryFile(byteCount: 0)
            let key = try TemporaryFile(byteCount: 0)
            func copy(_ name: String) throws {
                try chain.replace(load("\(name).pem"))
                try key.replace(load("\(name).key"))
            }
            try copy("self")
            let (server, link) = try startSecure(["--cert", chain.path, "--key", key.path])
            #expect(try fetch(link, trusting).status == 60)
            try copy("ec")
            server.signal(SIGHUP)
            try server.wait("the new") { server.errorText.contains("SIGHUP: certificates read") }
            #expect(
                waitBriefly(seconds: 5) {
                    (try? fetch(link, trusting).output) == "Hello, World!"
                })
            try key.replace(load("rsa.key"))
            server.signal(SIGHUP)
            try server.wait("the complaint") { server.errorText.contains("stay as they were") }
            #expect(server.errorText.contains(key.path))
            #expect(try fetch(link, trusting).output == "Hello, World!")
            server.signal(SIGTERM)
            #expect(try server.end().status == 0)
            let (other, _) = try startSecure(["--self-signed"])
            other.signal(SIGHUP)
            try other.wait("the word") { other.errorText.contains("no certificates to read") }
            other.signal(SIGTERM)
            #expect(try other.end().status == 0)
        }

        private func load(_ name: String) throws -> [UInt8] {
            let file = unsafe fopen(files(name), "r")  // SAFETY: closed below.
            guard let file = unsafe file else { throw Program.Failure(description: name) }
            defer { unsafe fclose(file) }  // SAFETY: opened above.
            // SAFETY: the callee fills in at most the capacity.
            return unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { bytes, count in
                count = unsafe fread(bytes.baseAddress, 1, 1 << 16, file)  // SAFETY: as above.
            }
        }

        @Test("Without the openssl command there is no throw-away certificate")
        func withoutOpenSSL() throws {
            // If this failed, a machine without it would get no server, or one without a word.
            let script = "PATH=/nowhere; export PATH; exec \"$@\""
            let asked = try Program(
                "example_http_server", ["--tls-listen", "127.0.0.1:0", "--self-signed"],
                script: script
            ).end()
            #expect(asked.status == 1 && asked.output.isEmpty)
            #expect(asked.errorOutput.contains("the openssl command cannot be run"))
            let server = try Program("example_http_server", [], script: script)
            try server.wait("the address") { server.outputText.contains("\n") }
            // The other output may be read first.
            try server.wait("the reason") {
                server.errorText.contains("serves no TLS: the openssl command")
            }
            let link = String(server.outputText.dropFirst(13).dropLast())
            #expect(try curl([link + "hello"]).output == "Hello, World!")
            server.signal(SIGTERM)
            #expect(try server.end().status == 0)
        }
    }
#endif
