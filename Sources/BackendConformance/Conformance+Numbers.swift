// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// What a backend remembers of a descriptor's number, and of those who wait on it.
extension ConformanceSuite {
    static let numberChecks = [
        ConformanceCheck("numbers: beyond those that a backend has seen", numbersAtEdge),
        ConformanceCheck("numbers: refused, then open", numberRefused),
        ConformanceCheck("connect: again, with and without a receive", connectAgain),
        ConformanceCheck("connect: at once, on a number closed behind the back", connectAtOnce),
        ConformanceCheck("poll: a number that comes back", pollComesBack),
        ConformanceCheck("poll: out of the front, the middle and the end", pollsTakenOut),
        ConformanceCheck("poll: a socket of the loop, ready already", pollReady),
        ConformanceCheck("wait: sleeps while operations wait", waitSleeps),
        ConformanceCheck("close: in the turn of the first operation", closeAtOnce),
        ConformanceCheck("receive, send: a file is no socket", fileIsNoSocket),
        ConformanceCheck("connect: a refused number, closed behind the back", refusedReused),
        ConformanceCheck("connect: beside a receive", connectBesideReceive),
    ]

    @Sendable
    static func numbersAtEdge(_ run: ConformanceRun) throws {
        // Wrong: a number just beyond what a backend keeps is looked up all the same.
        let driver = try BackendDriver(run)
        // Names that were never given: the first of all, and those behind a page of any size.
        for index: UInt64 in [0, 64, 128, 256] {
            driver.backend.cancel(OperationID(rawValue: 1 << 32 | index))
        }
        // Numbers that nobody has. 9,984 is the first of a page, whether of 64, 128 or 256.
        let badDescriptor = -Int32(MILLRACE_EBADF)
        run.expect(
            try driver.result(of: driver.poll(9_983, MILLRACE_POLLIN)), equals: badDescriptor,
            "a poll of a closed descriptor is not refused")
        driver.backend.cancelAll(on: 9_984)
        for descriptor: Int32 in [9_984, -1] {
            run.expect(
                try driver.result(of: driver.close(descriptor)), equals: badDescriptor,
                "closing descriptor \(descriptor) is not refused")
        }
        run.expect(
            try driver.result(of: driver.connect(9_984, to: Wires.ipv4(port: 9))),
            equals: badDescriptor, "connecting a closed descriptor is not refused")
        let (receive, _) = driver.receive(1, from: 9_984)
        run.expect(
            try driver.result(of: receive), equals: badDescriptor,
            "receiving from a closed descriptor is not refused")
    }

    @Sendable
    static func numberRefused(_ run: ConformanceRun) throws {
        // Wrong: a number that was closed when it was first used is taken for one that is watched,
        // and the next socket with it hears nothing.
        let driver = try BackendDriver(run)
        for isSomebodyElses in [false, true] {
            let number = try reserveNumber()
            let (refused, _) = driver.receive(1, from: number)
            run.expect(
                try driver.result(of: refused), equals: -Int32(MILLRACE_EBADF),
                "receiving from a closed descriptor is not refused")
            if isSomebodyElses { try pollPipe(at: number, run, driver) }
            try receiveByte(at: number, run, driver)
        }
    }

    /// A pipe of somebody else's gets the number: a poll tells when something is in it, and its
    /// owner closes it.
    static func pollPipe(
        at number: Int32, _ run: ConformanceRun, _ driver: BackendDriver
    ) throws {
        let (pipe, writer) = try Wires.pipe()
        let reader = try Wires.move(pipe, to: number)
        let poll = driver.poll(reader, MILLRACE_POLLIN)
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        run.expect(!driver.isOver(poll), "a poll of a silent pipe completed")
        Wires.write(writer)
        let result = try driver.result(of: poll, "a poll on a reused number")
        run.expect(
            result > 0 && result & Int32(MILLRACE_POLLIN) != 0,
            "a poll did not tell that a byte is there")
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    /// A connection gets the number, and a byte comes on it.
    static func receiveByte(
        at number: Int32, _ run: ConformanceRun, _ driver: BackendDriver
    ) throws {
        let (near, far) = try Wires.pair()
        let socket = try Wires.move(near, to: number)
        let (receive, bytes) = driver.receive(10, from: socket)
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        run.expect(!driver.isOver(receive), "a receive ended although nothing came")
        try Wires.send([7], to: far)
        run.expect(
            try driver.result(of: receive, "a receive on a reused number"), equals: 1,
            "a receive on a reused number failed")
        run.expect(bytes(1), equals: [7], "the byte on a reused number is wrong")
        _ = try driver.result(of: driver.close(socket))
        Wires.close(far)
    }

    // MARK: Connecting

    @Sendable
    static func connectAgain(_ run: ConformanceRun) throws {
        // Wrong: a socket that is connected again (datagrams allow it) loses who waits on it or is
        // watched no more, or a connect that is done at once completes twice.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.datagramPair()
        let address = try localAddress(of: far)
        let room = DatagramRoom(count: 4, byteCount: 100)
        for round in 0..<6 {
            var waiting: OperationID?
            if round % 2 == 0 {
                waiting = driver.receiveDatagrams(room, on: near)
                driver.turn(milliseconds: 1)
            }
            run.expect(
                try driver.result(of: driver.connect(near, to: address)), equals: 0,
                "connecting again failed")
            let receive = waiting ?? driver.receiveDatagrams(room, on: near)
            for _ in 0..<3 { driver.turn(milliseconds: 1) }
            run.expect(!driver.isOver(receive), "a receive ended although nothing came")
            try Wires.send([UInt8(round)], to: far)
            run.expect(
                try driver.result(of: receive, "a receive on a socket that was connected again"),
                equals: 1, "one datagram was sent")
            run.expect(room[0], equals: [UInt8(round)], "a datagram is not as it was sent")
        }
        for descriptor in [near, far] { _ = try driver.result(of: driver.close(descriptor)) }
    }

    @Sendable
    static func connectAtOnce(_ run: ConformanceRun) throws {
        // Wrong: a connect that does not have to wait is taken for one on the socket that had the
        // number before, and the new socket hears nothing.
        let driver = try BackendDriver(run)
        let number = try reserveNumber()
        let (near, far) = try Wires.pair()
        let first = try Wires.move(near, to: number)
        let (operation, _) = driver.receive(1, from: first)
        driver.turn(milliseconds: 1)
        try Wires.send([1], to: far)
        run.expect(try driver.result(of: operation), equals: 1, "one byte was sent")
        for descriptor in [first, far] { Wires.close(descriptor) }
        let (datagrams, peer) = try Wires.datagramPair()
        let address = try localAddress(of: peer)
        let second = try Wires.move(datagrams, to: number)
        run.expect(
            try driver.result(of: driver.connect(second, to: address)), equals: 0,
            "a connect on a reused number failed")
        let room = DatagramRoom(count: 4, byteCount: 100)
        let receive = driver.receiveDatagrams(room, on: second)
        driver.turn(milliseconds: 5)
        try Wires.send([7], to: peer)
        run.expect(
            try driver.result(of: receive, "a receive on a reused number"), equals: 1,
            "one datagram was sent")
        run.expect(room[0], equals: [7], "a datagram is not as it was sent")
        for descriptor in [second, peer] { _ = try driver.result(of: driver.close(descriptor)) }
    }

    private static func localAddress(of descriptor: Int32) throws -> millrace_address {
        var address = millrace_address()
        // SAFETY: lent for the call.
        _ = try Wires.check(unsafe millrace_socket_local_address(descriptor, &address), "name")
        return address
    }

    // MARK: Polls

    @Sendable
    static func pollComesBack(_ run: ConformanceRun) throws {
        // Wrong: a poll leaves something behind under its descriptor's number, and a poll of the
        // next one with it is never told.
        let driver = try BackendDriver(run)
        let number = try reserveNumber()
        for _ in 0..<2 { try pollPipe(at: number, run, driver) }
        let (pipe, writer) = try Wires.pipe()
        let poll = driver.poll(try Wires.move(pipe, to: number), MILLRACE_POLLIN)
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        driver.backend.cancel(poll)
        run.expect(
            try driver.result(of: poll, "a poll of a number that came back"),
            equals: -Int32(MILLRACE_ECANCELED), "a waiting poll was not cancelled")
        // Its owner closes it.
        for descriptor in [number, writer] { Wires.close(descriptor) }
        try pollPipe(at: number, run, driver)
    }

    @Sendable
    static func pollsTakenOut(_ run: ConformanceRun) throws {
        // Wrong: a poll that is cancelled takes those with it that stand behind it in its queue, or
        // the next one that comes.
        let driver = try BackendDriver(run)
        let (reader, writer) = try Wires.pipe()
        for (count, place) in [(2, 1), (3, 1), (3, 2), (3, 0), (2, 0)] {
            var polls = (0..<count).map { _ in driver.poll(reader, MILLRACE_POLLIN) }
            driver.turn(milliseconds: 1)
            let cancelled = polls.remove(at: place)
            driver.backend.cancel(cancelled)
            run.expect(
                try driver.result(of: cancelled), equals: -Int32(MILLRACE_ECANCELED),
                "one of several polls was not cancelled")
            polls.append(driver.poll(reader, MILLRACE_POLLIN))
            driver.turn(milliseconds: 1)
            Wires.write(writer)
            for poll in polls {
                let result = try driver.result(of: poll, "a poll beside one that was cancelled")
                run.expect(
                    result > 0 && result & Int32(MILLRACE_POLLIN) != 0,
                    "a poll did not tell that a byte is there")
            }
            Wires.drain(reader)
        }
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func pollReady(_ run: ConformanceRun) throws {
        // Wrong: a poll waits for an event that was told before it came.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let (receive, _) = driver.receive(1, from: near)
        driver.turn(milliseconds: 1)
        try Wires.send([1, 2, 3], to: far)
        run.expect(try driver.result(of: receive), equals: 1, "one byte was asked for")
        try Wires.ready(near, UInt32(MILLRACE_POLLIN))
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        for events in [Int(MILLRACE_POLLOUT), Int(MILLRACE_POLLIN)] {
            let result = try driver.result(of: driver.poll(near, events), "a poll of what is ready")
            run.expect(
                result > 0 && result & Int32(events) != 0,
                "a poll of a socket that is ready failed")
        }
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    // MARK: Waiting

    @Sendable
    static func waitSleeps(_ run: ConformanceRun) throws {
        // Wrong: a loop whose connections are silent keeps a processor busy.
        let driver = try BackendDriver(run)
        let (listener, _) = try Wires.listener()
        let (near, far) = try Wires.pair()
        let (other, otherFar) = try Wires.pair()
        let (datagrams, datagramsFar) = try Wires.datagramPair()
        let waiting = [
            driver.acceptStream(listener), driver.receiveStream(near),
            driver.receive(10, from: other).0,
            driver.receiveDatagrams(DatagramRoom(count: 4, byteCount: 100), on: datagrams),
            driver.poll(near, MILLRACE_POLLIN),
        ]
        // What begins may take some turns.
        for _ in 0..<10 { driver.turn(milliseconds: 1) }
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 30_000_000)
        var turns = 0
        while MonotonicInstant.now < deadline {  // Ends at the deadline.
            driver.turn(milliseconds: 30)
            turns += 1
        }
        run.expect(turns < 100, "the wait did not sleep while operations wait")
        run.expect(
            waiting.allSatisfy { driver.count(of: $0) == 0 }, "something completed for nothing")
        for descriptor in [listener, near, other, datagrams] {
            _ = try driver.result(of: driver.close(descriptor))
        }
        for descriptor in [far, otherFar, datagramsFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func closeAtOnce(_ run: ConformanceRun) throws {
        // Wrong: a socket that is closed before the backend has looked at its first operation
        // leaves its number deaf.
        let driver = try BackendDriver(run)
        for _ in 0..<20 {
            let (old, oldFar) = try Wires.unixPair()
            let (first, _) = driver.receive(10, from: old)
            let close = driver.close(old)
            // Its first end takes the lowest number: most often that of `old`, where a backend has
            // closed it at once.
            let (next, nextFar) = try Wires.unixPair()
            let (second, bytes) = driver.receive(10, from: next)
            run.expect(try driver.result(of: close), equals: 0, "closing a new socket failed")
            _ = try driver.result(of: first)
            driver.turn(milliseconds: 1)
            run.expect(!driver.isOver(second), "a receive on a silent socket completed")
            try Wires.send([9], to: nextFar)
            run.expect(
                try driver.result(of: second, "a byte on a reused number"), equals: 1,
                "a receive on a reused number failed")
            run.expect(bytes(1), equals: [9], "the byte on a reused number is wrong")
            _ = try driver.result(of: driver.close(next))
            for descriptor in [oldFar, nextFar] { Wires.close(descriptor) }
        }
    }

    @Sendable
    static func fileIsNoSocket(_ run: ConformanceRun) throws {
        // Wrong: who uses a file as a socket waits for ever instead of being told, because a file
        // is never announced as ready.
        let driver = try BackendDriver(run)
        let file = try Wires.file([1, 2, 3])
        // ENOTSOCK of a kernel; a simulated one knows no files.
        let refused = [driver.receive(10, from: file).0, driver.send([1], to: file)]
        for operation in refused {
            run.expect(try driver.result(of: operation) < 0, "a file was taken for a socket")
        }
        let stream = try driver.all(of: driver.receiveStream(file))
        run.expect(
            stream.count == 1 && stream[0].result < 0, "a file was taken for a connection")
        let accept = try driver.all(of: driver.acceptStream(file))
        run.expect(accept.count == 1 && accept[0].result < 0, "a file was taken for a listener")
        run.expect(try driver.result(of: driver.close(file)), equals: 0, "closing a file failed")
    }

    @Sendable
    static func refusedReused(_ run: ConformanceRun) throws {
        // Wrong: after a socket whose connect was refused was closed by a plain close, who waits
        // for the next descriptors with its number waits for ever.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        Wires.close(listener)
        let number = try reserveNumber()
        let socket = try Wires.move(try Wires.socket(), to: number)
        run.expect(
            try driver.result(of: driver.connect(socket, to: address)),
            equals: -Int32(MILLRACE_ECONNREFUSED), "a refused connect did not say so")
        Wires.close(socket)
        try pollPipe(at: number, run, driver)
        try receiveByte(at: number, run, driver)
    }

    @Sendable
    static func connectBesideReceive(_ run: ConformanceRun) throws {
        // Wrong: who waits for bytes while the socket connects is never told of them, or that none
        // will come.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        let socket = try Wires.socket()
        let connect = driver.connect(socket, to: address)
        let (receive, bytes) = driver.receive(10, from: socket)
        run.expect(try driver.result(of: connect), equals: 0, "a connect failed")
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        run.expect(!driver.isOver(receive), "a receive on a silent connection completed")
        try Wires.ready(listener, UInt32(MILLRACE_POLLIN))
        let accepted = try Wires.check(millrace_socket_accept(listener), "accept")
        try Wires.send([7], to: accepted)
        run.expect(
            try driver.result(of: receive, "a byte behind the connect"), equals: 1,
            "a receive that was begun beside a connect did not take the byte")
        run.expect(bytes(1), equals: [7], "the byte that was received is wrong")
        _ = try driver.result(of: driver.close(socket))
        for descriptor in [listener, accepted] { Wires.close(descriptor) }

        let other = try Wires.socket()
        let refused = driver.connect(other, to: address)
        let (vain, _) = driver.receive(10, from: other)
        // The kernel tells the error once, to whichever asks first.
        run.expect(try driver.result(of: refused) < 0, "a refused connect did not say so")
        run.expect(
            try driver.result(of: vain, "a receive beside a refused connect") <= 0,
            "a receive beside a refused connect brought bytes")
        _ = try driver.result(of: driver.close(other))
    }
}
