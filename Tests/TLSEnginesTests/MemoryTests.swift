// SPDX-License-Identifier: MIT

#if TLS

    import Glibc
    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// Memory: engines that come and go leave nothing behind.
    @Suite(.serialized)
    struct MemoryTests {
        /// The process's memory of its own, in kB: smaps_rollup, "Anonymous".
        private func anonymousKilobytes() -> Int {
            let text = (try? PEM.load("/proc/self/smaps_rollup")) ?? []
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
            let line = lines.first { $0.hasPrefix("Anonymous:") } ?? ""
            return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
        }

        /// Runs the closure 500 times, notes the memory, and runs it 10,000 times more.
        private func check(_ body: (Int) throws -> Void) rethrows {
            for index in 0..<500 { try body(index) }
            let before = anonymousKilobytes()
            for index in 0..<10_000 { try body(index) }
            // Other tests run beside this one: an engine that stays would be 40,000 kB.
            let growth = anonymousKilobytes() - before
            #expect(growth < 16_000, "\(growth) kB more")
        }

        @Test func openedAndClosed() throws {
            // Wrong if a connection that closes as it should leaves memory behind.
            let ends = try Ends()
            _ = try ends.connected()
            try check { _ in
                let link = try ends.connected()
                link.client.close()
                link.pump()
                if link.server.phase != .closed { Issue.record("\(link.server.phase)") }
            }
            #expect(ends.acceptor.lentBufferCount == 0)
            #expect(ends.connector.lentBufferCount == 0)
        }

        @Test func abortedInMidHandshake() throws {
            // Wrong if a connection that is given up somewhere leaves memory or buffers behind.
            let files = TestCertificates.shared
            let ends = try Ends(
                server: { $0.clientCertificates = .optional(try files.anchors()) },
                client: { $0.resumesSessions = false })
            let hello = HelloBuilder().records()
            try check { index in
                let engine = ends.acceptor.open()
                switch index % 50 {
                case 0:
                    // As far as the server's key exchange.
                    _ = engine.receive(hello.span)
                    if !engine.hasOutgoing { Issue.record("no answer") }
                case 1:
                    let client = try ends.connector.open(serverName: "localhost")
                    let link = Link(client, engine)
                    var count = 0
                    link.toServer = { bytes in
                        count += 1
                        return count == 1 ? bytes : []
                    }
                    link.pump()
                case 2...10:
                    _ = engine.receive(Array("GET / HTTP/1.1\r\n".utf8).span)
                case 11: break
                default:
                    let cut = index % hello.count
                    _ = engine.receive(hello.span.extracting(0..<cut))
                }
                if index % 2 == 0 { engine.wireEnded() }
            }
            #expect(ends.acceptor.lentBufferCount == 0)
            #expect(ends.connector.lentBufferCount == 0)
        }

        @Test func aConnectionsCost() throws {
            // Wrong if a connection that waits costs more than 6 kB.
            let ends = try Ends()
            _ = try ends.connected()
            var links: [Link] = []
            links.reserveCapacity(2_000)
            let before = anonymousKilobytes()
            for _ in 0..<2_000 { links.append(try ends.connected()) }
            let growth = anonymousKilobytes() - before
            // Both ends are counted, and the links themselves.
            #expect(growth / 2_000 < 12, "\(growth / 2_000) kB for two ends")
            #expect(links.allSatisfy { $0.server.isOpen })
            #expect(ends.acceptor.lentBufferCount == 0)
        }
    }

#endif
