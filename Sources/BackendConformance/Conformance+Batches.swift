// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension ConformanceSuite {
    static let batchChecks = [
        ConformanceCheck("datagrams: a batch out, a batch in", datagramsTravel),
        ConformanceCheck("datagrams: receiving waits, and is cancelled", datagramsWait),
        ConformanceCheck("datagrams: a refused peer is told", datagramsRefused),
        ConformanceCheck("datagrams: sending waits for room", datagramsNeedRoom),
        ConformanceCheck("sendFile: a file, from a place, in order", filePieces),
        ConformanceCheck("sendFile: waits for room, is cancelled, ends with its peer", fileWaits),
    ]

    @Sendable
    static func datagramsTravel(_ run: ConformanceRun) throws {
        // Wrong: a datagram of a batch is lost, doubled, cut or attributed to another.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.datagramPair()
        let outgoing = DatagramRoom(count: 20, byteCount: 300)
        for index in 0..<20 { outgoing[index] = Wires.pattern(1 + index * 13, from: index) }
        run.expect(
            try driver.result(of: driver.sendDatagrams(outgoing, from: near)), equals: 20,
            "a batch did not go out whole")
        let incoming = DatagramRoom(count: 8, byteCount: 300)
        var next = 0
        while next < 20 {
            let count = try driver.result(of: driver.receiveDatagrams(incoming, on: far))
            try run.require(count > 0 && count <= 8, "received \(count) datagrams of 8 at most")
            for index in 0..<Int(count) {
                run.expect(
                    incoming[index], equals: Wires.pattern(1 + next * 13, from: next),
                    "datagram \(next) is not as it was sent")
                next += 1
            }
        }
        for descriptor in [near, far] { _ = try driver.result(of: driver.close(descriptor)) }
    }

    @Sendable
    static func datagramsWait(_ run: ConformanceRun) throws {
        // Wrong: a receive on an empty socket completes, or sleeps although a datagram came.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.datagramPair()
        let room = DatagramRoom(count: 4, byteCount: 100)
        for round in 0..<20 {
            let receive = driver.receiveDatagrams(room, on: far)
            if round % 2 == 0 { for _ in 0..<3 { driver.turn(milliseconds: 1) } }
            run.expect(!driver.isOver(receive), "a receive ended although nothing came")
            try Wires.send([UInt8(round)], to: near)
            run.expect(try driver.result(of: receive), equals: 1, "one datagram was sent")
            run.expect(room[0], equals: [UInt8(round)], "a datagram is not as it was sent")
        }
        let waiting = driver.receiveDatagrams(room, on: far)
        driver.turn(milliseconds: 1)
        driver.backend.cancel(waiting)
        run.expect(
            try driver.result(of: waiting), equals: -Int32(MILLRACE_ECANCELED),
            "a cancelled receive did not say so")
        let closed = driver.receiveDatagrams(room, on: far)
        driver.turn(milliseconds: 1)
        let closing = driver.close(far)
        run.expect(
            try driver.result(of: closed), equals: -Int32(MILLRACE_ECANCELED),
            "closing did not end a receive")
        run.expect(try driver.result(of: closing), equals: 0, "closing failed")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func datagramsRefused(_ run: ConformanceRun) throws {
        // Wrong: the error of a connected socket is swallowed, and its owner waits for ever.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.datagramPair()
        let room = DatagramRoom(count: 4, byteCount: 100)
        let receive = driver.receiveDatagrams(room, on: near)
        driver.turn(milliseconds: 1)
        Wires.close(far)
        try Wires.send([1], to: near)
        run.expect(
            try driver.result(of: receive), equals: -Int32(MILLRACE_ECONNREFUSED),
            "a port where nobody listens")
        _ = try driver.result(of: driver.close(near))
    }

    @Sendable
    static func datagramsNeedRoom(_ run: ConformanceRun) throws {
        // Wrong: a batch that finds the socket full fails or is forgotten.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.unixDatagramPair()
        let outgoing = DatagramRoom(count: 16, byteCount: 1000)
        for index in 0..<16 { outgoing[index] = [UInt8](repeating: UInt8(index), count: 1000) }
        var sent = 0
        var pending: OperationID?
        while pending == nil {  // Ends: the peer's queue is bounded.
            let send = driver.sendDatagrams(outgoing, from: near)
            for _ in 0..<5 where !driver.isOver(send) { driver.turn(milliseconds: 5) }
            guard driver.isOver(send) else {
                pending = send
                break
            }
            sent += Int(try driver.result(of: send))
            try run.require(sent < 1_000_000, "a socket took a million datagrams")
        }
        let incoming = DatagramRoom(count: 16, byteCount: 1000)
        var received = 0
        let goal = sent
        while received < goal {  // Ends: what was sent is there.
            let count = try driver.result(of: driver.receiveDatagrams(incoming, on: far))
            try run.require(count > 0, "receiving failed: \(count)")
            received += Int(count)
        }
        if let pending {
            let count = try driver.result(of: pending)
            run.expect(count > 0, "a batch that waited for room failed: \(count)")
        }
        for descriptor in [near, far] { _ = try driver.result(of: driver.close(descriptor)) }
    }

    // MARK: Files

    @Sendable
    static func filePieces(_ run: ConformanceRun) throws {
        // Wrong: a file's bytes are lost, doubled or out of order between sends.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let pattern = Wires.pattern(300_000)
        let file = try Wires.file(pattern)
        var sent = 1000
        var received: [UInt8] = []
        while sent < pattern.count {  // Ends: each turn sends, or the check gives up.
            let send = driver.sendFile(
                file, offset: UInt64(sent), count: min(70_000, pattern.count - sent), to: near)
            while !driver.isOver(send) {  // Ends: reading makes room.
                driver.turn(milliseconds: 1)
                received += Wires.receiveSome(from: far)
            }
            let count = try driver.result(of: send)
            try run.require(count > 0, "sending a file failed: \(count)")
            sent += Int(count)
        }
        received += try Wires.receive(pattern.count - 1000 - received.count, from: far)
        run.expect(received, equals: Array(pattern[1000...]), "the file's bytes are wrong")
        let beyond = driver.sendFile(file, offset: UInt64(pattern.count), count: 10, to: near)
        run.expect(try driver.result(of: beyond), equals: 0, "at the file's end, nothing is sent")
        _ = try driver.result(of: driver.close(near))
        for descriptor in [far, file] { Wires.close(descriptor) }
    }

    @Sendable
    static func fileWaits(_ run: ConformanceRun) throws {
        // Wrong: a peer that does not read blocks the loop's thread, or cannot be given up.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let file = try Wires.file([UInt8](repeating: 9, count: 1_000_000))
        var waiting: OperationID?
        for _ in 0..<100 where waiting == nil {
            let send = driver.sendFile(file, offset: 0, count: 1_000_000, to: near)
            for _ in 0..<5 where !driver.isOver(send) { driver.turn(milliseconds: 5) }
            if !driver.isOver(send) { waiting = send }
        }
        let pending = try run.unwrap(waiting, "a hundred megabytes fitted into a socket")
        driver.backend.cancel(pending)
        run.expect(
            try driver.result(of: pending), equals: -Int32(MILLRACE_ECANCELED),
            "a cancelled sendFile did not say so")
        let broken = driver.sendFile(file, offset: 0, count: 1_000_000, to: near)
        driver.turn(milliseconds: 1)
        Wires.reset(far)
        let result = try driver.result(of: broken)
        run.expect(
            result == -Int32(MILLRACE_ECONNRESET) || result == -Int32(MILLRACE_EPIPE),
            "a peer that reset: \(result)")
        _ = try driver.result(of: driver.close(near))
        Wires.close(file)
    }
}
