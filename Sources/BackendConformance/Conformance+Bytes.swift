// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

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
        ConformanceCheck("send: more than the socket holds, order", sendPartial),
        ConformanceCheck("send: waits for room, cancelled", sendWaits),
        ConformanceCheck("send: a closed peer is EPIPE, not a signal", sendBroken),
        ConformanceCheck("sendMessage: pieces in order", sendMessagePieces),
        ConformanceCheck("shutdown: the peer reads the end", shutdownEnds),
    ]

    @Sendable
    static func receiveSingle(_ run: ConformanceRun) throws {
        // Wrong: bytes are lost, doubled, or delivered late.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        try Wires.send(Wires.pattern(100), to: far)
        let (first, firstBytes) = driver.receive(60, from: near)
        run.expect(
            try driver.result(of: first), equals: 60,
            "a receive did not take as much as it had room for")
        run.expect(firstBytes(60), equals: Wires.pattern(60), "the first receive's bytes are wrong")
        let (second, secondBytes) = driver.receive(60, from: near)
        run.expect(try driver.result(of: second), equals: 40, "a receive did not take the rest")
        run.expect(
            secondBytes(40), equals: Wires.pattern(40, from: 60),
            "the second receive's bytes are wrong")
        let (third, thirdBytes) = driver.receive(60, from: near)
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        run.expect(!driver.isOver(third), "a receive on a silent connection completed")
        try Wires.send([42], to: far)
        run.expect(
            try driver.result(of: third), equals: 1,
            "a waiting receive did not take the byte that came")
        run.expect(thirdBytes(1), equals: [42], "the byte that a receive waited for is wrong")
        let (fourth, _) = driver.receive(60, from: near)
        driver.turn(milliseconds: 5)
        try Wires.send([43], to: far)
        Wires.close(far)
        run.expect(
            try driver.result(of: fourth), equals: 1,
            "a receive did not take the byte that came before the end")
        for _ in 0..<2 {
            let (end, _) = driver.receive(60, from: near)
            run.expect(
                try driver.result(of: end, "the end"), equals: 0,
                "the end of a connection is not zero, each time it is asked for")
        }
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func receiveReset(_ run: ConformanceRun) throws {
        // Wrong: a broken connection looks like an orderly end.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let (operation, _) = driver.receive(10, from: near)
        driver.turn(milliseconds: 5)
        Wires.reset(far)
        run.expect(
            try driver.result(of: operation), equals: -Int32(MILLRACE_ECONNRESET),
            "a reset under a receive is not told")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func streamManyBuffers(_ run: ConformanceRun) throws {
        // Wrong: a stream loses, doubles or reorders bytes, or its end.
        var options = LoopOptions()
        options.receiveBufferCount = 16
        options.receiveBufferByteCount = 1000
        let driver = try BackendDriver(run, options: options)
        let (near, far) = try Wires.pair()
        let total = 300_000
        let pattern = Wires.pattern(total)
        var stream = driver.receiveStream(near)
        var sent = 0
        var received: [UInt8] = []
        var end: Int32?
        var deadline = run.deadline
        while end == nil && .now < deadline {  // Ends: the bytes do, or no more come in time.
            sent += Wires.sendSome(pattern[sent...], to: far)
            if sent == total { _ = millrace_socket_shutdown(far, Int32(MILLRACE_SHUT_WR)) }
            driver.turn(milliseconds: 1)
            let last = driver.completions[stream]?.last
            let bytes = driver.takeBytes(of: stream)
            if !bytes.isEmpty { deadline = run.deadline }
            received += bytes
            guard let last, !last.hasMore else { continue }
            if last.result == -Int32(MILLRACE_ENOBUFS) || last.result > 0 {
                stream = driver.receiveStream(near)
            } else {
                end = last.result
            }
        }
        run.expect(end, equals: 0, "the stream did not come to its end")
        let isSame = received == pattern
        run.expect(isSame, "the bytes differ")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func streamReset(_ run: ConformanceRun) throws {
        // Wrong: a stream on a broken connection ends in order, or hangs.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let stream = driver.receiveStream(near)
        try Wires.send([1, 2], to: far)
        try driver.turn(until: { driver.count(of: stream) == 1 }, "two bytes")
        run.expect(
            driver.takeBytes(of: stream), equals: [1, 2], "the bytes before the reset are wrong")
        Wires.reset(far)
        let all = try driver.all(of: stream)
        run.expect(
            all.last?.result, equals: -Int32(MILLRACE_ECONNRESET),
            "a reset under a stream is not told")
        run.expect(all.last?.buffer == nil, "an error carried a buffer")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func streamEndAtOnce(_ run: ConformanceRun) throws {
        // Wrong: the end that came before the stream began is never told (edge-triggered).
        for byteCount in [0, 1, 5] {
            let driver = try BackendDriver(run)
            let (near, far) = try Wires.pair()
            if byteCount > 0 { try Wires.send(Wires.pattern(byteCount), to: far) }
            Wires.close(far)
            try Wires.ready(near, UInt32(MILLRACE_POLLRDHUP))
            // A poll first: its registration takes the edge away from the stream.
            _ = try driver.result(of: driver.poll(near, MILLRACE_POLLIN))
            let stream = driver.receiveStream(near)
            try driver.turn(until: { driver.isOver(stream) }, "the end")
            run.expect(
                driver.completions[stream]?.last?.result, equals: 0,
                "an end that was there before the stream is not told")
            run.expect(
                driver.takeBytes(of: stream), equals: Wires.pattern(byteCount),
                "the bytes that were there before the stream are wrong")
            _ = try driver.result(of: driver.close(near))
        }
    }

    @Sendable
    static func streamOutOfBuffers(_ run: ConformanceRun) throws {
        // Wrong: a dry pool of buffers breaks the connection or loses bytes.
        var options = LoopOptions()
        options.receiveBufferCount = 2
        options.receiveBufferByteCount = 10
        let driver = try BackendDriver(run, options: options)
        let (near, far) = try Wires.pair()
        try Wires.send(Wires.pattern(45), to: far)
        try Wires.ready(near, UInt32(MILLRACE_POLLIN))
        var received: [UInt8] = []
        for _ in 0..<2 {
            let stream = driver.receiveStream(near)
            try driver.turn(until: { driver.isOver(stream) }, "running dry")
            let results = driver.completions[stream]?.map(\.result)
            run.expect(
                results, equals: [10, 10, -Int32(MILLRACE_ENOBUFS)],
                "a stream did not use both buffers and then say that there are none")
            let numbers = Set(driver.completions[stream]?.compactMap(\.buffer) ?? [])
            run.expect(numbers.count, equals: 2, "a buffer was given out twice")
            received += driver.takeBytes(of: stream)
        }
        let stream = driver.receiveStream(near)
        try driver.turn(until: { driver.count(of: stream) == 1 }, "the rest")
        received += driver.takeBytes(of: stream)
        run.expect(
            received, equals: Wires.pattern(45),
            "the bytes around two shortages of buffers are wrong")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func streamFair(_ run: ConformanceRun) throws {
        // Wrong: one busy connection keeps the others from being served.
        let driver = try BackendDriver(run)
        let (busy, busyFar) = try Wires.pair()
        let (calm, calmFar) = try Wires.pair()
        let pattern = Wires.pattern(200_000)
        let busyStream = driver.receiveStream(busy)
        let calmStream = driver.receiveStream(calm)
        driver.turn(milliseconds: 1)
        _ = Wires.sendSome(pattern[...], to: busyFar)
        try Wires.send([9], to: calmFar)
        try driver.turn(until: { driver.count(of: calmStream) > 0 }, "the calm one")
        run.expect(
            driver.takeBytes(of: calmStream), equals: [9], "the calm connection's byte is wrong")
        _ = driver.takeBytes(of: busyStream)
        for descriptor in [busy, calm] { _ = try driver.result(of: driver.close(descriptor)) }
        for descriptor in [busyFar, calmFar] { Wires.close(descriptor) }
    }

    // MARK: Sending

    @Sendable
    static func sendPartial(_ run: ConformanceRun) throws {
        // Wrong: a send that did not fit is told as whole, or overtakes another. A backend may
        // tell what fitted, or go on until all is taken.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        _ = millrace_socket_set_send_buffer(near, 8192)
        let total = 4_000_000
        let pattern = Wires.pattern(total)
        var sent = 0
        var received: [UInt8] = []
        while sent < total {  // Ends: every turn sends, or gives up.
            let operation = driver.send(Array(pattern[sent...].prefix(1_000_000)), to: near)
            let want = min(1_000_000, total - sent)
            let deadline = run.deadline
            while !driver.isOver(operation) && .now < deadline {
                driver.turn(milliseconds: 1)
                received += Wires.receiveSome(from: far)
            }
            let result = Int(try driver.result(of: operation))
            try run.require(
                result > 0 && result <= want, "the send took nothing, or more than it was given")
            sent += result
        }
        received += try Wires.receive(total - received.count, from: far)
        let isSame = received == pattern
        run.expect(isSame, "the bytes differ")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func sendWaits(_ run: ConformanceRun) throws {
        // Wrong: a full socket answers EAGAIN, or a waiting send cannot be cancelled.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let filled = Wires.fill(near)
        let cancelled = driver.send([1], to: near)
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        run.expect(!driver.isOver(cancelled), "a send into a full socket completed")
        driver.backend.cancel(cancelled)
        run.expect(
            try driver.result(of: cancelled), equals: -Int32(MILLRACE_ECANCELED),
            "a waiting send was not cancelled")
        let waiting = driver.send([2], to: near)
        driver.turn(milliseconds: 5)
        run.expect(!driver.isOver(waiting), "a send into a full socket completed")
        run.expect(
            try Wires.receive(filled.count, from: far), equals: filled,
            "the bytes in the full socket are wrong")
        run.expect(
            try driver.result(of: waiting, "room in the socket"), equals: 1,
            "a waiting send did not go out when there was room")
        run.expect(
            try Wires.receive(1, from: far), equals: [2],
            "the byte of the send that waited is wrong")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func sendBroken(_ run: ConformanceRun) throws {
        // Wrong: writing to a closed connection kills the process.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        Wires.reset(far)
        try Wires.ready(near, UInt32(MILLRACE_POLLRDHUP))
        let errors = [-Int32(MILLRACE_ECONNRESET), -Int32(MILLRACE_EPIPE)]
        run.expect(
            errors.contains(try driver.result(of: driver.send([1], to: near))),
            "the first send to a reset connection is neither ECONNRESET nor EPIPE")
        run.expect(
            try driver.result(of: driver.send([1], to: near)), equals: -Int32(MILLRACE_EPIPE),
            "a send to a broken connection is not EPIPE")
        let message = driver.sendMessage([[1], [2]], to: near)
        run.expect(
            try driver.result(of: message), equals: -Int32(MILLRACE_EPIPE),
            "a message to a broken connection is not EPIPE")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func sendMessagePieces(_ run: ConformanceRun) throws {
        // Wrong: a gather write loses or reorders its pieces.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let pieces = (0..<100).map { Wires.pattern(10 + $0, from: $0 * 7) }
        let total = pieces.reduce(0) { $0 + $1.count }
        run.expect(
            try driver.result(of: driver.sendMessage(pieces, to: near)), equals: Int32(total),
            "a message did not go out whole")
        run.expect(
            try Wires.receive(total, from: far), equals: Array(pieces.joined()),
            "a message's pieces are wrong")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func shutdownEnds(_ run: ConformanceRun) throws {
        // Wrong: the peer never learns that nothing more comes, or reading stops too.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        run.expect(
            try driver.result(of: driver.send([1], to: near)), equals: 1,
            "a send of one byte failed")
        run.expect(
            try driver.result(of: driver.shutdown(near, MILLRACE_SHUT_WR)), equals: 0,
            "a shutdown failed")
        run.expect(
            try Wires.receive(10, from: far), equals: [1],
            "the peer did not read the byte and the end behind it")
        try Wires.send([2], to: far)
        let (operation, bytes) = driver.receive(10, from: near)
        run.expect(
            try driver.result(of: operation), equals: 1,
            "a receive failed after the shutdown of the other direction")
        run.expect(bytes(1), equals: [2], "the byte received after the shutdown is wrong")
        Wires.close(far)
        _ = try driver.result(of: driver.close(near))
        let unconnected = try Wires.socket()
        let wrong = driver.shutdown(unconnected, MILLRACE_SHUT_WR)
        run.expect(
            try driver.result(of: wrong), equals: -Int32(MILLRACE_ENOTCONN),
            "a shutdown of an unconnected socket is not refused")
        Wires.close(unconnected)
    }
}

extension Wires {
    /// Sends until the socket is full and stays full: an acknowledgement, which TCP may delay by
    /// 200 ms, makes room again. Answers what was sent.
    static func fill(_ descriptor: Int32) -> [UInt8] {
        // Much in one piece: the last of many small segments would take some bytes more.
        let block = pattern(65_521)
        var bytes: [UInt8] = []
        for _ in 0..<256 { bytes += block }
        var count = 0
        var attemptsLeft = 3
        while attemptsLeft > 0 {  // Ends: nobody reads the other side, and the bytes do.
            let sent = sendSome(bytes[count...], to: descriptor)
            count += sent
            attemptsLeft = sent > 0 ? 3 : attemptsLeft - 1
            if sent == 0 { _ = millrace_poll(descriptor, UInt32(MILLRACE_POLLOUT), 80) }
        }
        return Array(bytes[..<count])
    }

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
