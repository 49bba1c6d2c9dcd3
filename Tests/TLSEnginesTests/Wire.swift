// SPDX-License-Identifier: MIT

#if TLS

    import CLinuxShims
    import Glibc

    @testable import TLSEngines

    /// A blocking socket on 127.0.0.1, for engines that meet other programs.
    final class Wire {
        let fd: Int32

        init(fd: Int32) {
            self.fd = fd
            var limit = timeval(tv_sec: 20, tv_usec: 0)
            // SAFETY: the option is as large as is said.
            unsafe setsockopt(
                fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        deinit { close(fd) }

        /// A listener on a free port.
        static func listen() -> (fd: Int32, port: UInt16) {
            let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = self.address(0)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            // SAFETY: as large as is said.
            let result = unsafe withUnsafeMutablePointer(to: &address) {
                // SAFETY: an address of this family is as large as is said.
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    let bound = unsafe bind(fd, $0, size)
                    return unsafe bound + Glibc.listen(fd, 16) + getsockname(fd, $0, &size)
                }
            }
            precondition(result == 0, "no listener")
            return (fd, UInt16(bigEndian: address.sin_port))
        }

        static func accept(_ listener: Int32) -> Wire {
            let fd = Glibc.accept(listener, nil, nil)  // SAFETY: no address is asked for.
            precondition(fd >= 0, "nobody came")
            return Wire(fd: fd)
        }

        /// Connects, again and again until somebody listens or five seconds have passed.
        static func connect(_ port: UInt16) -> Wire {
            for _ in 0..<1_000 {
                let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var address = self.address(port)
                // SAFETY: as large as is said.
                let result = unsafe withUnsafePointer(to: &address) {
                    // SAFETY: as above.
                    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                if result == 0 { return Wire(fd: fd) }
                close(fd)
                poll(nil, 0, 5)  // SAFETY: waits for nothing but time.
            }
            fatalError("nobody listens on \(port)")
        }

        private static func address(_ port: UInt16) -> sockaddr_in {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            return address
        }

        /// Sends what the engine has.
        func sendAll(_ engine: TLSEngine) {
            while engine.hasOutgoing {
                // SAFETY: valid until it is sent.
                let bytes = unsafe engine.outgoing
                let count = unsafe send(
                    fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return }
                engine.didSend(count)
            }
        }

        /// Goes on until the condition holds, or the engine has ended, or the stream has.
        func drive(_ engine: TLSEngine, until isDone: () -> Bool) {
            var buffer = [UInt8](repeating: 0, count: 40_000)
            while true {
                sendAll(engine)
                if isDone() { return }
                switch engine.phase {
                case .closed, .failed: return
                default: break
                }
                let count = receive(into: &buffer)
                guard count > 0 else {
                    engine.wireEnded()
                    return
                }
                var taken = 0
                while taken < count {
                    let part = engine.receive(buffer.span.extracting(taken..<count))
                    taken += part
                    if part == 0 {
                        sendAll(engine)
                        if engine.hasReceived { keep(engine) }
                    }
                }
                keep(engine)
            }
        }

        /// A thread that ran a loop over io_uring before has work of the ring's end to do for the
        /// kernel: that interrupts calls with a time limit, socket(7), and no others.
        private func receive(into buffer: inout [UInt8]) -> Int {
            while true {  // Ends with bytes, the stream, the time limit or an error.
                let count = unsafe recv(fd, &buffer, buffer.count, 0)  // SAFETY: room for as many.
                if count >= 0 || errno != EINTR { return count }
            }
        }

        /// What has been received so far.
        private(set) var received: [UInt8] = []

        private func keep(_ engine: TLSEngine) {
            engine.withReceived { span in
                for index in 0..<span.count {
                    received.append(span[index])
                }
                return span.count
            }
        }

        var receivedText: String { String(decoding: received, as: UTF8.self) }

        /// Writes all bytes.
        func write(_ bytes: [UInt8], _ engine: TLSEngine) {
            var written = 0
            while written < bytes.count {
                let count = engine.write(bytes.span.extracting(written..<bytes.count))
                written += count
                if written == bytes.count { engine.flush() }
                sendAll(engine)
                if count == 0, !engine.isOpen { return }
            }
        }
    }

#endif
