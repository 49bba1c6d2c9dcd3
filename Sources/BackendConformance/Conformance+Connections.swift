// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension ConformanceSuite {
    static let acceptChecks = [
        ConformanceCheck("accept: several connections, then cancel", acceptSeveral),
        ConformanceCheck("accept: closing the listener ends the stream", acceptClose),
        ConformanceCheck("accept: not a listener", acceptWrong),
    ]

    static let connectChecks = [
        ConformanceCheck("connect: success", connectSucceeds),
        ConformanceCheck("connect: refused", connectRefused),
        ConformanceCheck("connect: cancelled while pending", connectCancelled),
        ConformanceCheck("connect: a number that was closed behind the back", connectReused),
    ]

    @Sendable
    static func acceptSeveral(_ run: ConformanceRun) throws {
        // Wrong: a server misses clients, or hands out sockets that block.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        let accept = driver.acceptStream(listener)
        var clients: [Int32] = []
        for round in 1...10 {
            clients.append(try Wires.connect(to: address))
            if round == 5 {
                try driver.turn(until: { driver.count(of: accept) == 5 }, "five")
            }
        }
        try driver.turn(until: { driver.count(of: accept) == 10 }, "ten accepts")
        driver.backend.cancel(accept)
        let all = try driver.all(of: accept)
        run.expect(
            all.count, equals: 11, "ten accepts and one cancellation are not eleven completions")
        run.expect(
            all.last?.result, equals: -Int32(MILLRACE_ECANCELED),
            "a cancelled accept stream did not say so")
        let accepted = all.dropLast().map(\.result)
        run.expect(
            Set(accepted).count == 10 && accepted.allSatisfy { $0 >= 0 },
            "the accepted descriptors are not ten different ones")
        run.expect(
            all.dropLast().allSatisfy { $0.hasMore && $0.buffer == nil },
            "an accept came without hasMore, or with a buffer")
        for socket in accepted {
            run.expect(
                Wires.isNonBlocking(socket) && Wires.isCloseOnExec(socket),
                "an accepted socket blocks, or stays open in a program that is started")
        }
        // A connection after the cancellation waits in the kernel for the next stream.
        clients.append(try Wires.connect(to: address))
        driver.turn()
        let again = driver.acceptStream(listener)
        try driver.turn(until: { driver.count(of: again) == 1 }, "accept again")
        let last = driver.completions[again]?.first?.result ?? -1
        _ = try driver.result(of: driver.close(listener))
        for socket in clients + accepted + [last] { Wires.close(socket) }
    }

    @Sendable
    static func acceptClose(_ run: ConformanceRun) throws {
        // Wrong: a closed listener goes on accepting, or its stream never ends.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        let accept = driver.acceptStream(listener)
        driver.turn()
        let file = OpenFile(listener)
        let close = driver.close(listener)
        run.expect(try driver.result(of: close), equals: 0, "closing a listener failed")
        run.expect(
            try driver.all(of: accept).map(\.result), equals: [-Int32(MILLRACE_ECANCELED)],
            "a stream on a closed listener did not end as cancelled")
        run.expect(!file.isOpen, "a closed listener is still open")
        // The port is free again: nothing in the kernel holds the socket.
        let late = try Wires.connect(to: address)
        try Wires.ready(late, UInt32(MILLRACE_POLLOUT))
        run.expect(
            millrace_socket_take_error(late), equals: -Int32(MILLRACE_ECONNREFUSED),
            "a closed listener still accepts")
        Wires.close(late)
    }

    @Sendable
    static func acceptWrong(_ run: ConformanceRun) throws {
        // Wrong: a refused submission is lost instead of completing with its errno.
        let driver = try BackendDriver(run)
        let socket = try Wires.socket()
        defer { Wires.close(socket) }
        let wrong = driver.acceptStream(socket)
        run.expect(
            try driver.all(of: wrong).map(\.result), equals: [-Int32(MILLRACE_EINVAL)],
            "accepting on an unconnected socket is not refused")
        let closed = driver.acceptStream(9_999)
        run.expect(
            try driver.all(of: closed).map(\.result), equals: [-Int32(MILLRACE_EBADF)],
            "accepting on a closed descriptor is not refused")
        let (operation, _) = driver.receive(1, from: -1)
        run.expect(
            try driver.result(of: operation), equals: -Int32(MILLRACE_EBADF),
            "receiving from descriptor -1 is not refused")
        run.expect(
            try driver.result(of: driver.close(9_999)), equals: -Int32(MILLRACE_EBADF),
            "closing a closed descriptor is not refused")
    }

    @Sendable
    static func connectSucceeds(_ run: ConformanceRun) throws {
        // Wrong: a connect completes before the socket can send, or not at all.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        let socket = try Wires.socket()
        run.expect(
            try driver.result(of: driver.connect(socket, to: address)), equals: 0,
            "a connect failed")
        run.expect(
            try driver.result(of: driver.send([1, 2, 3], to: socket)), equals: 3,
            "a send on a fresh connection failed")
        let accepted = try Wires.check(millrace_socket_accept(listener), "accept")
        run.expect(
            try Wires.receive(3, from: accepted), equals: [1, 2, 3],
            "the first bytes of a connection are wrong")
        run.expect(
            try driver.result(of: driver.close(socket)), equals: 0, "closing a connection failed")
        for descriptor in [listener, accepted] { Wires.close(descriptor) }
    }

    @Sendable
    static func connectRefused(_ run: ConformanceRun) throws {
        // Wrong: a refused connect looks like a connection or like another error.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        Wires.close(listener)
        for _ in 0..<5 {
            let socket = try Wires.socket()
            let result = try driver.result(of: driver.connect(socket, to: address))
            run.expect(
                result, equals: -Int32(MILLRACE_ECONNREFUSED), "a refused connect did not say so")
            run.expect(
                try driver.result(of: driver.close(socket)), equals: 0,
                "closing a socket whose connect was refused failed")
        }
    }

    /// A listener whose queue is full: the next connect stays pending.
    private static func fullListener() throws -> (Int32, millrace_address, [Int32]) {
        let (listener, address) = try Wires.listener(backlog: 0)
        var fillers: [Int32] = []
        for _ in 0..<4 { fillers.append(try Wires.connect(to: address)) }
        return (listener, address, fillers)
    }

    @Sendable
    static func connectCancelled(_ run: ConformanceRun) throws {
        // Wrong: a connect to a host that does not answer cannot be given up.
        let driver = try BackendDriver(run)
        let (listener, address, fillers) = try fullListener()
        defer { for descriptor in fillers + [listener] { Wires.close(descriptor) } }
        for byDescriptor in [false, true] {
            let socket = try Wires.socket()
            let file = OpenFile(socket)
            let operation = driver.connect(socket, to: address)
            for _ in 0..<3 { driver.turn(milliseconds: 5) }
            run.expect(!driver.isOver(operation), "the connect was to stay pending")
            if byDescriptor {
                driver.backend.cancelAll(on: socket)
            } else {
                driver.backend.cancel(operation)
            }
            run.expect(
                try driver.result(of: operation), equals: -Int32(MILLRACE_ECANCELED),
                "a pending connect was not cancelled")
            run.expect(
                try driver.result(of: driver.close(socket)), equals: 0,
                "closing a socket whose connect was cancelled failed")
            run.expect(!file.isOpen, "a closed socket is still open")
        }
    }

    private static let reservedNumbers = Atomic<UInt32>(0)

    /// A number that nobody has and nobody gets soon: far from those that are given out now, and
    /// below the usual limit of 1024; another one for each check that runs beside this one.
    static func reserveNumber() throws -> Int32 {
        for _ in 0..<100 {
            // Relaxed: the number carries nothing.
            let (offset, _) = reservedNumbers.wrappingAdd(1, ordering: .relaxed)
            let number = 900 + Int32(offset % 100)
            if !Wires.isOpen(number) { return number }
        }
        throw Wires.Failure(what: "a free descriptor", code: Int32(MILLRACE_EMFILE))
    }

    @Sendable
    static func connectReused(_ run: ConformanceRun) throws {
        // Wrong: after a socket was closed by a plain close, the next one with its number hangs.
        let driver = try BackendDriver(run)
        let (full, fullAddress, fillers) = try fullListener()
        let (listener, address) = try Wires.listener()
        let number = try reserveNumber()
        let first = try Wires.move(try Wires.socket(), to: number)
        let pending = driver.connect(first, to: fullAddress)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(pending)
        run.expect(
            try driver.result(of: pending), equals: -Int32(MILLRACE_ECANCELED),
            "a pending connect was not cancelled")
        Wires.close(first)
        try pollPipe(at: number, run, driver)
        let second = try Wires.move(try Wires.socket(), to: number)
        run.expect(
            try driver.result(of: driver.connect(second, to: address)), equals: 0,
            "a connect on a reused number failed")
        let (operation, bytes) = driver.receive(10, from: second)
        driver.turn(milliseconds: 5)
        let accepted = try Wires.check(millrace_socket_accept(listener), "accept")
        try Wires.send([7], to: accepted)
        run.expect(
            try driver.result(of: operation, "a receive on a reused number"), equals: 1,
            "a receive on a reused number failed")
        run.expect(bytes(1), equals: [7], "the byte received on a reused number is wrong")
        _ = try driver.result(of: driver.close(second))
        for descriptor in fillers + [full, listener, accepted] { Wires.close(descriptor) }
    }
}
