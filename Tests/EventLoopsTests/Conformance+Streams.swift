// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

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

    private static func smallBuffers(count: Int, credit: Int) -> LoopOptions {
        var options = LoopOptions()
        options.receiveBufferCount = count
        options.receiveBufferByteCount = 100
        options.receiveCredit = credit
        return options
    }

    @Sendable
    static func creditPauses(_ factory: BackendFactory) throws {
        // Wrong: a slow reader takes all buffers, or its bytes change order around the pause.
        let rig = try LoopRig(factory, options: smallBuffers(count: 256, credit: 8))
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
        while received.count < pattern.count {
            sent += Wires.sendSome(pattern[sent...], to: far)
            if sent == pattern.count { _ = millrace_socket_shutdown(far, 1) }
            for _ in 0..<5 {
                let held = try rig.call { _ in stream.value.heldBufferCount }
                mostHeld = max(mostHeld, held)
            }
            let bytes = try rig.call { _ in stream.value.takeChunk() ?? [] }
            received += bytes
            let isOver = try rig.call { _ in stream.value.end != nil && !stream.value.isReady }
            if isOver { break }
        }
        let isSame = received == pattern
        #expect(isSame, "the bytes differ")
        #expect(mostHeld >= 8, "the stream was to fill")
        #expect(mostHeld < 128, "the stream took all buffers: \(mostHeld)")
        let isEnded = Board(false)
        try rig.call { _ in
            stream.value.whenReady { isEnded.update { $0 = true } }
        }
        #expect(isEnded.wait { $0 ? true : nil } == true)
        #expect(try rig.call { _ in stream.value.end } == .finished)
        try rig.call { loop in
            stream.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func creditIsolates(_ factory: BackendFactory) throws {
        // Wrong: one connection that nobody reads stops all others.
        let rig = try LoopRig(factory, options: smallBuffers(count: 16, credit: 4))
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
        #expect(received.wait { $0.count == pattern.count ? true : nil } == true)
        let isSame = received.read { $0 } == pattern
        #expect(isSame, "the bytes differ")
        #expect(try rig.call { _ in streams.value[0].heldBufferCount } >= 4)
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for descriptor in [slow, quick] { loop.close(descriptor) }
        }
        rig.stop()
        for descriptor in [slowFar, quickFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func creditSteady(_ factory: BackendFactory) throws {
        // Wrong: a stream that always holds something grows for ever.
        let rig = try LoopRig(factory, options: smallBuffers(count: 16, credit: 8))
        let (near, far) = try Wires.pair()
        let stream = try rig.call { loop in
            let stream = ReceiveStream(loop: loop, descriptor: near)
            stream.start()
            return Carried(stream)
        }
        for round in 0..<300 {
            try Wires.send([UInt8(truncatingIfNeeded: round)], to: far)
            var turnsLeft = 100_000
            while try rig.call({ _ in stream.value.heldBufferCount }) < (round == 0 ? 1 : 2) {
                turnsLeft -= 1
                if turnsLeft == 0 { throw TestTimeout(what: "a byte") }
            }
            if round == 0 { continue }
            let byte = try rig.call { _ in stream.value.takeChunk() }
            #expect(byte == [UInt8(truncatingIfNeeded: round - 1)])
        }
        #expect(try rig.call { _ in stream.value.slotCount } <= 64)
        try rig.call { loop in
            stream.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func buffersInTurn(_ factory: BackendFactory) throws {
        // Wrong: a stream that found no buffer is never served again, or always the last.
        let rig = try LoopRig(factory, options: smallBuffers(count: 4, credit: 4))
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
        let isComplete = received.wait { all in
            all.allSatisfy { $0 == pattern } ? true : nil
        }
        #expect(isComplete == true, "\(received.read { $0.map(\.count) })")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    @Sendable
    static func buffersMakeWay(_ factory: BackendFactory) throws {
        // Wrong: connections that nobody reads keep the buffers, and all others of the loop wait
        // for ever; or their own bytes are lost when they make way.
        let rig = try LoopRig(factory, options: smallBuffers(count: 2, credit: 2))
        let pairs = try (0..<4).map { _ in try Wires.pair() }
        let streams = try rig.call { loop in
            let streams = pairs.map { ReceiveStream(loop: loop, descriptor: $0.0) }
            streams[0].start()
            return Carried(streams)
        }
        let pattern = Wires.pattern(200)
        try Wires.send(pattern, to: pairs[0].1)
        try waitFor("both buffers held") {
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
        #expect(served.wait(seconds: 3) { $0 == 3 ? true : nil } == true)
        #expect(try rig.call { $0.statistics.bufferShortages } > 0)
        #expect(try rig.call { $0.statistics.spilledBytes } > 0)
        let kept = try rig.call { _ in
            (0..<2).flatMap { _ in streams.value[0].takeChunk() ?? [] }
        }
        #expect(kept == pattern, "the bytes that made way")
        try rig.call { loop in
            streams.value.forEach { $0.stop() }
            for pair in pairs { loop.close(pair.0) }
        }
        #expect(try rig.call { $0.heldBuffers } == 0)
        rig.stop()
        for pair in pairs { Wires.close(pair.1) }
    }

    static func waitFor(_ what: String, _ condition: () throws -> Bool) throws {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while try !condition() {  // Ends at the deadline.
            if MonotonicInstant.now > deadline { throw TestTimeout(what: what) }
            millrace_thread_yield()
        }
    }

    // MARK: Stopping

    @Sendable
    static func stopReaps(_ factory: BackendFactory) throws {
        // Wrong: a stopped loop leaves the kernel writing into freed memory, or its owners waiting.
        let rig = try LoopRig(factory, options: smallBuffers(count: 8, credit: 4))
        let (listener, address) = try Wires.listener(backlog: 0)
        let fillers = try (0..<4).map { _ in try Wires.connect(to: address) }
        let (near, far) = try Wires.pair()
        let (reader, writer) = try Wires.pipe()
        let over = Board<[String]>([])
        let connecting = try Wires.socket()
        let target = UnsafeMutablePointer<millrace_address>.allocate(capacity: 1)
        unsafe target.initialize(to: address)  // SAFETY: just allocated.
        let place = unsafe Carried(target)  // SAFETY: the loop ends before it is freed.
        do {
            let stream = try rig.call { loop in
                // SAFETY: as above.
                unsafe loop.start(.connect(descriptor: connecting, address: place.value)) {
                    over.update { $0.append("connect") }
                    #expect($0.result == -Int32(MILLRACE_ECANCELED))
                }
                // SAFETY: no memory is named.
                unsafe loop.start(.poll(descriptor: reader, events: 1)) { _ in
                    over.update { $0.append("poll") }
                    // Nothing new begins while the loop stops.
                    // SAFETY: no memory is named.
                    let refused = unsafe loop.start(.poll(descriptor: reader, events: 1)) { _ in }
                    #expect(refused == nil)
                    #expect(loop.after(nanoseconds: 1) { _ in } == nil)
                }
                loop.after(nanoseconds: 60_000_000_000) { isStopped in
                    if isStopped { over.update { $0.append("timer") } }
                }
                let stream = ReceiveStream(loop: loop, descriptor: near)
                stream.start()
                return Carried(stream)
            }
            try Wires.send(Wires.pattern(250), to: far)
            try waitFor("held buffers") {
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
            rig.stop()
            #expect(stream.value.end != nil)
        }
        let names = Set(over.read { $0 })
        #expect(names.isSuperset(of: ["connect", "poll", "timer", "ready", "end"]), "\(names)")
        #expect(rig.loop.operationCount == 0 && rig.loop.timerCount == 0)
        #expect(rig.loop.statistics.staleCompletions == 0)
        #expect(!Wires.isOpen(near), "a close during the stop is done")
        #expect(try Wires.receive(1, from: far).isEmpty, "the socket was really closed")
        unsafe target.deallocate()  // SAFETY: the loop is over.
        for descriptor in fillers + [listener, connecting, far, reader, writer] {
            Wires.close(descriptor)
        }
    }

    @Sendable
    static func stopRefuses(_ factory: BackendFactory) throws {
        // Wrong: a job that was accepted does not run, or one that was refused does.
        for round in 0..<20 {
            var options = LoopOptions()
            options.inboxCapacity = round % 2 == 0 ? 4 : 1024
            let rig = try LoopRig(factory, options: options)
            let ran = Board(0)
            var accepted = 0
            for number in 0..<2000 {
                if number == 100 { rig.loop.stop() }
                if rig.post({ ran.update { $0 += 1 } }) { accepted += 1 }
            }
            rig.stop()
            #expect(ran.read { $0 } == accepted)
            #expect(rig.post {} == false, "a job was accepted after the end")
        }
    }

    @Sendable
    static func stopEarly(_ factory: BackendFactory) throws {
        // Wrong: a stop that comes before the first turn is forgotten.
        let loop = EventLoop(try factory(LoopOptions()))
        let ran = Board(false)
        let isPosted = loop.post(closure: { ran.update { $0 = true } })
        #expect(isPosted)
        loop.stop()
        try loop.run()
        #expect(ran.read { $0 })
        #expect(EventLoop.current == nil)
    }
}

/// Carries a value to and from the loop's thread, where alone it is touched.
struct Carried<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
