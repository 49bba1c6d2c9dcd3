// SPDX-License-Identifier: MIT

#if TLS

    import CLinuxShims
    import TLSEngines

    // The same client with TLS between it and its socket.
    extension RawClient {
        /// Goes on with TLS.
        func shakeHands(_ engine: TLSEngine) throws {
            self.engine = engine
            while !engine.isOpen {  // Ends: every turn moves bytes, or throws.
                if engine.hasPeerClosed { throw Failure(description: "closed in the handshake") }
                try push(engine)
                if engine.isOpen { return }
                try pull(engine, 65_536)
            }
        }

        /// Sends what the engine has for the server, all of it.
        func push(_ engine: TLSEngine) throws {
            while try pushSome(engine) {  // Ends: every turn sends, or waits at most the limit.
                if poll(Int32(MILLRACE_POLLOUT), Self.millisecondsMax) == 0 {
                    throw Failure(description: "the server takes nothing")
                }
            }
        }

        /// Sends what the kernel takes; whether something is left.
        private func pushSome(_ engine: TLSEngine) throws -> Bool {
            while engine.hasOutgoing {  // Ends: every turn sends, or leaves.
                let bytes = unsafe Array(engine.outgoing)  // SAFETY: copied while it is valid.
                let sent = try putSome(bytes[...])
                if sent == 0 { return true }
                engine.didSend(sent)
            }
            return false
        }

        func sendSome(_ bytes: ArraySlice<UInt8>, through engine: TLSEngine) throws -> Int {
            if try pushSome(engine) { return 0 }
            // SAFETY: copied while they are lent.
            let count = unsafe bytes.withUnsafeBytes { unsafe engine.write($0) }
            if count == 0, let failure = engine.failure {
                throw Failure(description: "send: \(failure)")
            }
            engine.flush()
            _ = try pushSome(engine)
            return count
        }

        /// More plain bytes; false behind the server's close_notify.
        func receiveMore(_ count: Int, through engine: TLSEngine) throws -> Bool {
            while !engine.hasReceived {  // Ends: every turn receives bytes, or leaves.
                if let failure = engine.failure { throw Failure(description: "TLS: \(failure)") }
                if engine.hasPeerClosed { return false }
                try pull(engine, count)
            }
            unsafe held += engine.received  // SAFETY: copied while it is valid.
            unsafe engine.consume(engine.received.count)  // SAFETY: a number.
            return true
        }

        /// Gives the engine bytes of the wire; waits for them if there are none.
        private func pull(_ engine: TLSEngine, _ count: Int) throws {
            if wire.isEmpty {
                wire = try takeSome(count)
                if wire.isEmpty { engine.wireEnded() }
            }
            wire.removeFirst(engine.receive(wire.span))
            if let failure = engine.failure {
                _ = try? pushSome(engine)
                throw Failure(description: "TLS: \(failure)")
            }
            _ = try pushSome(engine)
        }
    }

#endif
