// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension ConformanceSuite {
    static let outputChecks = [
        ConformanceCheck("accept: several listeners on one loop", severalListeners),
        ConformanceCheck("stream: ends after a number of bytes, the next goes on", countedStream),
        ConformanceCheck("send: without a copy from a size on, order and completion", largeSends),
        ConformanceCheck("limits: streams survive a full completion queue", overflowingStreams),
        ConformanceCheck("output: appended bytes leave whole, in order, together", outputInOrder),
        ConformanceCheck("output: a full one refuses, its waiter is called", outputFull),
        ConformanceCheck("output: a broken peer, and stopping", outputEnds),
        ConformanceCheck("lending: pinned bytes stay while others make way", pinnedStay),
        ConformanceCheck("lending: what is lent for long leaves buffers for others", lentForLong),
    ]

    @Sendable
    static func severalListeners(_ run: ConformanceRun) throws {
        // Wrong: connections of one listener are reported for another, or one is forgotten.
        let driver = try BackendDriver(run)
        let listeners = try (0..<5).map { _ in try Wires.listener() }
        let streams = listeners.map { driver.acceptStream($0.0) }
        var clients: [Int32] = []
        for (index, listener) in listeners.enumerated() {
            for _ in 0...index { clients.append(try Wires.connect(to: listener.1)) }
        }
        for (index, stream) in streams.enumerated() {
            try driver.turn(
                until: { driver.count(of: stream) >= index + 1 }, "accepts of listener \(index)")
        }
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        for (index, stream) in streams.enumerated() {
            run.expect(
                driver.count(of: stream), equals: index + 1, "accepts of listener \(index)")
            for completion in driver.completions[stream] ?? [] { Wires.close(completion.result) }
            _ = try driver.result(of: driver.close(listeners[index].0))
        }
        for client in clients { Wires.close(client) }
    }

    @Sendable
    static func countedStream(_ run: ConformanceRun) throws {
        // Wrong: bytes between two streams of one connection are lost or come twice.
        var options = LoopOptions()
        options.receiveBufferByteCount = 1000
        let driver = try BackendDriver(run, options: options)
        let (near, far) = try Wires.pair()
        let pattern = Wires.pattern(40_000)
        try Wires.send(pattern, to: far)
        _ = millrace_socket_shutdown(far, Int32(MILLRACE_SHUT_WR))
        var received: [UInt8] = []
        var rounds = 0
        while received.count < pattern.count {  // Ends: each round takes bytes, or gives up.
            let stream = driver.receiveStream(near, byteCountMax: 5000)
            var bytes: [UInt8] = []
            try driver.turn(
                until: {
                    bytes += driver.takeBytes(of: stream)
                    return driver.isOver(stream) || bytes.count >= 5000
                        || received.count + bytes.count == pattern.count
                }, "a stream that ends, or its bytes")
            // A backend that does not count is cancelled, as a loop does.
            if !driver.isOver(stream) { driver.backend.cancel(stream) }
            _ = try driver.all(of: stream)
            bytes += driver.takeBytes(of: stream)
            received += bytes
            rounds += 1
            try run.require(rounds < 1000, "streams end without bytes")
        }
        run.expect(received, equals: pattern, "the bytes of successive streams are wrong")
        let last = driver.receiveStream(near, byteCountMax: 5000)
        run.expect(try driver.all(of: last).last?.result, equals: 0, "the end was not told")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func largeSends(_ run: ConformanceRun) throws {
        // Wrong: memory is given up before the kernel has let go of it, or completions double.
        var options = LoopOptions()
        options.zeroCopyByteCountMin = 2000
        let driver = try BackendDriver(run, options: options)
        let (near, far) = try Wires.pair()
        let pattern = Wires.pattern(400_000)
        var sent = 0
        var received: [UInt8] = []
        var size = 100
        while sent < pattern.count {  // Ends: each turn sends, or the check gives up.
            let piece = Array(pattern[sent..<min(pattern.count, sent + size)])
            let half = piece.count / 2
            let send =
                size % 3 == 0
                ? driver.sendMessage([Array(piece[..<half]), Array(piece[half...])], to: near)
                : driver.send(piece, to: near)
            while !driver.isOver(send) {  // Ends: reading makes room.
                driver.turn(milliseconds: 1)
                received += Wires.receiveSome(from: far)
            }
            let count = try driver.result(of: send)
            try run.require(count > 0, "a send failed: \(count)")
            sent += Int(count)
            size = size % 60_000 + 3333
        }
        received += try Wires.receive(pattern.count - received.count, from: far)
        run.expect(received, equals: pattern, "the bytes are wrong")
        Wires.reset(far)
        let broken = driver.send([UInt8](repeating: 1, count: 5000), to: near)
        let result = try driver.result(of: broken)
        run.expect(
            result == -Int32(MILLRACE_ECONNRESET) || result == -Int32(MILLRACE_EPIPE),
            "a peer that reset: \(result)")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func overflowingStreams(_ run: ConformanceRun) throws {
        // Wrong: a stream that the kernel ended for want of room for completions is not taken up
        // again, or its bytes are lost.
        var options = LoopOptions()
        options.submissionQueueCapacity = 4
        options.completionQueueCapacity = 4
        options.receiveBufferByteCount = 512
        let rig = try LoopRig(run, options: options)
        let pairs = try (0..<40).map { _ in try Wires.pair() }
        let pattern = Wires.pattern(5000)
        let received = Board<[[UInt8]]>(Array(repeating: [], count: pairs.count))
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            for (index, stream) in streams.enumerated() {
                func read() {
                    while let bytes = stream.takeChunk() { received.update { $0[index] += bytes } }
                    if stream.end == nil { stream.whenReady { read() } }
                }
                stream.start()
                read()
            }
            return Carried(streams)
        }
        let gate = Board(false)
        rig.post { _ = run.wait(gate) { $0 ? true : nil } }
        for pair in pairs { try Wires.send(pattern, to: pair.1) }
        gate.update { $0 = true }
        run.expect(
            received, becomes: { $0.allSatisfy { $0 == pattern } },
            "bytes are missing: \(received.read { $0.map(\.count) })")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }
}
