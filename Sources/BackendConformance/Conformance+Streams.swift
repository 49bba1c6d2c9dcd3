// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension ConformanceSuite {
    static let creditChecks = [
        ConformanceCheck("credit: pauses at the limit, goes on at half, in order", creditPauses),
        ConformanceCheck("credit: a slow reader starves nobody", creditIsolates),
        ConformanceCheck("credit: a stream that is read slowly does not grow", creditSteady),
        ConformanceCheck("buffers: dry, then served again in turn", buffersInTurn),
        ConformanceCheck("buffers: a stream that nobody reads makes way", buffersMakeWay),
    ]

    static let stoppingChecks = [
        ConformanceCheck("stop: everything is answered and reaped", stopReaps),
        ConformanceCheck("stop: jobs before run, after run is refused", stopRefuses),
        ConformanceCheck("stop: before the loop began", stopEarly),
    ]

    static func smallBuffers(count: Int, credit: Int) -> LoopOptions {
        var options = LoopOptions()
        options.receiveBufferCount = count
        options.receiveBufferByteCount = 100
        options.receiveCredit = credit
        return options
    }

    @Sendable
    static func creditPauses(_ run: ConformanceRun) throws {
        // Wrong: a slow reader takes all buffers, or its bytes change order around the pause.
        let rig = try LoopRig(run, options: smallBuffers(count: 256, credit: 8))
        let (near, far) = try Wires.pair()
        let pattern = Wires.pattern(60_000)
        let stream = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            return Carried(stream)
        }
        var sent = 0
        var received: [UInt8] = []
        var mostHeld = 0
        var deadline = run.deadline
        while received.count < pattern.count {  // Ends: bytes come, or none in time.
            try run.require(.now < deadline, "timed out: \(received.count) bytes came")
            sent += Wires.sendSome(pattern[sent...], to: far)
            if sent == pattern.count { _ = millrace_socket_shutdown(far, 1) }
            for _ in 0..<5 {
                let held = try rig.call { _ in stream.value.heldBufferCount }
                mostHeld = max(mostHeld, held)
            }
            let bytes = try rig.call { _ in stream.value.takeChunk() ?? [] }
            if !bytes.isEmpty { deadline = run.deadline }
            received += bytes
            let isOver = try rig.call { _ in stream.value.end != nil && !stream.value.isReady }
            if isOver { break }
        }
        let isSame = received == pattern
        run.expect(isSame, "the bytes differ")
        run.expect(mostHeld >= 8, "the stream was to fill")
        run.expect(mostHeld < 128, "the stream took all buffers: \(mostHeld)")
        let isEnded = Board(false)
        try rig.call { _ in
            stream.value.whenReady { isEnded.update { $0 = true } }
        }
        run.expect(isEnded, becomes: { $0 }, "a reader at the end is not called")
        run.expect(
            try rig.call { _ in stream.value.end }, equals: .finished,
            "a stream did not end in order")
        try rig.call { loop in
            stream.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func creditIsolates(_ run: ConformanceRun) throws {
        // Wrong: one connection that nobody reads stops all others.
        let rig = try LoopRig(run, options: smallBuffers(count: 16, credit: 4))
        let (slow, slowFar) = try Wires.pair()
        let (quick, quickFar) = try Wires.pair()
        let received = Board<[UInt8]>([])
        let streams = try rig.call { loop in
            let streams = [slow, quick].map { ReceiveStream(loop: loop, descriptor: $0) }
            streams.forEach { $0.start() }
            func read() {
                while let bytes = streams[1].takeChunk() { received.update { $0 += bytes } }
                if streams[1].end == nil { streams[1].whenReady { read() } }
            }
            read()
            return Carried(streams)
        }
        _ = Wires.sendSome(Wires.pattern(100_000)[...], to: slowFar)
        let pattern = Wires.pattern(50_000)
        try Wires.send(pattern, to: quickFar)
        run.expect(
            received, becomes: { $0.count == pattern.count }, "a slow reader starved the quick one")
        let isSame = received.read { $0 } == pattern
        run.expect(isSame, "the bytes differ")
        run.expect(
            try rig.call { _ in streams.value[0].heldBufferCount } >= 4,
            "the slow reader's stream was to fill")
        let held = try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for descriptor in [slow, quick] { loop.close(descriptor) }
            return streams.value.map(\.heldByteCount)
        }
        run.expect(held, equals: [0, 0], "stopped streams hold bytes")
        rig.stop()
        for descriptor in [slowFar, quickFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func creditSteady(_ run: ConformanceRun) throws {
        // Wrong: a stream that always holds something grows for ever.
        let rig = try LoopRig(run, options: smallBuffers(count: 16, credit: 8))
        let (near, far) = try Wires.pair()
        let stream = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            return Carried(stream)
        }
        // A message fills a buffer, so that each is a piece of its own.
        func message(_ round: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 100)
        }
        for round in 0..<300 {
            try Wires.send(message(round), to: far)
            try run.wait("a message") {
                try rig.call { _ in stream.value.heldBufferCount } >= min(round + 1, 6)
            }
            // Five stay behind the first one: the list is never empty, and never begins anew.
            if round < 5 { continue }
            let bytes = try rig.call { _ in stream.value.takeChunk() ?? [] }
            run.expect(bytes, equals: message(round - 5), "a stream's bytes are out of order")
        }
        run.expect(
            try rig.call { _ in stream.value.slotCount } <= 64, "a stream's list of buffers grows")
        try rig.call { loop in
            stream.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func buffersInTurn(_ run: ConformanceRun) throws {
        // Wrong: a stream that found no buffer is never served again, or always the last.
        let rig = try LoopRig(run, options: smallBuffers(count: 4, credit: 4))
        let pairs = try (0..<6).map { _ in try Wires.pair() }
        let received = Board<[[UInt8]]>(Array(repeating: [], count: pairs.count))
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams.forEach { $0.start() }
            return Carried(streams)
        }
        let pattern = Wires.pattern(2000)
        for pair in pairs { try Wires.send(pattern, to: pair.1) }
        _ = try rig.call { _ in 0 }
        try rig.call { _ in
            for (index, stream) in streams.value.enumerated() {
                func read() {
                    if let bytes = stream.takeChunk() { received.update { $0[index] += bytes } }
                    if stream.end == nil { stream.whenReady { read() } }
                }
                stream.whenReady { read() }
            }
        }
        run.expect(
            received, becomes: { $0.allSatisfy { $0 == pattern } },
            "streams starved: \(received.read { $0.map(\.count) }) bytes of \(pattern.count) each")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    @Sendable
    static func buffersMakeWay(_ run: ConformanceRun) throws {
        // Wrong: connections that nobody reads keep the buffers, and all others of the loop wait
        // for ever; or their own bytes are lost when they make way.
        let rig = try LoopRig(run, options: smallBuffers(count: 2, credit: 2))
        let pairs = try (0..<4).map { _ in try Wires.pair() }
        let (other, otherFar) = try Wires.pair()
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams[0].start()
            // One that came and went, and is stopped twice, takes no other from the list.
            let gone = ReceiveStream(loop: loop, descriptor: other)
            gone.start()
            for _ in 0..<2 { gone.stop() }
            // Nor does one that never began.
            ReceiveStream(loop: loop, descriptor: other).stop()
            loop.close(other)
            return Carried(streams)
        }
        let pattern = Wires.pattern(200)
        try Wires.send(pattern, to: pairs[0].1)
        try run.wait("both buffers held") {
            try rig.call { _ in streams.value[0].heldByteCount } == 200
        }
        for pair in pairs[1...] { try Wires.send([5], to: pair.1) }
        let served = Board(0)
        try rig.call { _ in
            for stream in streams.value[1...] {
                stream.start()
                stream.whenReady { served.update { $0 += 1 } }
            }
        }
        run.expect(served, becomes: { $0 == 3 }, "streams wait behind one that nobody reads")
        // Those of the first stream, and at most the others' three.
        let spilled = try rig.call { $0.statistics.spilledBytes }
        run.expect((200...203).contains(spilled), "\(spilled) bytes moved out of the buffers")
        let kept = try rig.call { _ in
            (0..<2).flatMap { _ in streams.value[0].takeChunk() ?? [] }
        }
        run.expect(kept, equals: pattern, "the bytes that made way are not the ones that came")
        let held = try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
            return streams.value.map(\.heldByteCount)
        }
        run.expect(held, equals: [0, 0, 0, 0], "stopped streams hold bytes")
        run.expect(
            try rig.call { $0.heldBuffers }, equals: 0, "buffers are missing at the end")
        rig.stop()
        for descriptor in pairs.map(\.1) + [otherFar] { Wires.close(descriptor) }
    }

    // MARK: Stopping

    @Sendable
    static func stopReaps(_ run: ConformanceRun) throws {
        // Wrong: a stopped loop leaves the kernel writing into freed memory, or its owners waiting.
        let rig = try LoopRig(run, options: smallBuffers(count: 8, credit: 4))
        let (listener, address) = try Wires.listener(backlog: 0)
        let fillers = try (0..<4).map { _ in try Wires.connect(to: address) }
        let (near, far) = try Wires.pair()
        let (reader, writer) = try Wires.pipe()
        let over = Board<[String]>([])
        let connecting = try Wires.socket()
        let target = UnsafeMutablePointer<millrace_address>.allocate(capacity: 1)
        unsafe target.initialize(to: address)  // SAFETY: just allocated.
        let place = unsafe Carried(target)  // SAFETY: the loop ends before it is freed.
        let stream = try rig.call { loop in
            // SAFETY: as above.
            unsafe loop.start(.connect(descriptor: connecting, address: place.value)) {
                over.update { $0.append("connect") }
                run.expect(
                    $0.result, equals: -Int32(MILLRACE_ECANCELED),
                    "stopping a loop did not cancel its connect")
            }
            refuseWhenOver(loop, polling: reader, over, run)
            loop.after(nanoseconds: 60_000_000_000) { isStopped in
                if isStopped { over.update { $0.append("timer") } }
            }
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            return Carried(stream)
        }
        try Wires.send(Wires.pattern(250), to: far)
        try run.wait("held buffers") {
            try rig.call { _ in stream.value.heldBufferCount } >= 2
        }
        try rig.call { loop in
            stream.value.whenReady { over.update { $0.append("ready") } }
            _ = loop.post(closure: {
                stream.value.whenReady {
                    over.update { $0.append("end") }
                    stream.value.stop()
                    loop.close(near)
                }
                while stream.value.takeChunk() != nil {}
            })
        }
        let file = OpenFile(near)
        rig.stop()
        guard rig.isOver else { return }  // Noted; the loop may still use what is named here.
        run.expect(stream.value.end != nil, "a stopped loop left a stream without an end")
        let names = Set(over.read { $0 })
        run.expect(
            names.isSuperset(of: ["connect", "poll", "timer", "ready", "end"]),
            "not everything was answered before the loop ended, only \(names)")
        run.expect(
            rig.loop.operationCount == 0 && rig.loop.timerCount == 0,
            "something is still under way after the loop's end")
        run.expect(
            rig.loop.statistics.staleCompletions, equals: 0,
            "completions came for operations that were over")
        run.expect(
            !file.isOpen, "a descriptor that was closed while the loop stopped is open")
        run.expect(
            try Wires.receive(1, from: far).isEmpty,
            "the peer of a descriptor that was closed while the loop stopped does not read the end")
        unsafe target.deallocate()  // SAFETY: the loop is over.
        for descriptor in fillers + [listener, connecting, far, reader, writer] {
            Wires.close(descriptor)
        }
    }

    /// Polls until the loop stops, and then tries to begin something new.
    private static func refuseWhenOver(
        _ loop: EventLoop, polling reader: Int32, _ over: Board<[String]>, _ run: ConformanceRun
    ) {
        // SAFETY: no memory is named.
        unsafe loop.start(.poll(descriptor: reader, events: 1)) { _ in
            over.update { $0.append("poll") }
            // SAFETY: no memory is named.
            let refused = unsafe loop.start(.poll(descriptor: reader, events: 1)) { _ in }
            run.expect(refused == nil, "an operation was taken while the loop stops")
            run.expect(
                loop.refusalCode, equals: Int32(MILLRACE_ECANCELED),
                "why a loop that stops takes nothing")
            run.expect(
                loop.after(nanoseconds: 1) { _ in } == nil,
                "a timer was taken while the loop stops")
        }
    }

    @Sendable
    static func stopRefuses(_ run: ConformanceRun) throws {
        // Wrong: a job that was accepted does not run, or one that was refused does.
        for round in 0..<20 {
            var options = LoopOptions()
            options.inboxCapacity = round % 2 == 0 ? 4 : 1024
            let rig = try LoopRig(run, options: options)
            let ran = Board(0)
            var accepted = 0
            for number in 0..<2000 {
                if number == 100 { rig.loop.stop() }
                if rig.post({ ran.update { $0 += 1 } }) { accepted += 1 }
            }
            rig.stop()
            run.expect(
                ran.read { $0 }, equals: accepted,
                "the number of jobs that ran is not the number of those that were accepted")
            run.expect(rig.post {} == false, "a job was accepted after the end")
        }
    }

    @Sendable
    static func stopEarly(_ run: ConformanceRun) throws {
        // Wrong: a stop that comes before the first turn is forgotten.
        let loop = EventLoop(try run.open())
        let ran = Board(false)
        let isPosted = loop.post(closure: { ran.update { $0 = true } })
        run.expect(isPosted, "a job was refused before the loop ran")
        loop.stop()
        try loop.run()
        run.expect(ran.read { $0 }, "a job that was posted before the stop did not run")
        run.expect(EventLoop.current == nil, "a thread that ran a loop still has it")
    }
}

/// Carries a value to and from the loop's thread, where alone it is touched.
struct Carried<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
