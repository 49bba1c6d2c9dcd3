// SPDX-License-Identifier: MIT

import CLinuxShims
import EventLoops
import Testing

extension ConformanceSuite {
    static let receiveChecks = [
        ConformanceCheck("receive: at once, later, in pieces, the end", receiveSingle),
        ConformanceCheck("receive: a reset", receiveReset),
        ConformanceCheck("stream: many buffers, exact bytes, the end", streamManyBuffers),
        ConformanceCheck("stream: a reset", streamReset),
        ConformanceCheck("stream: bytes and end already there", streamEndAtOnce),
        ConformanceCheck("stream: out of buffers", streamOutOfBuffers),
        ConformanceCheck("stream: two connections share the buffers", streamFair),
    ]

    static let sendChecks = [
        ConformanceCheck("send: partial on a full socket, order", sendPartial),
        ConformanceCheck("send: waits for room, cancelled", sendWaits),
        ConformanceCheck("send: a closed peer is EPIPE, not a signal", sendBroken),
        ConformanceCheck("sendMessage: pieces in order", sendMessagePieces),
        ConformanceCheck("shutdown: the peer reads the end", shutdownEnds),
    ]

    @Sendable
    static func receiveSingle(_ factory: BackendFactory) throws {
        // Wrong: bytes are lost, doubled, or delivered late.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        try Wires.send(Wires.pattern(100), to: far)
        let (first, firstBytes) = driver.receive(60, from: near)
        #expect(try driver.result(of: first) == 60)
        #expect(firstBytes(60) == Wires.pattern(60))
        let (second, secondBytes) = driver.receive(60, from: near)
        #expect(try driver.result(of: second) == 40)
        #expect(secondBytes(40) == Wires.pattern(40, from: 60))
        let (third, thirdBytes) = driver.receive(60, from: near)
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        #expect(!driver.isOver(third))
        try Wires.send([42], to: far)
        #expect(try driver.result(of: third) == 1)
        #expect(thirdBytes(1) == [42])
        let (fourth, _) = driver.receive(60, from: near)
        driver.turn(milliseconds: 5)
        try Wires.send([43], to: far)
        Wires.close(far)
        #expect(try driver.result(of: fourth) == 1)
        for _ in 0..<2 {
            let (end, _) = driver.receive(60, from: near)
            #expect(try driver.result(of: end, "the end") == 0)
        }
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func receiveReset(_ factory: BackendFactory) throws {
        // Wrong: a broken connection looks like an orderly end.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let (operation, _) = driver.receive(10, from: near)
        driver.turn(milliseconds: 5)
        Wires.reset(far)
        #expect(try driver.result(of: operation) == -Int32(MILLRACE_ECONNRESET))
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func streamManyBuffers(_ factory: BackendFactory) throws {
        // Wrong: a stream loses, doubles or reorders bytes, or its end.
        var options = LoopOptions()
        options.receiveBufferCount = 16
        options.receiveBufferByteCount = 1000
        let driver = try BackendDriver(factory, options: options)
        let (near, far) = try Wires.pair()
        let total = 300_000
        let pattern = Wires.pattern(total)
        var stream = driver.receiveStream(near)
        var sent = 0
        var received: [UInt8] = []
        var end: Int32?
        var turnsLeft = 100_000
        while end == nil && turnsLeft > 0 {
            turnsLeft -= 1
            sent += Wires.sendSome(pattern[sent...], to: far)
            if sent == total { _ = millrace_socket_shutdown(far, Int32(MILLRACE_SHUT_WR)) }
            driver.turn(milliseconds: 1)
            let last = driver.completions[stream]?.last
            received += driver.takeBytes(of: stream)
            guard let last, !last.hasMore else { continue }
            if last.result == -Int32(MILLRACE_ENOBUFS) || last.result > 0 {
                stream = driver.receiveStream(near)
            } else {
                end = last.result
            }
        }
        #expect(end == 0)
        let isSame = received == pattern
        #expect(isSame, "the bytes differ")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func streamReset(_ factory: BackendFactory) throws {
        // Wrong: a stream on a broken connection ends in order, or hangs.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let stream = driver.receiveStream(near)
        try Wires.send([1, 2], to: far)
        try driver.turn(until: { driver.count(of: stream) == 1 }, "two bytes")
        #expect(driver.takeBytes(of: stream) == [1, 2])
        Wires.reset(far)
        let all = try driver.all(of: stream)
        #expect(all.last?.result == -Int32(MILLRACE_ECONNRESET))
        #expect(all.last?.buffer == nil, "an error carries no buffer")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func streamEndAtOnce(_ factory: BackendFactory) throws {
        // Wrong: the end that came before the stream began is never told (edge-triggered).
        for byteCount in [0, 1, 5] {
            let driver = try BackendDriver(factory)
            let (near, far) = try Wires.pair()
            if byteCount > 0 { try Wires.send(Wires.pattern(byteCount), to: far) }
            Wires.close(far)
            try Wires.ready(near, UInt32(MILLRACE_POLLRDHUP))
            // A poll first: its registration takes the edge away from the stream.
            _ = try driver.result(of: driver.poll(near, MILLRACE_POLLIN))
            let stream = driver.receiveStream(near)
            try driver.turn(until: { driver.isOver(stream) }, "the end")
            #expect(driver.completions[stream]?.last?.result == 0)
            #expect(driver.takeBytes(of: stream) == Wires.pattern(byteCount))
            _ = try driver.result(of: driver.close(near))
        }
    }

    @Sendable
    static func streamOutOfBuffers(_ factory: BackendFactory) throws {
        // Wrong: a dry pool of buffers breaks the connection or loses bytes.
        var options = LoopOptions()
        options.receiveBufferCount = 2
        options.receiveBufferByteCount = 10
        let driver = try BackendDriver(factory, options: options)
        let (near, far) = try Wires.pair()
        try Wires.send(Wires.pattern(45), to: far)
        try Wires.ready(near, UInt32(MILLRACE_POLLIN))
        var received: [UInt8] = []
        for _ in 0..<2 {
            let stream = driver.receiveStream(near)
            try driver.turn(until: { driver.isOver(stream) }, "running dry")
            let results = driver.completions[stream]?.map(\.result)
            #expect(results == [10, 10, -Int32(MILLRACE_ENOBUFS)])
            let numbers = Set(driver.completions[stream]?.compactMap(\.buffer) ?? [])
            #expect(numbers.count == 2, "a buffer was given out twice")
            received += driver.takeBytes(of: stream)
        }
        let stream = driver.receiveStream(near)
        try driver.turn(until: { driver.count(of: stream) == 1 }, "the rest")
        received += driver.takeBytes(of: stream)
        #expect(received == Wires.pattern(45))
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func streamFair(_ factory: BackendFactory) throws {
        // Wrong: one busy connection keeps the others from being served.
        let driver = try BackendDriver(factory)
        let (busy, busyFar) = try Wires.pair()
        let (calm, calmFar) = try Wires.pair()
        let pattern = Wires.pattern(200_000)
        let busyStream = driver.receiveStream(busy)
        let calmStream = driver.receiveStream(calm)
        driver.turn(milliseconds: 1)
        _ = Wires.sendSome(pattern[...], to: busyFar)
        try Wires.send([9], to: calmFar)
        try driver.turn(until: { driver.count(of: calmStream) > 0 }, "the calm one")
        #expect(driver.takeBytes(of: calmStream) == [9])
        _ = driver.takeBytes(of: busyStream)
        for descriptor in [busy, calm] { _ = try driver.result(of: driver.close(descriptor)) }
        for descriptor in [busyFar, calmFar] { Wires.close(descriptor) }
    }

    // MARK: Sending

    @Sendable
    static func sendPartial(_ factory: BackendFactory) throws {
        // Wrong: a send that did not fit is told as whole, or overtakes another.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        _ = millrace_socket_set_send_buffer(near, 8192)
        let total = 4_000_000
        let pattern = Wires.pattern(total)
        var sent = 0
        var received: [UInt8] = []
        var isPartial = false
        while sent < total {
            let operation = driver.send(Array(pattern[sent...].prefix(1_000_000)), to: near)
            let want = min(1_000_000, total - sent)
            var turnsLeft = 10_000
            while !driver.isOver(operation) && turnsLeft > 0 {
                turnsLeft -= 1
                driver.turn(milliseconds: 1)
                received += Wires.receiveSome(from: far)
            }
            let result = Int(try driver.result(of: operation))
            try #require(result > 0 && result <= want)
            if result < want { isPartial = true }
            sent += result
        }
        received += try Wires.receive(total - received.count, from: far)
        #expect(isPartial, "the socket was to be too small")
        let isSame = received == pattern
        #expect(isSame, "the bytes differ")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func sendWaits(_ factory: BackendFactory) throws {
        // Wrong: a full socket answers EAGAIN, or a waiting send cannot be cancelled.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let pattern = Wires.pattern(8_000_000)
        var filled = 0
        while true {  // Ends when the socket is full.
            let count = Wires.sendSome(pattern[filled...], to: near)
            if count == 0 { break }
            filled += count
        }
        let cancelled = driver.send([1], to: near)
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        #expect(!driver.isOver(cancelled))
        driver.backend.cancel(cancelled)
        #expect(try driver.result(of: cancelled) == -Int32(MILLRACE_ECANCELED))
        let waiting = driver.send([2], to: near)
        driver.turn(milliseconds: 5)
        #expect(!driver.isOver(waiting))
        #expect(try Wires.receive(filled, from: far) == Array(pattern[..<filled]))
        #expect(try driver.result(of: waiting, "room in the socket") == 1)
        #expect(try Wires.receive(1, from: far) == [2])
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func sendBroken(_ factory: BackendFactory) throws {
        // Wrong: writing to a closed connection kills the process.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        Wires.reset(far)
        try Wires.ready(near, UInt32(MILLRACE_POLLRDHUP))
        let errors = [-Int32(MILLRACE_ECONNRESET), -Int32(MILLRACE_EPIPE)]
        #expect(errors.contains(try driver.result(of: driver.send([1], to: near))))
        #expect(try driver.result(of: driver.send([1], to: near)) == -Int32(MILLRACE_EPIPE))
        let message = driver.sendMessage([[1], [2]], to: near)
        #expect(try driver.result(of: message) == -Int32(MILLRACE_EPIPE))
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func sendMessagePieces(_ factory: BackendFactory) throws {
        // Wrong: a gather write loses or reorders its pieces.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let pieces = (0..<100).map { Wires.pattern(10 + $0, from: $0 * 7) }
        let total = pieces.reduce(0) { $0 + $1.count }
        #expect(try driver.result(of: driver.sendMessage(pieces, to: near)) == Int32(total))
        #expect(try Wires.receive(total, from: far) == Array(pieces.joined()))
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func shutdownEnds(_ factory: BackendFactory) throws {
        // Wrong: the peer never learns that nothing more comes, or reading stops too.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        #expect(try driver.result(of: driver.send([1], to: near)) == 1)
        #expect(try driver.result(of: driver.shutdown(near, MILLRACE_SHUT_WR)) == 0)
        #expect(try Wires.receive(10, from: far) == [1])
        try Wires.send([2], to: far)
        let (operation, bytes) = driver.receive(10, from: near)
        #expect(try driver.result(of: operation) == 1)
        #expect(bytes(1) == [2])
        Wires.close(far)
        _ = try driver.result(of: driver.close(near))
        let unconnected = try Wires.socket()
        let wrong = driver.shutdown(unconnected, MILLRACE_SHUT_WR)
        #expect(try driver.result(of: wrong) == -Int32(MILLRACE_ENOTCONN))
        Wires.close(unconnected)
    }
}

extension Wires {
    /// Sends what fits at once.
    static func sendSome(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
        guard !bytes.isEmpty else { return 0 }
        // SAFETY: lent for the call.
        let count = unsafe bytes.withUnsafeBytes {
            unsafe millrace_socket_send(descriptor, $0.baseAddress, $0.count)
        }
        return max(0, Int(count))
    }

    /// Receives what is there.
    static func receiveSome(from descriptor: Int32) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: 65_536)
        // SAFETY: lent for the call.
        let count = unsafe piece.withUnsafeMutableBytes {
            unsafe millrace_socket_receive(descriptor, $0.baseAddress, $0.count)
        }
        return Array(piece[..<max(0, Int(count))])
    }
}
