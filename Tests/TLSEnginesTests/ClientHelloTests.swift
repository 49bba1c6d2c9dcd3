// SPDX-License-Identifier: MIT

#if TLS

    import Testing

    @testable import TLSEngines

    /// The client's first message: what is taken, what is refused, and with which alert.
    struct ClientHelloTests {
        /// The alert that a server answers with; nil if it answers with something else.
        private func alert(
            _ wire: [UInt8], pieceByteCount: Int = 100_000,
            _ change: (inout TLSServerOptions) throws -> Void = { _ in }
        ) throws -> (alert: TLSAlert, version: UInt16, failure: TLSError?)? {
            let engine = try Ends(server: change).acceptor.open()
            var rest = wire[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(pieceByteCount))
                let taken = engine.receive(piece.span)
                if taken == 0 { break }
                rest = rest.dropFirst(taken)
            }
            // SAFETY: valid until it is sent.
            let answer = unsafe Array(engine.outgoing)
            guard answer.count == 7, answer[0] == 21, Array(answer[3...5]) == [0, 2, 2] else {
                return nil
            }
            engine.didSend(7)
            #expect(!engine.hasOutgoing)
            let version = UInt16(answer[1]) << 8 | UInt16(answer[2])
            return (TLSAlert(rawValue: answer[6]), version, engine.failure)
        }

        private func check(
            _ wire: [UInt8], _ fault: ClientHelloFault, version: UInt16 = 0x0303,
            _ change: (inout TLSServerOptions) throws -> Void = { _ in },
            at location: SourceLocation = #_sourceLocation
        ) throws {
            for pieceByteCount in [1, 3, 100_000] {
                let answer = try alert(wire, pieceByteCount: pieceByteCount, change)
                #expect(answer?.failure == .clientHello(fault), sourceLocation: location)
                #expect(answer?.alert == fault.alert, sourceLocation: location)
                #expect(answer?.version == version, sourceLocation: location)
            }
        }

        @Test func goodOnes() throws {
            // Wrong if a good hello is refused, however its records and the network cut it.
            var hello = HelloBuilder()
            #expect(try alert(hello.records()) == nil)
            hello.extensions.append((0x0a0a, []))
            hello.extensions.append((21, [UInt8](repeating: 0, count: 2_000)))
            hello.extensions.append(HelloBuilder.name([(0, "a.test")]))
            hello.extensions.append(HelloBuilder.protocols(["h2", "http/1.1"]))
            hello.extensions.append((0xff01, [0]))
            hello.extensions.append((23, []))
            hello.version = 0x0304
            for byteCount in [1, 2, 3, 4, 5, 40, 1_000, 16_384] {
                for pieceByteCount in [1, 7, 100_000] {
                    let wire = hello.records(of: byteCount)
                    let answer = try alert(wire, pieceByteCount: pieceByteCount)
                    #expect(answer == nil)
                }
            }
        }

        @Test func everyCut() throws {
            // Wrong if a part of a hello is taken for the whole, or a cut is refused.
            let wire = HelloBuilder().records()
            let acceptor = try Ends().acceptor
            for cut in 1..<wire.count {
                let engine = acceptor.open()
                #expect(engine.receive(Array(wire[..<cut]).span) == cut)
                #expect(!engine.hasOutgoing)
                #expect(engine.receive(Array(wire[cut...]).span) == wire.count - cut)
                #expect(engine.hasOutgoing)
                #expect(engine.failure == nil)
            }
        }

        @Test func everyShorterMessage() throws {
            // Wrong if a hello whose inside is longer than itself is taken.
            var hello = HelloBuilder()
            hello.extensions.append(HelloBuilder.name([(0, "a.test")]))
            hello.extensions.append(HelloBuilder.protocols(["h2"]))
            let body = hello.body
            let whole = 2 + 32 + 1 + 2 + hello.suites.count * 2 + 2
            for count in 0..<body.count where count != whole {
                let short = [1, 0] + HelloBuilder.two(count) + body[..<count]
                let answer = try alert(HelloBuilder.records(Array(short)))
                #expect(answer?.failure == .clientHello(.malformed), "\(count) bytes")
                #expect(answer?.alert == .decodeError)
            }
        }

        @Test func noRecordsOfTLS() throws {
            // Wrong if other protocols, or other records, get no answer.
            try check(Array("GET / HTTP/1.1\r\n\r\n".utf8), .notTLS)
            try check([0x80, 0x2e, 1, 3, 1], .notTLS)
            try check([22, 2, 0, 0, 1, 1], .notTLS)
            try check([21, 3, 3, 0, 2, 1, 0], .notTLS)
            try check([22, 3, 1, 0, 0], .badRecordLength)
            try check([22, 3, 1, 0x40, 1], .badRecordLength)
            try check([22, 3, 1, 0, 4, 2, 0, 0, 0], .unexpectedMessage)
            try check([22, 3, 1, 0, 4, 1, 1, 0, 0], .tooLong)
            try check([22, 3, 1, 0, 4, 1, 0, 0, 5], .malformed)
            let wire = HelloBuilder().records(of: 30)
            var changed = wire
            changed[35] = 23
            try check(changed, .interrupted)
            changed = wire
            changed[36] = 4
            try check(changed, .badRecordVersion)
        }

        @Test func bytesBehindTheMessage() throws {
            // Wrong if another message may stand in the hello's record.
            let message = HelloBuilder().message
            try check(HelloBuilder.records(message + [16]), .trailingBytes)
        }

        @Test func oldVersions() throws {
            // Wrong if an old version is taken, or its client cannot read the answer.
            for version: UInt16 in [0x0300, 0x0301, 0x0302] {
                let hello = HelloBuilder(version: version)
                try check(hello.records(), .oldVersion, version: version)
            }
            try check(HelloBuilder(version: 0x0200).records(), .oldVersion)
            try check(
                HelloBuilder(version: 0x0302, suites: [0xc02b, 0x5600]).records(), .oldVersion,
                version: 0x0302)
        }

        @Test func weakSuites() throws {
            // Wrong if a suite without ephemeral keys, or with CBC, is agreed on.
            let weak: [UInt16] = [
                0x0005, 0x000a, 0x002f, 0x0035, 0x003c, 0x009c, 0x009d, 0xc009, 0xc00a, 0xc013,
                0xc014,
                0xc023, 0xc027, 0xc012, 0xc0ac, 0x1301, 0x00ff,
            ]
            for suite in weak {
                try check(HelloBuilder(suites: [suite]).records(), .noCommonSuite)
            }
            try check(HelloBuilder(suites: weak).records(), .noCommonSuite)
            // Those for the other kind of key are BearSSL's to refuse.
            let answer = try alert(HelloBuilder(suites: [0xc02f]).records())
            #expect(answer?.alert == .handshakeFailure)
            #expect(answer?.version == 0x0303)
        }

        @Test func nothingElseInCommon() throws {
            // Wrong if BearSSL's own alerts do not come, or with another version.
            var hello = HelloBuilder()
            hello.extensions = [(10, [0, 2, 0, 30]), (13, [0, 4, 4, 3, 4, 1])]
            #expect(try alert(hello.records())?.alert == .handshakeFailure)
            hello.extensions = [(10, [0, 2, 0, 23]), (13, [0, 2, 2, 3])]
            #expect(try alert(hello.records())?.alert == .handshakeFailure)
            hello.hasExtensions = false
            let answer = try alert(hello.records())
            #expect(answer?.alert == .handshakeFailure)
            #expect(answer?.version == 0x0303)
        }

        @Test func compression() throws {
            // Wrong if a client that insists on compression gets none and is not told.
            try check(HelloBuilder(compressions: [1]).records(), .noPlainCompression)
            #expect(try alert(HelloBuilder(compressions: [1, 0]).records()) == nil)
            try check(HelloBuilder(compressions: []).records(), .malformed)
        }

        @Test func repeatedExtensions() throws {
            // Wrong if an extension may come twice, whichever it is.
            for kind: UInt16 in [0x0a0a, 10, 13, 21, 0xff01, 16, 0] {
                var hello = HelloBuilder()
                let bodies: [UInt16: [UInt8]] = [
                    10: [0, 2, 0, 23], 13: [0, 2, 4, 3], 0xff01: [0], 16: [0, 3, 2, 0x68, 0x32],
                    0: HelloBuilder.name([(0, "a.test")]).body,
                ]
                hello.extensions.removeAll { $0.kind == kind }
                hello.extensions.append((kind, bodies[kind] ?? [1]))
                hello.extensions.append((kind, bodies[kind] ?? [1]))
                try check(hello.records(), .repeatedExtension)
            }
        }

        @Test func tooManyExtensions() throws {
            // Wrong if the number of extensions has no bound.
            var hello = HelloBuilder()
            hello.extensions = (0..<64).map { (UInt16(0x1000 + $0), []) }
            #expect(try alert(hello.records())?.failure != .clientHello(.tooManyExtensions))
            hello.extensions.append((0x2000, []))
            try check(hello.records(), .tooManyExtensions)
        }

        private static let broken: [(UInt16, [UInt8])] = [
            (10, []), (10, [0, 0]), (10, [0, 3, 0, 23, 0]), (10, [0, 4, 0, 23]), (13, [0, 1, 4]),
            (13, [0, 2, 4, 3, 0]), (11, [0]), (11, [2, 0]), (1, []), (1, [1, 1]), (16, [0, 0]),
            (16, [0, 1, 0]), (16, [0, 2, 2, 0x68]), (16, [0, 3, 2, 0x68, 0x32, 0]), (23, [0]),
            (0, []), (0, [0, 0]), (0, [0, 3, 0, 0, 1]),
        ]

        @Test(arguments: broken)
        func malformedExtensions(_ kind: UInt16, _ body: [UInt8]) throws {
            // Wrong if an extension that breaks its grammar is passed on.
            var hello = HelloBuilder()
            hello.extensions.removeAll { $0.kind == kind }
            hello.extensions.append((kind, body))
            try check(hello.records(), .malformed)
        }

        @Test(arguments: ["", "a\0b", "a b", "ä", "a/b", String(repeating: "a", count: 256)])
        func badServerNames(_ name: String) throws {
            // Wrong if a name passes that is none.
            var hello = HelloBuilder()
            hello.extensions.append(HelloBuilder.name([(0, name)]))
            try check(hello.records(), .badServerName)
        }

        @Test func twoServerNames() throws {
            // Wrong if a client may ask for two names: which one counts is anybody's guess.
            var hello = HelloBuilder()
            hello.extensions.append(HelloBuilder.name([(0, "a.test"), (0, "b.test")]))
            try check(hello.records(), .badServerName)
            hello.extensions.removeLast()
            hello.extensions.append(HelloBuilder.name([(7, "a/b"), (0, "b.test")]))
            #expect(try alert(hello.records()) == nil)
        }

        @Test func renegotiationFirst() throws {
            // Wrong if a first hello may claim to renegotiate.
            var hello = HelloBuilder()
            hello.extensions.append((0xff01, [12] + [UInt8](repeating: 1, count: 12)))
            try check(hello.records(), .badRenegotiationInfo)
            hello.extensions.removeLast()
            hello.extensions.append((0xff01, []))
            try check(hello.records(), .badRenegotiationInfo)
        }

        @Test func longSessionNumber() throws {
            // Wrong if a session's number may be longer than there is room for.
            let hello = HelloBuilder(session: [UInt8](repeating: 1, count: 33))
            try check(hello.records(), .malformed)
        }

        @Test func fragmentLength() throws {
            // Wrong if what BearSSL refuses in silence gets no alert.
            var hello = HelloBuilder()
            hello.extensions.append((1, [9]))
            let answer = try alert(hello.records())
            #expect(answer?.failure == .notOffered)
            #expect(answer?.alert == .illegalParameter)
            #expect(answer?.version == 0x0303)
        }

        @Test func lengthBound() throws {
            // Wrong if a hello as long as allowed is refused, or a longer one gathered.
            var hello = HelloBuilder()
            let rest = ClientHelloLimits.byteCountMax - hello.message.count - 4
            hello.extensions.append((21, [UInt8](repeating: 0, count: rest)))
            #expect(hello.message.count == ClientHelloLimits.byteCountMax)
            #expect(try alert(hello.records()) == nil)
            hello.extensions.removeLast()
            hello.extensions.append((21, [UInt8](repeating: 0, count: rest + 1)))
            try check(hello.records(), .tooLong)
        }

        @Test func anyBytes() throws {
            // Wrong if some bytes trap or hang the server. The seed is fixed.
            var generator = SeededGenerator(state: 42)
            let good = HelloBuilder().records()
            let acceptor = try Ends().acceptor
            for _ in 0..<3_000 {
                var wire = good
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let index = Int.random(in: 0..<wire.count, using: &generator)
                    wire[index] = UInt8.random(in: 0...255, using: &generator)
                }
                let engine = acceptor.open()
                _ = engine.receive(wire.span)
                if let failure = engine.failure {
                    #expect(engine.hasOutgoing, "no alert for \(failure)")
                }
            }
        }
    }

    /// A small generator with a seed.
    struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
            return word ^ word >> 31
        }
    }

#endif
