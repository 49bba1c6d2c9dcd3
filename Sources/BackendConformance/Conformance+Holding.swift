// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// What a stream holds, for how long, and what it gives up.
extension ConformanceSuite {
    static let holdingChecks = [
        ConformanceCheck("credit: a stream that nobody reads keeps to it", creditKept),
        ConformanceCheck("credit: of one byte", creditOfOneByte),
        ConformanceCheck("buffers: bytes behind those that made way", behindSpilled),
        ConformanceCheck("lending: a stopped stream keeps what it has lent", lentWhenStopped),
        ConformanceCheck("lending: what is lent stays where it is", lentInPlace),
        ConformanceCheck("limits: a stream that was refused is no hindrance", refusedStream),
        ConformanceCheck("loop: a stopped stream is forgotten", stoppedStream),
        ConformanceCheck("buffers: bytes at the same place of two buffers", samePlace),
        ConformanceCheck("loop: a stream that was stopped before its end came", stoppedBeforeEnd),
    ]

    @Sendable
    static func creditKept(_ run: ConformanceRun) throws {
        // Wrong: a stream that runs dry at its credit is begun again and again, its own bytes make
        // way for more of them, and memory grows for a reader that has stopped.
        let rig = try LoopRig(run, options: smallBuffers(count: 4, credit: 4))
        let (near, far) = try Wires.pair()
        let stream = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            return Carried(stream)
        }
        _ = Wires.sendSome(Wires.pattern(100_000)[...], to: far)
        try run.wait("all buffers to be held") {
            try rig.call { _ in stream.value.heldByteCount } >= 400
        }
        for _ in 0..<20 {
            let held = try rig.call { _ in stream.value.heldByteCount }
            run.expect(held <= 400, "\(held) bytes are held of at most 400")
        }
        run.expect(
            try rig.call { $0.statistics.spilledBytes }, equals: 0,
            "a stream made way for its own bytes")
        try rig.call { loop in
            stream.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func creditOfOneByte(_ run: ConformanceRun) throws {
        // Wrong: a stream with the smallest credit pauses behind its first bytes for ever.
        let rig = try LoopRig(run, options: smallBuffers(count: 64, credit: 16))
        let (near, far) = try Wires.pair()
        let received = Board<[UInt8]>([])
        let stream = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near, creditByteCount: 1)
            stream.start()
            func read() {
                while let bytes = stream.takeChunk() { received.update { $0 += bytes } }
                if stream.end == nil { stream.whenReady { read() } }
            }
            read()
            return Carried(stream)
        }
        let pattern = Wires.pattern(5000)
        try Wires.send(pattern, to: far)
        run.expect(
            received, becomes: { $0.count == pattern.count }, "the stream did not go on")
        run.expect(received.read { $0 }, equals: pattern, "received with a credit of a byte")
        try rig.call { loop in
            stream.value.cancelWaiter()
            stream.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func behindSpilled(_ run: ConformanceRun) throws {
        // Wrong: bytes that come into a buffer behind ones that made way are taken for a part of
        // where those went, and the reader reads behind its end.
        let rig = try LoopRig(run, options: smallBuffers(count: 2, credit: 4))
        let pairs = try (0..<2).map { _ in try Wires.pair() }
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams.forEach { $0.start() }
            return Carried(streams)
        }
        func send(_ bytes: [UInt8], to index: Int, held: Int) throws {
            try Wires.send(bytes, to: pairs[index].1)
            try run.wait("bytes") {
                try rig.call { _ in streams.value[index].heldByteCount } == held
            }
        }
        // One of two buffers is out: what is lent now makes way first.
        try send(Wires.pattern(100), to: 1, held: 100)
        let pattern = Wires.pattern(20)
        try send(Array(pattern[..<10]), to: 0, held: 10)
        try rig.call { _ in
            _ = streams.value[0].pinnedAddress()
            streams.value[0].unpin(used: 0)
        }
        try send(Array(pattern[10...]), to: 0, held: 20)
        let kept = try rig.call { _ in
            var kept: [UInt8] = []
            while let bytes = streams.value[0].takeChunk() { kept += bytes }
            return kept
        }
        run.expect(kept, equals: pattern, "what made way, and what came behind it")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        run.expect(try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    @Sendable
    static func lentWhenStopped(_ run: ConformanceRun) throws {
        // Wrong: a stream that is stopped gives back what the kernel still sends from.
        let rig = try LoopRig(run, options: smallBuffers(count: 4, credit: 4))
        let (near, far) = try Wires.pair()
        let stream = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            return Carried(stream)
        }
        try Wires.send(Wires.pattern(100), to: far)
        try run.wait("bytes to lend") {
            try rig.call { _ in stream.value.heldByteCount } == 100
        }
        let held = try rig.call { loop in
            let stream = stream.value
            let isLent = stream.pinnedAddress() != 0
            stream.stop()
            loop.close(near)
            let lent = loop.heldBuffers
            if isLent { stream.unpin(used: 0) }
            return [lent, loop.heldBuffers]
        }
        run.expect(held, equals: [1, 0], "buffers held while they are lent, and behind that")
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func lentInPlace(_ run: ConformanceRun) throws {
        // Wrong: when buffers run out, bytes move from where the kernel sends them.
        let rig = try LoopRig(run, options: smallBuffers(count: 4, credit: 4))
        let pairs = try (0..<4).map { _ in try Wires.pair() }
        let pattern = Wires.pattern(100)
        // The loop asks who came last first: those that lend before the one that can make way.
        let streams = try rig.call { loop in
            let streams = pairs.map {
                // The first is content with what it gets below.
                ReceiveStream(loop: loop, descriptor: $0.0, credit: $0.0 == pairs[0].0 ? 2 : nil)
            }
            streams[..<3].forEach { $0.start() }
            return Carried(streams)
        }
        var addresses: [UInt] = []
        for index in 1...2 {
            try Wires.send(pattern, to: pairs[index].1)
            try run.wait("bytes to lend") {
                try rig.call { _ in streams.value[index].heldByteCount } == 100
            }
            addresses.append(try rig.call { _ in streams.value[index].pinnedAddress() })
        }
        try Wires.send(Wires.pattern(200), to: pairs[0].1)
        try run.wait("the other buffers to be held") {
            try rig.call { _ in streams.value[0].heldByteCount } == 200
        }
        run.expect(try rig.call { $0.heldBuffers }, equals: 4, "buffers held")
        let served = Board(false)
        try Wires.send([5], to: pairs[3].1)
        try rig.call { _ in
            streams.value[3].start()
            streams.value[3].whenReady { served.update { $0 = true } }
        }
        run.expect(served, becomes: { $0 }, "a stream waits behind bytes that are lent")
        for (index, address) in addresses.enumerated() {
            let (lent, kept) = try rig.call { _ in
                // SAFETY: lent until `unpin`.
                let lent = unsafe Array(
                    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: 100)
                )
                streams.value[index + 1].unpin(used: 0)
                return (lent, streams.value[index + 1].takeChunk() ?? [])
            }
            run.expect(lent, equals: pattern, "where bytes were lent, others lie")
            run.expect(kept, equals: pattern, "lent bytes changed")
        }
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        run.expect(try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    @Sendable
    static func refusedStream(_ run: ConformanceRun) throws {
        // Wrong: a stream that the loop has refused is listed with each attempt to start it, and
        // who looks for buffers goes round for ever.
        var options = smallBuffers(count: 2, credit: 2)
        options.operationsMax = 4
        let rig = try LoopRig(run, options: options)
        let pairs = try (0..<4).map { _ in try Wires.pair() }
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams[0].start()
            return Carried(streams)
        }
        try Wires.send(Wires.pattern(200), to: pairs[0].1)
        try run.wait("both buffers held, and no more asked for") {
            try rig.call { streams.value[0].heldByteCount == 200 && $0.operationCount == 0 }
        }
        let (reader, writer) = try Wires.pipe()
        let end = try rig.call { loop in
            // SAFETY: no memory is named.
            let polls = (0..<4).map { _ in
                unsafe loop.start(.poll(descriptor: reader, events: 1)) { _ in }
            }
            for _ in 0..<3 { streams.value[1].start() }
            // One that is stopped by whoever is told of the refusal.
            streams.value[3].whenReady { streams.value[3].stop() }
            streams.value[3].start()
            for id in polls { if let id { loop.cancel(id) } }
            return streams.value[1].end
        }
        run.expect(end, equals: .failed(Int32(MILLRACE_ENOBUFS)), "a full table took a stream")
        try run.wait("polls to end") { try rig.call { $0.operationCount } == 0 }
        let served = Board(false)
        try Wires.send([5], to: pairs[2].1)
        try rig.call { _ in
            streams.value[2].start()
            streams.value[2].whenReady { served.update { $0 = true } }
        }
        run.expect(served, becomes: { $0 }, "a stream waits behind one that was refused")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        run.expect(try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for descriptor in pairs.map(\.1) + [reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func stoppedStream(_ run: ConformanceRun) throws {
        // Wrong: memory grows with each connection that comes and goes.
        let rig = try LoopRig(run)
        let (near, far) = try Wires.pair()
        try Wires.send([1, 2, 3], to: far)
        let reference = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            stream.whenEnded {}
            let answers = [stream.cancelWaiter(), stream.cancelWaiter()]
            run.expect(answers, equals: [true, false], "a waiter that is forgotten, and then none")
            return Carried(WeakStream(stream))
        }
        try run.wait("bytes") { try rig.call { _ in reference.value.stream?.heldByteCount } == 3 }
        try rig.call { loop in
            reference.value.stream?.stop()
            loop.close(near)
        }
        try run.wait("operations to end") { try rig.call { $0.operationCount } == 0 }
        run.expect(
            try rig.call { _ in reference.value.stream == nil }, "a stopped stream is kept")
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func samePlace(_ run: ConformanceRun) throws {
        // Wrong: bytes that lie in another buffer, where the last ones end in theirs, are taken for
        // a part of these: who reads one connection gets what came on another.
        let rig = try LoopRig(run, options: smallBuffers(count: 4, credit: 4))
        let pairs = try (0..<2).map { _ in try Wires.pair() }
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams.forEach { $0.start() }
            return Carried(streams)
        }
        let pattern = Wires.pattern(120)
        var held = [0, 0]
        // A backend that fills piece by piece: ten bytes of the one, and the other's up to the end
        // of the buffer. Then the next buffer, the other way round.
        for (index, range) in [(0, 0..<10), (1, 10..<100), (1, 100..<110), (0, 110..<120)] {
            try Wires.send(Array(pattern[range]), to: pairs[index].1)
            held[index] += range.count
            let sum = held[index]
            try run.wait("bytes") {
                try rig.call { _ in streams.value[index].heldByteCount } == sum
            }
        }
        let received = try rig.call { _ in
            streams.value.map { stream in
                var bytes: [UInt8] = []
                while let chunk = stream.takeChunk() { bytes += chunk }
                return bytes
            }
        }
        run.expect(received[0], equals: Array(pattern[..<10] + pattern[110...]), "the one's bytes")
        run.expect(received[1], equals: Array(pattern[10..<110]), "the other's bytes")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        run.expect(try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    @Sendable
    static func stoppedBeforeEnd(_ run: ConformanceRun) throws {
        // Wrong: a stream takes an end that was on its way when it was stopped for its own: who was
        // told of the stop reads a cut message as a whole one.
        let rig = try LoopRig(run)
        let pairs = try (0..<2).map { _ in try Wires.pair() }
        try Wires.send([1], to: pairs[0].1)
        Wires.close(pairs[1].1)
        let isStopped = Board(false)
        // Both are ready: the byte and the other's end come in one turn, in this order.
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams[0].whenReady {
                streams[1].stop()
                isStopped.update { $0 = true }
            }
            streams.forEach { $0.start() }
            return Carried(streams)
        }
        run.expect(isStopped, becomes: { $0 }, "the byte did not come")
        try run.wait("the stopped stream's operation to end") {
            try rig.call { $0.operationCount } <= 1
        }
        run.expect(
            try rig.call { _ in streams.value[1].end }, equals: .failed(Int32(MILLRACE_ECANCELED)),
            "the end of a stream that was stopped")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        rig.stop()
        Wires.close(pairs[0].1)
    }
}

/// A stream that others keep, or do not.
private final class WeakStream {
    private(set) weak var stream: ReceiveStream?
    init(_ stream: ReceiveStream) { self.stream = stream }
}
