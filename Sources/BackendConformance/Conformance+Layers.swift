// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// What stands between a socket and its user: bytes through it.
extension ConformanceSuite {
    static let layerChecks = [
        ConformanceCheck("layer: bytes of both directions, in any pieces", layeredBytes),
        ConformanceCheck("layer: one turn's bytes leave before the loop sleeps", layeredFlush),
        ConformanceCheck("layer: a reader that stops stops the peer", layeredReader),
        ConformanceCheck("layer: a peer that stops stops the writer", layeredWriter),
        ConformanceCheck("layer: answers that nobody wrote leave", layeredAnswers),
        ConformanceCheck("layer: nothing flows before it is open", layeredOpening),
        ConformanceCheck("layer: what came before it goes through it", layeredLater),
    ]

    @Sendable
    static func layeredBytes(_ run: ConformanceRun) throws {
        // Wrong: bytes are lost, doubled or mixed up on their way through a layer.
        let rig = try LayerRig(run)
        let pattern = Wires.pattern(40_000)
        let wire = ToyLayer.records(pattern, size: 777)
        var start = 0
        for size in [1, 2, 3, 5, 778, 780, 781, 10_000, wire.count] {
            let piece = Array(wire[start..<min(start + size, wire.count)])
            try rig.send(piece)
            start += piece.count
            if size < 10 { try rig.call { _ in } }
        }
        run.expect(try rig.read(pattern.count), equals: pattern, "received")
        try rig.call { rig in rig.write(pattern) }
        var sent: [UInt8] = []
        while ToyLayer.read(sent).reduce(0, { $0 + $1.payload.count }) < pattern.count {
            try Wires.ready(rig.far, UInt32(MILLRACE_POLLIN))
            sent += Wires.receiveSome(from: rig.far)
        }
        run.expect(ToyLayer.read(sent).flatMap(\.payload), equals: pattern, "sent")
        try rig.close()
    }

    @Sendable
    static func layeredFlush(_ run: ConformanceRun) throws {
        // Wrong: what was appended stays in the layer, or each piece becomes a record and a send.
        let rig = try LayerRig(run)
        let pattern = Wires.pattern(2_550)
        let pieces = stride(from: 0, to: pattern.count, by: 50).map {
            Array(pattern[$0..<$0 + 50])
        }
        let before = try rig.rig.call { $0.statistics.submitted }
        let taken = try rig.call { rig in pieces.reduce(0) { $0 + rig.output.append($1) } }
        run.expect(taken, equals: pattern.count, "taken in one turn")
        let wire = try Wires.receive(pattern.count + 9, from: rig.far)
        run.expect(ToyLayer.read(wire).map(\.payload.count), equals: [1000, 1000, 550], "records")
        run.expect(ToyLayer.read(wire).flatMap(\.payload), equals: pattern, "sent")
        let after = try rig.rig.call { $0.statistics.submitted }
        run.expect(after - before, equals: 1, "sends")
        run.expect(try rig.call { $0.output.pendingByteCount }, equals: 0, "bytes left")
        let isTold = Board(false)
        try rig.call { rig in
            _ = rig.output.append([1])
            rig.output.whenEmpty { isTold.update { $0 = true } }
        }
        run.expect(try Wires.receive(4, from: rig.far), equals: [2, 0, 1, 0x5b], "a single byte")
        run.expect(isTold, becomes: { $0 }, "who waits until all is sent is not called")
        try rig.close()
    }

    @Sendable
    static func layeredReader(_ run: ConformanceRun) throws {
        // Wrong: a reader that stops lets memory grow, or gets nothing more when it goes on.
        var options = LoopOptions()
        options.receiveCreditByteCount = 65_536
        options.receiveBufferByteCount = 8192
        let rig = try LayerRig(run, options: options)
        let pattern = Wires.pattern(4_000_000)
        let wire = ToyLayer.records(pattern)
        var sent = 0
        var quiet = 0
        while quiet < 20, sent < wire.count {  // Ends when the peer has been full for a while.
            let count = Wires.sendSome(wire[sent...], to: rig.far)
            sent += count
            quiet = count > 0 ? 0 : quiet + 1
            if count == 0 { _ = millrace_poll(rig.far, UInt32(MILLRACE_POLLOUT), 10) }
        }
        run.expect(sent < wire.count, "a reader that has stopped does not stop the peer")
        let held = try rig.call { $0.input.heldByteCount }
        // A backend that does not count ahead may bring all pieces of the credit in one turn,
        // behind bytes of earlier turns that did not yet use the credit up.
        let pieces = options.receiveCredit * options.receiveBufferByteCount
        let bound = options.receiveCreditByteCount + pieces
        run.expect(
            held <= bound + 2 * options.receiveBufferByteCount, "\(held) bytes are held")
        let received = Board<[UInt8]>([])
        let isOver = Board(false)
        try rig.call { rig in rig.collect(pattern.count, received, isOver) }
        try rig.send(Array(wire[sent...]))
        run.expect(isOver, becomes: { $0 }, "the reader does not go on")
        run.expect(received.read { $0 }, equals: pattern, "received after the pause")
        try rig.close()
    }

    @Sendable
    static func layeredWriter(_ run: ConformanceRun) throws {
        // Wrong: a peer that does not read makes memory grow, or its writer sleeps for ever.
        let rig = try LayerRig(run)
        let pattern = Wires.pattern(4_000_000)
        try rig.call { rig in rig.write(pattern) }
        try run.wait("the writer to be stopped") { try rig.call { $0.output.room } == 0 }
        let pending = try rig.call { $0.output.pendingByteCount }
        let block = try rig.rig.call { $0.options.sendBlockByteCount }
        run.expect(pending <= 2 * block + 2 * ToyLayer.payloadMax, "\(pending) bytes are held")
        run.expect(try rig.call { $0.output.append([1]) }, equals: 0, "a full output took")
        var wire: [UInt8] = []
        var plain: [UInt8] = []
        while plain.count < pattern.count {  // Ends: the writer goes on.
            try Wires.ready(rig.far, UInt32(MILLRACE_POLLIN))
            wire += Wires.receiveSome(from: rig.far)
            let records = ToyLayer.read(wire)
            wire.removeFirst(records.reduce(0) { $0 + $1.payload.count + ToyLayer.headCount })
            plain += records.flatMap(\.payload)
        }
        run.expect(plain, equals: pattern, "sent")
        try rig.close()
    }

    @Sendable
    static func layeredAnswers(_ run: ConformanceRun) throws {
        // Wrong: a layer's answers wait for somebody who writes, or what comes behind them is
        // forgotten while they have not left.
        let rig = try LayerRig(run)
        let ping = ToyLayer.record(.ping, Wires.pattern(900))
        var wire: [UInt8] = []
        for _ in 0..<300 { wire += ping }
        wire += ToyLayer.record(.data, [7])
        let received = Board<[UInt8]>([])
        let isReceived = Board(false)
        // It waits from the beginning: answers that leave let the byte through.
        try rig.call { rig in rig.collect(1, received, isReceived) }
        var answers: [UInt8] = []
        var sent = 0
        let deadline = run.deadline
        while answers.count < 300 * ping.count {  // Ends: answers come, or none in time.
            try run.require(.now < deadline, "timed out: \(answers.count) bytes of answers")
            sent += Wires.sendSome(wire[sent...], to: rig.far)
            _ = millrace_poll(rig.far, UInt32(MILLRACE_POLLIN), 10)
            answers += Wires.receiveSome(from: rig.far)
        }
        run.expect(answers, equals: Array(wire.dropLast(4)), "the answers")
        run.expect(isReceived, becomes: { $0 }, "what came behind them was not told")
        run.expect(received.read { $0 }, equals: [7], "what came behind them")
        try rig.close()
    }

    @Sendable
    static func layeredOpening(_ run: ConformanceRun) throws {
        // Wrong: bytes flow before the ends have agreed, or who waits for that is never called.
        let rig = try LayerRig(run, shakes: true)
        let opened = Board(0)
        let roomy = Board(0)
        let taken = try rig.call { rig in
            rig.input.whenOpen { opened.update { $0 += 1 } }
            defer { rig.output.whenRoom { roomy.update { $0 += 1 } } }
            return rig.output.append([1, 2, 3])
        }
        run.expect(taken, equals: 0, "bytes were taken before the layer was open")
        try rig.send(Array(ToyLayer.record(.hello, [1, 2]).dropLast()))
        try rig.call { _ in }
        run.expect(opened.read { $0 } + roomy.read { $0 }, equals: 0, "calls before the opening")
        try rig.send([2])
        run.expect(opened, becomes: { $0 == 1 }, "the opening was not told")
        run.expect(roomy, becomes: { $0 == 1 }, "a writer that waited for the opening")
        run.expect(try rig.call { $0.output.append([1, 2, 3]) }, equals: 3, "taken when open")
        run.expect(
            try Wires.receive(6, from: rig.far), equals: ToyLayer.record(.data, [1, 2, 3]), "sent")
        try rig.call { rig in rig.input.whenOpen { opened.update { $0 += 1 } } }
        run.expect(opened, becomes: { $0 == 2 }, "an open layer is not told at once")
        try rig.close()
        let other = try LayerRig(run, shakes: true)
        let ended = Board(0)
        try other.call { rig in rig.input.whenOpen { ended.update { $0 += 1 } } }
        _ = millrace_socket_shutdown(other.far, Int32(MILLRACE_SHUT_WR))
        run.expect(ended, becomes: { $0 == 1 }, "an end before the opening was not told")
        try other.close()
    }

    @Sendable
    static func layeredLater(_ run: ConformanceRun) throws {
        // Wrong: what came before the layer was there goes past it, what was appended goes through.
        let rig = try LoopRig(run)
        let (near, far) = try Wires.pair()
        let parts = try rig.call { loop in
            let input = ReceiveStream(loop: loop, descriptor: near)
            let output = SendStream(loop: loop, descriptor: near)
            input.start()
            return Carried((input, output))
        }
        let wire = ToyLayer.records(Wires.pattern(5000), size: 400)
        try Wires.send(wire, to: far)
        try run.wait("bytes") { try rig.call { _ in parts.value.0.heldByteCount } == wire.count }
        let bytes = try rig.call { _ in
            let (input, output) = parts.value
            _ = output.append([1, 2, 3])
            ToyLayer(over: input, and: output).insert()
            _ = output.append([4])
            var bytes: [UInt8] = []
            while let chunk = input.takeChunk() { bytes += chunk }
            return bytes
        }
        run.expect(bytes, equals: Wires.pattern(5000), "received")
        run.expect(
            try Wires.receive(7, from: far), equals: [1, 2, 3] + ToyLayer.record(.data, [4]), "sent"
        )
        try rig.call { loop in
            parts.value.0.stop()
            parts.value.1.stop()
            loop.close(near)
        }
        try run.wait("buffers") { try rig.call { $0.heldBuffers + $0.leasedSendBlocks } == 0 }
        rig.stop()
        Wires.close(far)
    }
}
