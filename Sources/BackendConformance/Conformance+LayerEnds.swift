// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// What stands between a socket and its user: how it ends.
extension ConformanceSuite {
    static let layerEndChecks = [
        ConformanceCheck("layer: its own end, before that of the socket", layeredEnd),
        ConformanceCheck("layer: a failure tells both ends", layeredFailure),
        ConformanceCheck("layer: the socket's end is not its own", layeredBreak),
        ConformanceCheck("layer: an end that answers are in the way of", layeredJam),
        ConformanceCheck("layer: finished behind what was written", layeredFinish),
        ConformanceCheck("layer: what is lent stays, whatever becomes of it", layeredLending),
        ConformanceCheck("layer: finished by who has its bytes", layeredFinishInside),
        ConformanceCheck("layer: a stream that cannot start", layeredRefusal),
        ConformanceCheck("layer: stopped at any point", layeredStop),
        ConformanceCheck("layer: finished and closed at once", layeredFinishAtOnce),
        ConformanceCheck("layer: what comes is read when nothing leaves", layeredDeafPeer),
        ConformanceCheck("layer: taken away, what comes is lent as it is", layeredRemoval),
        ConformanceCheck("layer: the socket's end behind what is unread", layeredEndBehind),
        ConformanceCheck("layer: when nothing leaves, what is unread is no end", layeredDeafUnread),
    ]

    @Sendable
    static func layeredEnd(_ run: ConformanceRun) throws {
        // Wrong: bytes before a layer's end are lost, it is not told, or the socket's is with it.
        let rig = try LayerRig(run)
        let ended = Board(0)
        let wireEnded = Board(0)
        try rig.call { rig in rig.input.whenEnded { ended.update { $0 += 1 } } }
        try rig.send(ToyLayer.record(.data, [1, 2, 3]) + ToyLayer.record(.end))
        try run.wait("bytes") { try rig.call { $0.input.isReady } }
        run.expect(try rig.call { $0.input.takeChunk() }, equals: [1, 2, 3], "before the end")
        run.expect(ended, becomes: { $0 == 1 }, "the end was not told")
        run.expect(try rig.call { !$0.input.hasUnread }, "nothing is unread behind the end")
        run.expect(try rig.call { $0.input.pinnedAddress() }, equals: 0, "lent behind the end")
        let state = try rig.call { rig in
            rig.input.whenWireEnded { wireEnded.update { $0 += 1 } }
            return (rig.input.end, rig.input.isWireEnded, rig.output.failure, rig.output.breakage)
        }
        run.expect(state.0, equals: .finished, "the end")
        run.expect(!state.1, "the socket has not ended")
        run.expect(state.2, equals: Int32(MILLRACE_EPIPE), "writing is over")
        run.expect(state.3, equals: nil, "the connection is not broken")
        try rig.send(Wires.pattern(100))  // Nobody's: dropped.
        _ = millrace_socket_shutdown(rig.far, Int32(MILLRACE_SHUT_WR))
        run.expect(wireEnded, becomes: { $0 == 1 }, "the end of the socket was not told")
        run.expect(try rig.call { $0.input.end }, equals: .finished, "the end changed")
        run.expect(try rig.call { $0.input.heldByteCount }, equals: 0, "bytes are held")
        try rig.close()
    }

    @Sendable
    static func layeredFailure(_ run: ConformanceRun) throws {
        // Wrong: last words do not leave, or what came before a failure is lost.
        let rig = try LayerRig(run)
        let told = Board<[Int32?]>([])
        try rig.send(ToyLayer.record(.data, [5]) + [99, 0, 1, 1])
        run.expect(try rig.read(1), equals: [5], "before the failure")
        run.expect(
            try Wires.receive(6, from: rig.far), equals: ToyLayer.record(.alert, Array("bad".utf8)),
            "the last words")
        try run.wait("the end") { try rig.call { $0.input.end != nil } }
        let state = try rig.call { rig in
            rig.output.whenRoom { told.update { $0.append(rig.output.failure) } }
            return (rig.input.end, rig.output.append([1]), rig.output.breakage)
        }
        run.expect(state.0, equals: .failed(Int32(MILLRACE_EPROTO)), "the end")
        run.expect(state.1, equals: 0, "a failed layer took bytes")
        run.expect(state.2, equals: nil, "the connection is not broken")
        run.expect(told.read { $0 }, equals: [Int32(MILLRACE_EPROTO)], "the writer was told")
        try rig.close()
    }

    @Sendable
    static func layeredBreak(_ run: ConformanceRun) throws {
        // Wrong: a connection that was cut looks like one that has ended.
        let finished = try LayerRig(run)
        try finished.send(ToyLayer.record(.data, [1, 2]))
        try run.wait("bytes") { try finished.call { $0.input.isReady } }
        run.expect(try finished.call { $0.input.hasUnread }, "what the layer has is unread")
        _ = millrace_socket_shutdown(finished.far, Int32(MILLRACE_SHUT_WR))
        run.expect(try finished.read(3), equals: [1, 2], "before the end")
        run.expect(
            try finished.call { $0.input.end }, equals: .failed(Int32(MILLRACE_EPROTO)),
            "an end in the middle")
        try finished.close()
        let broken = try LayerRig(run)
        let ended = Board(0)
        try broken.send(ToyLayer.record(.data, [1, 2]) + ToyLayer.record(.data, [3]))
        try run.wait("bytes") { try broken.call { $0.input.isReady } }
        try broken.call { rig in rig.input.whenEnded { ended.update { $0 += 1 } } }
        Wires.reset(broken.far)
        run.expect(ended, becomes: { $0 == 1 }, "a reset was not told while bytes are unread")
        run.expect(
            try broken.call { $0.input.end }, equals: .failed(Int32(MILLRACE_ECONNRESET)), "reset")
        run.expect(try broken.read(3), equals: [1, 2, 3], "what came before")
        try broken.close(far: false)
    }

    @Sendable
    static func layeredJam(_ run: ConformanceRun) throws {
        // Wrong: a layer that takes nothing before its answers have left keeps its reader for ever
        // when they never will.
        let rig = try LayerRig(run)
        let ping = ToyLayer.record(.ping, Wires.pattern(900))
        var pings: [UInt8] = []
        for _ in 0..<70 { pings += ping }
        let isReady = Board(false)
        try rig.call { rig in rig.input.whenReady { isReady.update { $0 = true } } }
        var (quiet, sent) = (0, 0)
        while quiet < 20, sent < 60_000_000 {  // Ends when both directions are full.
            let count = Wires.sendSome(pings[(sent % pings.count)...], to: rig.far)
            sent += count
            quiet = count > 0 ? 0 : quiet + 1
            if count == 0 { _ = millrace_poll(rig.far, UInt32(MILLRACE_POLLOUT), 10) }
        }
        run.expect(sent < 60_000_000, "the layer takes pings without end")
        run.expect(!isReady.read { $0 }, "nothing was to be read")
        Wires.reset(rig.far)
        run.expect(isReady, becomes: { $0 }, "the reader was not told")
        let hasFailed = try rig.call { rig in
            if case .failed = rig.input.end { true } else { false }
        }
        run.expect(hasFailed, "the end is a failure")
        try rig.close(far: false)
    }

    @Sendable
    static func layeredFinish(_ run: ConformanceRun) throws {
        // Wrong: what was written before the end is lost, or comes behind it.
        let rig = try LayerRig(run)
        let isEmpty = Board(false)
        let taken = try rig.call { rig in
            let taken = rig.output.append(Wires.pattern(1500))
            rig.output.finish()
            rig.output.finish()
            rig.output.whenEmpty { isEmpty.update { $0 = true } }
            return taken + rig.output.append([1])
        }
        run.expect(taken, equals: 1500, "taken")
        run.expect(isEmpty, becomes: { $0 }, "the end did not leave")
        let wire = ToyLayer.records(Wires.pattern(1500)) + ToyLayer.record(.end)
        run.expect(try Wires.receive(wire.count, from: rig.far), equals: wire, "sent")
        try rig.close()
    }

    @Sendable
    static func layeredLending(_ run: ConformanceRun) throws {
        // Wrong: bytes that the kernel sends from change when their layer ends, fails, is stopped,
        // or gets more.
        for trouble in 0..<5 {
            let rig = try LayerRig(run)
            let pattern = Wires.pattern(800)
            try rig.send(ToyLayer.record(.data, pattern))
            try run.wait("bytes") { try rig.call { $0.input.isReady } }
            let address = try rig.call { $0.input.pinnedAddress() }
            switch trouble {
            case 0: try rig.call { $0.output.finish() }
            case 1: try rig.send(ToyLayer.record(.data, [9]) + [99, 0, 0])
            case 2: _ = millrace_socket_shutdown(rig.far, Int32(MILLRACE_SHUT_WR))
            case 3: try rig.call { $0.input.stop() }
            default: Wires.reset(rig.far)
            }
            for _ in 0..<5 { try rig.call { _ in } }
            let lent = try rig.call { _ in
                // SAFETY: lent until `unpin`.
                unsafe Array(
                    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: 800)
                )
            }
            run.expect(lent, equals: pattern, "what was lent, trouble \(trouble)")
            let left = try rig.call { rig in
                rig.input.unpin(used: 300)
                return rig.input.takeChunk()
            }
            let isLost = trouble == 0 || trouble == 3
            run.expect(
                left ?? [], equals: isLost ? [] : Array(pattern[300...]), "the rest, \(trouble)")
            try rig.close(far: trouble != 4)
        }
    }

    @Sendable
    static func layeredFinishInside(_ run: ConformanceRun) throws {
        // Wrong: who has a layer's bytes and ends the connection reads what is not there any more.
        let rig = try LayerRig(run)
        let pattern = Wires.pattern(500)
        try rig.send(ToyLayer.record(.data, pattern))
        try run.wait("bytes") { try rig.call { $0.input.isReady } }
        let bytes = try rig.call { rig in
            var bytes: [UInt8] = []
            _ = rig.input.consume { lent in
                _ = rig.output.append([1])
                rig.output.finish()
                // SAFETY: lent for the call.
                unsafe lent.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
                return 100
            }
            return bytes
        }
        run.expect(bytes, equals: pattern, "lent")
        let wire = ToyLayer.record(.data, [1]) + ToyLayer.record(.end)
        run.expect(try Wires.receive(wire.count, from: rig.far), equals: wire, "sent")
        run.expect(try rig.call { $0.input.takeChunk() }, equals: nil, "behind the end")
        try rig.close()
    }

    @Sendable
    static func layeredRefusal(_ run: ConformanceRun) throws {
        // Wrong: a reader waits for ever for a stream that the loop has refused.
        for isLayered in [true, false] { try refusal(run, isLayered: isLayered) }
    }

    private static func refusal(_ run: ConformanceRun, isLayered: Bool) throws {
        var options = LoopOptions()
        options.operationsMax = 1
        let rig = try LoopRig(run, options: options)
        let (near, far) = try Wires.pair()
        let told = Board(false)
        let parts = try rig.call { loop in
            // SAFETY: the request names no memory.
            unsafe loop.start(.poll(descriptor: near, events: UInt32(MILLRACE_POLLIN))) { _ in }
            let input = ReceiveStream(loop: loop, descriptor: near)
            let output = SendStream(loop: loop, descriptor: near)
            if isLayered { ToyLayer(over: input, and: output).insert() }
            input.whenReady { told.update { $0 = true } }
            input.start()
            return Carried((input, output))
        }
        run.expect(told, becomes: { $0 }, "the refusal was not told")
        let hasFailed = try rig.call { loop in
            defer {
                parts.value.0.stop()
                parts.value.1.stop()
                loop.close(near)
            }
            if case .failed = parts.value.0.end { return true }
            return false
        }
        run.expect(hasFailed, "the end is a failure")
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func layeredStop(_ run: ConformanceRun) throws {
        // Wrong: a connection that is closed in the middle of anything loses buffers or blocks.
        let wire =
            ToyLayer.record(.hello) + ToyLayer.record(.data, Wires.pattern(40))
            + ToyLayer.record(.ping, [1, 2]) + ToyLayer.record(.data, [3]) + ToyLayer.record(.end)
        for cut in stride(from: 0, through: wire.count, by: 3) {
            let rig = try LayerRig(run, shakes: true)
            let called = Board(0)
            try rig.send(Array(wire[..<cut]))
            try rig.call { rig in
                rig.input.whenEnded { called.update { $0 += 1 } }
                _ = rig.output.append(Wires.pattern(cut))
                rig.output.whenEmpty { called.update { $0 += 1 } }
                if cut % 2 == 0 { _ = rig.input.takeChunk() }
                rig.input.stop()
                rig.output.stop()
                // Before the ping nothing is under way.
                guard cut <= 46 else { return }
                run.expect(rig.output.pendingByteCount, equals: 0, "a stopped output has bytes")
            }
            run.expect(called, becomes: { $0 == 2 }, "waiters were not called, byte \(cut)")
            try rig.close()
        }
    }

    @Sendable
    static func layeredFinishAtOnce(_ run: ConformanceRun) throws {
        // Wrong: a connection that is closed in the job that ends it does not say its end: the
        // peer takes a whole answer for a cut one.
        let rig = try LayerRig(run)
        try rig.close(far: false, finishing: true)
        run.expect(
            try Wires.receive(10, from: rig.far), equals: ToyLayer.record(.end), "the last words")
        Wires.close(rig.far)
    }

    @Sendable
    static func layeredDeafPeer(_ run: ConformanceRun) throws {
        // Wrong: once sending has failed, what the peer still says is not read.
        let rig = try LayerRig(run)
        _ = millrace_socket_shutdown(rig.near, Int32(MILLRACE_SHUT_WR))
        let failed = Board(false)
        try rig.call { rig in
            _ = rig.output.append([1])
            rig.output.whenEmpty { failed.update { $0 = true } }
        }
        run.expect(failed, becomes: { $0 }, "a send behind the own end was not answered")
        run.expect(try rig.call { $0.output.breakage != nil }, "the send was to fail")
        run.expect(try rig.call { $0.input.end }, equals: nil, "the peer has not ended")
        try rig.send(ToyLayer.record(.data, [1, 2, 3]))
        run.expect(try rig.read(3), equals: [1, 2, 3], "what the peer still said")
        try rig.close()
    }

    @Sendable
    static func layeredRemoval(_ run: ConformanceRun) throws {
        // Wrong: who has no more use for a layer, and waits for the socket's end alone, gets what
        // the layer makes of the bytes, and its end.
        let rig = try LayerRig(run)
        try rig.send(ToyLayer.record(.data, [1]))
        try run.wait("bytes") { try rig.call { $0.input.isReady } }
        let isGone = try rig.call { rig in
            rig.input.removeLayer()
            return rig.input.currentLayer == nil && !rig.input.isReady
        }
        run.expect(isGone, "a layer that was taken away is there, or what it had")
        let wire = ToyLayer.record(.data, [2, 3])
        try rig.send(wire)
        run.expect(try rig.read(wire.count), equals: wire, "received behind the layer")
        _ = millrace_socket_shutdown(rig.far, Int32(MILLRACE_SHUT_WR))
        try run.wait("the end") { try rig.call { $0.input.end != nil } }
        run.expect(try rig.call { $0.input.end }, equals: .finished, "the end of the socket")
        try rig.close()
    }

    @Sendable
    static func layeredEndBehind(_ run: ConformanceRun) throws {
        // Wrong: the socket's end overtakes bytes that the layer takes only when its reader goes
        // on: a connection that ends in order looks like one that was cut.
        let rig = try LayerRig(run)
        let wireEnded = Board(false)
        try rig.send(
            ToyLayer.record(.data, [1]) + ToyLayer.record(.data, [2]) + ToyLayer.record(.end))
        _ = millrace_socket_shutdown(rig.far, Int32(MILLRACE_SHUT_WR))
        try rig.call { rig in rig.input.whenWireEnded { wireEnded.update { $0 = true } } }
        run.expect(wireEnded, becomes: { $0 }, "the end of the socket was not told")
        run.expect(try rig.call { $0.input.end }, equals: nil, "an end before what is unread")
        run.expect(try rig.read(3), equals: [1, 2], "before the end")
        run.expect(try rig.call { $0.input.end }, equals: .finished, "the layer's own end")
        try rig.close()
    }

    @Sendable
    static func layeredDeafUnread(_ run: ConformanceRun) throws {
        // Wrong: once sending has failed, a reader that is slow is told of a break, and what the
        // peer still says is cut off.
        let rig = try LayerRig(run)
        _ = millrace_socket_shutdown(rig.near, Int32(MILLRACE_SHUT_WR))
        try rig.send(
            ToyLayer.record(.data, [1, 2, 3]) + ToyLayer.record(.data, [4])
                + ToyLayer.record(.end))
        try run.wait("bytes") { try rig.call { $0.input.isReady } }
        let failed = Board(false)
        try rig.call { rig in
            _ = rig.output.append([1])
            rig.output.whenEmpty { failed.update { $0 = true } }
        }
        run.expect(failed, becomes: { $0 }, "a send behind the own end was not answered")
        run.expect(try rig.call { $0.output.breakage != nil }, "the send was to fail")
        run.expect(try rig.call { $0.input.end }, equals: nil, "an end before what is unread")
        run.expect(try rig.read(5), equals: [1, 2, 3, 4], "what the peer still said")
        run.expect(try rig.call { $0.input.end }, equals: .finished, "the layer's own end")
        try rig.close()
    }
}
