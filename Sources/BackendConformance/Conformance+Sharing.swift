// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

// What operations share: a socket, whose two directions wait at one time, and the buffers, which
// outlive every stream.
extension ConformanceSuite {
    static let sharingChecks = [
        ConformanceCheck("send, receive: both wait on one socket", bothDirections),
        ConformanceCheck("stream: however it ends, no buffer is lost", streamReturnsBuffers),
    ]

    @Sendable
    static func bothDirections(_ run: ConformanceRun) throws {
        // Wrong: what waits for bytes keeps what waits for room from being told, or the reverse.
        for isSendLast in [true, false] {
            let driver = try BackendDriver(run)
            let (near, far) = try Wires.pair()
            let filled = Wires.fill(near)
            let first = isSendLast ? nil : driver.send([9], to: near)
            let (receive, bytes) = driver.receive(10, from: near)
            let send = first ?? driver.send([9], to: near)
            for _ in 0..<3 { driver.turn(milliseconds: 5) }
            run.expect(!driver.isOver(send), "a send into a full socket completed")
            run.expect(!driver.isOver(receive), "a receive on a silent connection completed")
            // Who began last is served first, while the other one still waits.
            if isSendLast {
                _ = try Wires.receive(filled.count, from: far)
                run.expect(
                    try driver.result(of: send, "room in the socket"), equals: 1,
                    "a send did not go out while a receive waits")
                run.expect(
                    !driver.isOver(receive), "a receive on a silent connection completed")
                try Wires.send([7], to: far)
                run.expect(
                    try driver.result(of: receive), equals: 1,
                    "a receive did not take a byte after a send that waited")
            } else {
                try Wires.send([7], to: far)
                run.expect(
                    try driver.result(of: receive), equals: 1,
                    "a receive did not take a byte while a send waits")
                run.expect(!driver.isOver(send), "a send into a full socket completed")
                _ = try Wires.receive(filled.count, from: far)
                run.expect(
                    try driver.result(of: send, "room in the socket"), equals: 1,
                    "a send did not go out after a receive that waited")
            }
            run.expect(
                try Wires.receive(1, from: far), equals: [9], "the byte that waited is wrong")
            run.expect(bytes(1), equals: [7], "the byte that was received is wrong")
            _ = try driver.result(of: driver.close(near))
            Wires.close(far)
        }
    }

    @Sendable
    static func streamReturnsBuffers(_ run: ConformanceRun) throws {
        // Wrong: every stream costs a buffer, and after some thousands nobody receives any more.
        var options = LoopOptions()
        options.receiveBufferCount = 2
        options.receiveBufferByteCount = 10
        let driver = try BackendDriver(run, options: options)
        for round in 0..<12 {
            let (near, far) = try Wires.pair()
            let stream = driver.receiveStream(near)
            driver.turn(milliseconds: 0)
            try Wires.send([UInt8(round)], to: far)
            try driver.turn(until: { driver.count(of: stream) == 1 }, "a byte")
            run.expect(
                driver.takeBytes(of: stream), equals: [UInt8(round)], "the stream's byte is wrong")
            switch round % 4 {
            case 0: Wires.close(far)
            case 1: Wires.reset(far)
            case 2: driver.backend.cancel(stream)
            default: driver.backend.cancelAll(on: near)
            }
            run.expect(
                try driver.all(of: stream).last?.buffer == nil, "the end of a stream had a buffer")
            _ = try driver.result(of: driver.close(near))
            if round % 4 > 1 { Wires.close(far) }
        }
        let (near, far) = try Wires.pair()
        try Wires.send(Wires.pattern(30), to: far)
        try Wires.ready(near, UInt32(MILLRACE_POLLIN))
        let stream = driver.receiveStream(near)
        run.expect(
            try driver.all(of: stream).last?.result, equals: -Int32(MILLRACE_ENOBUFS),
            "thirty bytes fitted into two buffers of ten")
        let bytes = driver.takeBytes(of: stream)
        // One of the two may have been begun before: a backend may fill piece by piece.
        run.expect(
            bytes.count > 10 && bytes.count <= 20,
            "after twelve streams there are not two buffers any more: \(bytes.count) bytes")
        run.expect(bytes, equals: Wires.pattern(bytes.count), "the last bytes are wrong")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }
}
