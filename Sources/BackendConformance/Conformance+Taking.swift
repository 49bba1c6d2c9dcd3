// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension ConformanceSuite {
    static let takingChecks = [
        ConformanceCheck("datagrams: taken by somebody else, waited for again", datagramsTaken),
        ConformanceCheck("datagrams: closed when one is there", datagramsClosed),
        ConformanceCheck("send: without a copy, beside datagrams", copylessBesideDatagrams),
        ConformanceCheck("buffers: a shortage does not come again", buffersGrow),
        ConformanceCheck("buffers: all come back, and all are used", buffersComeBack),
        ConformanceCheck("cancel: of what is over, leaves nothing behind", cancelNothing),
        ConformanceCheck("send: without a copy, on a Unix socket", largeUnixSends),
    ]

    @Sendable
    static func datagramsTaken(_ run: ConformanceRun) throws {
        // Wrong: a receive whose datagram somebody else took fails, is forgotten, or cannot be
        // given up.
        let driver = try BackendDriver(run, options: QueueFiller.options)
        driver.turn(milliseconds: 0)
        let filler = try QueueFiller(driver)
        let (near, far) = try Wires.datagramPair()
        let (near2, far2) = try Wires.datagramPair()
        /// A receive that is told of a datagram, which is gone when it looks.
        func tempt(_ far: Int32, _ near: Int32, _ room: DatagramRoom) throws -> OperationID {
            let receive = driver.receiveDatagrams(room, on: far)
            try Wires.send([1], to: near)
            try Wires.ready(far, UInt32(MILLRACE_POLLIN))
            filler.fill()  // io_uring finds the socket readable now.
            run.expect(try Wires.receive(1, from: far), equals: [1], "the datagram did not come")
            return receive
        }
        let room = DatagramRoom(count: 1, byteCount: 100)
        let room2 = DatagramRoom(count: 1, byteCount: 100)

        let again = try tempt(far, near, room)
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        run.expect(!driver.isOver(again), "a receive ended although nothing was left")
        try Wires.send([2], to: near)
        run.expect(try driver.result(of: again), equals: 1, "one datagram was sent")
        run.expect(room[0], equals: [2], "a datagram is not as it was sent")

        let cancelled = try tempt(far, near, room)
        driver.backend.cancel(cancelled)
        run.expect(
            try driver.result(of: cancelled), equals: -Int32(MILLRACE_ECANCELED),
            "a cancelled receive did not say so")
        // Nobody waits: a receive that goes on would take it, and complete again.
        try Wires.send([3], to: near)
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        run.expect(Wires.receiveSome(from: far), equals: [3], "a cancelled receive went on")

        let first = try tempt(far, near, room)
        let second = try tempt(far2, near2, room2)
        driver.backend.cancelAll(on: far)
        run.expect(
            try driver.result(of: first), equals: -Int32(MILLRACE_ECANCELED),
            "cancelling all on a descriptor did not end a receive")
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        run.expect(!driver.isOver(second), "the receive of another descriptor ended")
        try Wires.send([4], to: near2)
        run.expect(try driver.result(of: second), equals: 1, "one datagram was sent")

        try filler.end()
        for descriptor in [near, far, near2, far2] {
            _ = try driver.result(of: driver.close(descriptor))
        }
    }

    @Sendable
    static func datagramsClosed(_ run: ConformanceRun) throws {
        // Wrong: a receive that was cancelled looks at its descriptor's number once more, which is
        // closed or somebody else's by then.
        let driver = try BackendDriver(run, options: QueueFiller.options)
        driver.turn(milliseconds: 0)
        let filler = try QueueFiller(driver)
        let (near, far) = try Wires.datagramPair()
        let room = DatagramRoom(count: 1, byteCount: 100)
        let receive = driver.receiveDatagrams(room, on: far)
        try Wires.send([1], to: near)
        try Wires.ready(far, UInt32(MILLRACE_POLLIN))
        filler.fill()  // io_uring finds the socket readable now.
        let closing = driver.close(far)
        let result = try driver.result(of: receive)
        run.expect(
            result == 1 || result == -Int32(MILLRACE_ECANCELED),
            "a receive of a socket that was closed: \(result)")
        run.expect(try driver.result(of: closing), equals: 0, "closing failed")
        try filler.end()
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func copylessBesideDatagrams(_ run: ConformanceRun) throws {
        // Wrong: a send is told twice, and its memory given up before the kernel has let go of it.
        var options = LoopOptions()
        options.zeroCopyByteCountMin = 1
        let driver = try BackendDriver(run, options: options)
        let (near, far) = try Wires.pair()
        let (other, waiting) = try Wires.datagramPair()
        let room = DatagramRoom(count: 1, byteCount: 100)
        let receive = driver.receiveDatagrams(room, on: waiting)
        driver.turn(milliseconds: 1)
        let pattern = Wires.pattern(5000)
        let send = driver.send(pattern, to: near)
        run.expect(try driver.result(of: send), equals: 5000, "a small send was cut")
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        run.expect(driver.count(of: send), equals: 1, "a send was told twice")
        run.expect(try Wires.receive(5000, from: far), equals: pattern, "the bytes are wrong")
        driver.backend.cancel(receive)
        _ = try driver.result(of: receive)
        for descriptor in [near, other, waiting] {
            _ = try driver.result(of: driver.close(descriptor))
        }
        Wires.close(far)
    }

    @Sendable
    static func buffersGrow(_ run: ConformanceRun) throws {
        // Wrong: a loop that has buffers ends streams in every turn for want of one.
        var options = LoopOptions()
        options.receiveBufferCount = 64
        options.receiveBufferByteCount = 1024
        let driver = try BackendDriver(run, options: options)
        let pairs = try (0..<16).map { _ in try Wires.pair() }
        var shortages = 0
        for _ in 0..<6 {
            shortages = 0
            for (near, far) in pairs {
                try Wires.send(Wires.pattern(1024), to: far)
                try Wires.ready(near, UInt32(MILLRACE_POLLIN))
            }
            let streams = pairs.map { driver.receiveStream($0.0) }
            try driver.turn(
                until: { streams.allSatisfy { driver.count(of: $0) > 0 } }, "a first completion")
            driver.turn(milliseconds: 1)
            for (index, stream) in streams.enumerated() {
                if !driver.isOver(stream) { driver.backend.cancel(stream) }
                let all = try driver.all(of: stream)
                if all.contains(where: { $0.result == -Int32(MILLRACE_ENOBUFS) }) {
                    shortages += 1
                }
                _ = driver.takeBytes(of: stream)
                _ = Wires.receiveSome(from: pairs[index].0)
            }
        }
        run.expect(shortages, equals: 0, "streams of sixteen sockets find none of 64 buffers")
        for (near, far) in pairs {
            _ = try driver.result(of: driver.close(near))
            Wires.close(far)
        }
    }

    @Sendable
    static func buffersComeBack(_ run: ConformanceRun) throws {
        // Wrong: every receive costs a buffer until few are left, or a backend
        // never uses more than a few of them.
        var options = LoopOptions()
        options.receiveBufferCount = 16
        options.receiveBufferByteCount = 10
        let driver = try BackendDriver(run, options: options)
        let (early, earlyFar) = try Wires.pair()
        let used = driver.receiveStream(early)
        for round in 0..<40 {
            let message = Wires.pattern(10, from: round)
            try Wires.send(message, to: earlyFar)
            var bytes: [UInt8] = []
            try driver.turn(
                until: {
                    bytes += driver.takeBytes(of: used)
                    return bytes.count >= 10
                }, "a message")
            run.expect(bytes, equals: message, "a message is wrong")
        }
        _ = try driver.result(of: driver.close(early))
        Wires.close(earlyFar)

        // Nobody gives a buffer back: sixteen of them are there.
        let (near, far) = try Wires.pair()
        try Wires.send(Wires.pattern(165), to: far)
        try Wires.ready(near, UInt32(MILLRACE_POLLIN))
        var streams: [OperationID] = []
        var held = 0
        for _ in 0..<20 {
            let stream = driver.receiveStream(near)
            let all = try driver.all(of: stream, "running dry")
            run.expect(
                all.last?.result, equals: -Int32(MILLRACE_ENOBUFS), "a stream did not run dry")
            let count = all.reduce(0) { $0 + max(0, Int($1.result)) }
            streams.append(stream)
            held += count
            if count == 0 { break }
        }
        run.expect(held, equals: 160, "sixteen buffers of ten hold not 160 bytes")
        let bytes = streams.flatMap { driver.takeBytes(of: $0) }
        run.expect(bytes, equals: Wires.pattern(160), "the bytes of dry streams are wrong")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)

        // After a shortage all of them are there for one stream.
        let (last, lastFar) = try Wires.pair()
        try Wires.send(Wires.pattern(165), to: lastFar)
        try Wires.ready(last, UInt32(MILLRACE_POLLIN))
        let stream = driver.receiveStream(last)
        let all = try driver.all(of: stream, "running dry again")
        run.expect(
            all.map(\.result),
            equals: [Int32](repeating: 10, count: 16) + [-Int32(MILLRACE_ENOBUFS)],
            "after a shortage a stream did not find every buffer")
        _ = driver.takeBytes(of: stream)
        _ = try driver.result(of: driver.close(last))
        Wires.close(lastFar)
    }

    @Sendable
    static func cancelNothing(_ run: ConformanceRun) throws {
        // Wrong: each cancellation leaves something behind, and a wake-up costs more
        // and more.
        var options = LoopOptions()
        options.completionQueueCapacity = 8
        let driver = try BackendDriver(run, options: options)
        for round in 0..<64 {
            if round % 2 == 0 {
                driver.backend.cancel(driver.newID())
            } else {
                driver.backend.cancelAll(on: 9_999)
            }
            driver.turn(milliseconds: 0)
        }
        driver.backend.wake()
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        run.expect(
            driver.backend.statistics.completionOverflows, equals: 0,
            "a wake-up brings more than there is room for")
        run.expect(driver.order.isEmpty, "a cancellation of nothing completed something")
    }

    @Sendable
    static func largeUnixSends(_ run: ConformanceRun) throws {
        // Wrong: a connection over a Unix socket breaks with its first large send.
        var options = LoopOptions()
        options.zeroCopyByteCountMin = 2000
        let driver = try BackendDriver(run, options: options)
        let (near, far) = try Wires.unixPair()
        let bytes = Wires.pattern(5000)
        run.expect(
            try driver.result(of: driver.send(bytes, to: near)), equals: 5000,
            "a large send to a Unix socket did not go out")
        let message = driver.sendMessage(
            [Array(bytes[..<1000]), Array(bytes[1000...])], to: near)
        run.expect(
            try driver.result(of: message), equals: 5000,
            "a large message to a Unix socket did not go out")
        run.expect(
            try Wires.receive(10_000, from: far), equals: bytes + bytes,
            "the bytes of large sends are wrong")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }
}
