// SPDX-License-Identifier: MIT

#if IOUring
    import AtomicSupport
    import BackendConformance
    import CLiburing
    import CLinuxShims
    import EventLoops
    import Glibc
    import Testing

    @Suite("What io_uring is asked for does something")
    struct IOUringOptionTests {
        @Test("A send without a copy is over when its bytes have left; one byte less is copied")
        func zeroCopy() throws {
            // If this failed, the option would change nothing, or begin at another size.
            let size = 3_000_000
            var options = LoopOptions()
            options.zeroCopyByteCountMin = size
            let visit = try BackendVisit(.ioUring, options: options)
            // Left behind: a send that failed to end may still name it.
            let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
            // SAFETY: so many were allocated.
            _ = unsafe memory.initializeMemory(as: UInt8.self, repeating: 7, count: size)
            for count in [size, size - 1] {
                let (near, far) = try Wires.pair()
                defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
                // SAFETY: the memory is never freed.
                _ = unsafe visit.start(.send(descriptor: near, from: memory, count: count))
                var told: [Completion] = []
                for _ in 0..<5 { told += visit.wait(until: soon) }
                // Nobody has read: what does not fit into the peer's buffer has not left.
                #expect(told.isEmpty == (count == size))
                for _ in 0..<4000 where told.isEmpty {
                    drain(far)
                    told += visit.wait(until: soon)
                }
                try #require(told.count == 1)
                #expect(told[0].result > 0 && !told[0].hasMore)
            }
        }

        @Test("The kernel ends a stream after its number of bytes, if it can")
        func counted() throws {
            // If this failed, a stream that nobody reads would go beyond its credit.
            let visit = try BackendVisit(.ioUring, bufferCount: 64, byteCount: 1000)
            let (near, far) = try Wires.unixPair()
            defer { for descriptor in [near, far] { _ = millrace_close(descriptor) } }
            try Wires.send([UInt8](repeating: 1, count: 40_000), to: far)
            _ = visit.receiveStream(near, byteCountMax: 5000)
            var told: [Completion] = []
            // Ends: forty thousand bytes come, or fewer and an end.
            while told.last?.hasMore ?? true, told.reduce(0, { $0 + Int($1.result) }) < 40_000 {
                let came = visit.next()
                told += came
                try #require(!came.isEmpty)
            }
            let sum = told.reduce(0) { $0 + Int($1.result) }
            // Linux counts since 6.17; others may have it too.
            #expect(millrace_uring_counts_bytes() || isOlder(than: 6, 17))
            if millrace_uring_counts_bytes() {
                #expect(told.last?.hasMore == false && (5000...6000).contains(sum))
            } else {
                #expect(sum == 40_000)
            }
        }

        /// Whether the kernel is older than a release. uname(2).
        private func isOlder(than major: Int, _ minor: Int) -> Bool {
            var names = utsname()
            #expect(unsafe uname(&names) == 0)  // SAFETY: lent for the call.
            // SAFETY: read while lent.
            let release = unsafe withUnsafeBytes(of: names.release) { bytes in
                // SAFETY: as above.
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let numbers = release.split { !$0.isNumber }.compactMap { Int($0) }
            return (numbers[0], numbers[1]) < (major, minor)
        }

        /// Takes what is there.
        private func drain(_ descriptor: Int32) {
            var piece = [UInt8](repeating: 0, count: 1 << 20)
            // SAFETY: room for as many. Ends: the socket does not block.
            while unsafe millrace_socket_receive(descriptor, &piece, piece.count) > 0 {}
        }

        private var soon: MonotonicInstant { .now.advanced(byNanoseconds: 5_000_000) }
    }
#endif
