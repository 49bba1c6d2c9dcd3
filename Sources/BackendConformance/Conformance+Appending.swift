// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// Output without waiting, and lent input.
extension ConformanceSuite {
    @Sendable
    static func outputInOrder(_ run: ConformanceRun) throws {
        // Wrong: a coalesced send loses, repeats or reorders bytes, or every piece is a send.
        let rig = try LoopRig(run)
        let (near, far) = try Wires.pair()
        let pattern = Wires.pattern(10_000)
        let output = try rig.call { loop in
            let output = SendStream(loop: loop, descriptor: near)
            var taken = 0
            for start in stride(from: 0, to: pattern.count, by: 100) {
                taken += output.append(Array(pattern[start..<start + 100]))
            }
            output.whenEmpty {}
            let isTaken = taken == pattern.count && output.pendingByteCount == taken
            run.expect(isTaken, "an empty output did not take ten thousand bytes")
            return Carried(output)
        }
        run.expect(
            try Wires.receive(pattern.count, from: far), equals: pattern, "the bytes are wrong")
        let submitted = try rig.call { $0.statistics.submitted }
        run.expect(submitted, equals: 1, "pieces of one turn did not leave together")
        try run.wait("the send to end") { try rig.call { $0.leasedSendBlocks } == 0 }
        let counts = try rig.call { loop in
            let sent = output.value.sentByteCount
            output.value.stop()
            let input = ReceiveStream(loop: loop, descriptor: near)
            output.value.reuse(for: near, counterpart: input)
            let anew = output.value.sentByteCount
            output.value.stop()
            loop.close(near)
            return [sent, anew]
        }
        run.expect(counts, equals: [10_000, 0], "bytes sent, and of the next connection")
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func outputFull(_ run: ConformanceRun) throws {
        // Wrong: a peer that does not read makes memory grow, or its sender sleeps for ever.
        let rig = try LoopRig(run)
        let (near, far) = try Wires.pair()
        let block = [UInt8](repeating: 7, count: 5000)
        let total = Board(0)
        let isFull = Board(false)
        let output = try rig.call { loop in
            let output = SendStream(loop: loop, descriptor: near)
            func fill() {
                while true {  // Ends when nothing more is taken.
                    let count = output.append(block)
                    total.update { $0 += count }
                    if count == 0 { break }
                }
                let isEnough = total.read { $0 } > 40_000_000
                isFull.update { $0 = true }
                if output.failure == nil && !isEnough { output.whenRoom { fill() } }
            }
            fill()
            return Carried(output)
        }
        run.expect(isFull, becomes: { $0 }, "an output took bytes without end")
        let pending = try rig.call { _ in output.value.pendingByteCount }
        let blockSize = try rig.call { $0.options.sendBlockByteCount }
        run.expect(pending <= 2 * blockSize, "an output holds \(pending) bytes")
        var received = 0
        while received < 40_000_000 {  // Ends: the output goes on while bytes are read.
            try Wires.ready(far, UInt32(MILLRACE_POLLIN))
            received += Wires.receiveSome(from: far).count
        }
        run.expect(total, becomes: { $0 > 40_000_000 }, "the output did not go on")
        try rig.call { loop in
            output.value.stop()
            loop.close(near)
        }
        Wires.close(far)
        rig.stop()
    }

    @Sendable
    static func outputEnds(_ run: ConformanceRun) throws {
        // Wrong: a waiter is never called, a block is never given back, a dead peer is not told.
        let rig = try LoopRig(run)
        let (near, far) = try Wires.pair()
        Wires.reset(far)
        let codes = Board<[Int32?]>([])
        let output = try rig.call { loop in
            let output = SendStream(loop: loop, descriptor: near)
            _ = output.append([1, 2, 3])
            output.whenEmpty { codes.update { $0.append(output.failure) } }
            return Carried(output)
        }
        run.expect(codes, becomes: { $0.count == 1 }, "a failed send was not told")
        let code = codes.read { $0.first ?? nil }
        run.expect(
            code == Int32(MILLRACE_ECONNRESET) || code == Int32(MILLRACE_EPIPE),
            "the reason is \(code.map { "\($0)" } ?? "missing")")
        let reason = try rig.call { _ in
            output.value.stop()
            return output.value.failure
        }
        run.expect(reason, equals: code, "stopping changed why sending had failed")
        let taken = try rig.call { loop in
            defer { loop.close(near) }
            return output.value.append([4])
        }
        run.expect(taken, equals: 0, "a failed output took bytes")
        let (other, otherFar) = try Wires.pair()
        let left = try rig.call { loop in
            let output = SendStream(loop: loop, descriptor: other)
            _ = output.append([1, 2, 3])
            output.whenEmpty { codes.update { $0.append(output.failure) } }
            output.stop()
            loop.close(other)
            return output.append([4])
        }
        run.expect(left, equals: 0, "a stopped output took bytes")
        run.expect(
            codes, becomes: { $0.count == 2 && $0[1] == Int32(MILLRACE_ECANCELED) },
            "stopping did not call the waiter")
        run.expect(
            try rig.call { $0.leasedSendBlocks }, equals: 0, "blocks are missing at the end")
        rig.stop()
        Wires.close(otherFar)
    }

    @Sendable
    static func pinnedStay(_ run: ConformanceRun) throws {
        // Wrong: bytes that the kernel sends from are overwritten, or are given back early.
        var options = LoopOptions()
        options.receiveBufferCount = 2
        options.receiveBufferByteCount = 100
        options.receiveCredit = 4
        let rig = try LoopRig(run, options: options)
        let pairs = try (0..<3).map { _ in try Wires.pair() }
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams[0].start()
            return Carried(streams)
        }
        let pattern = Wires.pattern(200)
        try Wires.send(pattern, to: pairs[0].1)
        try run.wait("both buffers held") {
            try rig.call { _ in streams.value[0].heldByteCount } == 200
        }
        let served = Board(0)
        for pair in pairs[1...] { try Wires.send([5], to: pair.1) }
        let address = try rig.call { _ in
            let address = streams.value[0].pinnedAddress()
            for stream in streams.value[1...] {
                stream.start()
                stream.whenReady {
                    served.update { $0 += 1 }
                    _ = stream.takeChunk()
                }
            }
            return address
        }
        run.expect(served, becomes: { $0 == 2 }, "streams wait behind a pinned one")
        let kept = try rig.call { _ in
            let stream = streams.value[0]
            stream.unpin(used: 0)
            let isSame = stream.pinnedAddress() == address
            stream.unpin(used: 30)
            return [[isSame ? 1 : 0], stream.takeChunk() ?? [], stream.takeChunk() ?? []]
        }
        run.expect(kept[0], equals: [1], "pinned bytes moved")
        run.expect(kept[1] + kept[2], equals: Array(pattern[30...]), "pinned bytes changed")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        run.expect(try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    @Sendable
    static func lentForLong(_ run: ConformanceRun) throws {
        // Wrong: as many readers who have stopped as there are buffers, each with bytes that are
        // being sent to it, stop all other connections of the loop.
        var options = LoopOptions()
        options.receiveBufferCount = 4
        options.receiveBufferByteCount = 100
        options.receiveCredit = 4
        let rig = try LoopRig(run, options: options)
        let pairs = try (0..<6).map { _ in try Wires.pair() }
        let streams = try rig.call { loop in
            Carried(pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) })
        }
        let pattern = Wires.pattern(100)
        for index in 0..<5 {
            try Wires.send(pattern, to: pairs[index].1)
            try rig.call { _ in streams.value[index].start() }
            try run.wait("bytes to lend") {
                try rig.call { _ in streams.value[index].heldByteCount } == 100
            }
            _ = try rig.call { _ in streams.value[index].pinnedAddress() }
        }
        let served = Board(0)
        try Wires.send([5], to: pairs[5].1)
        try rig.call { _ in
            streams.value[5].start()
            streams.value[5].whenReady { served.update { $0 += 1 } }
        }
        run.expect(served, becomes: { $0 == 1 }, "a stream waits behind bytes that are lent")
        let kept = try rig.call { loop in
            let kept = (0..<5).map { index in
                streams.value[index].unpin(used: 0)
                return streams.value[index].takeChunk() ?? []
            }
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
            return kept
        }
        for bytes in kept { run.expect(bytes, equals: pattern, "lent bytes changed") }
        run.expect(try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }
}
