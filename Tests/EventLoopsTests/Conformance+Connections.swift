// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

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
    static func acceptSeveral(_ factory: BackendFactory) throws {
        // Wrong: a server misses clients, or hands out sockets that block.
        let driver = try BackendDriver(factory)
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
        #expect(all.count == 11)
        #expect(all.last?.result == -Int32(MILLRACE_ECANCELED))
        let accepted = all.dropLast().map(\.result)
        #expect(Set(accepted).count == 10 && accepted.allSatisfy { $0 >= 0 })
        #expect(all.dropLast().allSatisfy { $0.hasMore && $0.buffer == nil })
        for socket in accepted {
            #expect(Wires.isNonBlocking(socket) && Wires.isCloseOnExec(socket))
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
    static func acceptClose(_ factory: BackendFactory) throws {
        // Wrong: a closed listener goes on accepting, or its stream never ends.
        let driver = try BackendDriver(factory)
        let (listener, address) = try Wires.listener()
        let accept = driver.acceptStream(listener)
        driver.turn()
        let close = driver.close(listener)
        #expect(try driver.result(of: close) == 0)
        #expect(try driver.all(of: accept).map(\.result) == [-Int32(MILLRACE_ECANCELED)])
        #expect(!Wires.isOpen(listener))
        // The port is free again: nothing in the kernel holds the socket.
        let late = try Wires.connect(to: address)
        try Wires.ready(late, UInt32(MILLRACE_POLLOUT))
        #expect(millrace_socket_take_error(late) == -Int32(MILLRACE_ECONNREFUSED))
        Wires.close(late)
    }

    @Sendable
    static func acceptWrong(_ factory: BackendFactory) throws {
        // Wrong: a refused submission is lost instead of completing with its errno.
        let driver = try BackendDriver(factory)
        let socket = try Wires.socket()
        defer { Wires.close(socket) }
        let wrong = driver.acceptStream(socket)
        #expect(try driver.all(of: wrong).map(\.result) == [-Int32(MILLRACE_EINVAL)])
        let closed = driver.acceptStream(9_999)
        #expect(try driver.all(of: closed).map(\.result) == [-Int32(MILLRACE_EBADF)])
        let (operation, _) = driver.receive(1, from: -1)
        #expect(try driver.result(of: operation) == -Int32(MILLRACE_EBADF))
        #expect(try driver.result(of: driver.close(9_999)) == -Int32(MILLRACE_EBADF))
    }

    @Sendable
    static func connectSucceeds(_ factory: BackendFactory) throws {
        // Wrong: a connect completes before the socket can send, or not at all.
        let driver = try BackendDriver(factory)
        let (listener, address) = try Wires.listener()
        let socket = try Wires.socket()
        #expect(try driver.result(of: driver.connect(socket, to: address)) == 0)
        #expect(try driver.result(of: driver.send([1, 2, 3], to: socket)) == 3)
        let accepted = try Wires.check(millrace_socket_accept(listener), "accept")
        #expect(try Wires.receive(3, from: accepted) == [1, 2, 3])
        #expect(try driver.result(of: driver.close(socket)) == 0)
        for descriptor in [listener, accepted] { Wires.close(descriptor) }
    }

    @Sendable
    static func connectRefused(_ factory: BackendFactory) throws {
        // Wrong: a refused connect looks like a connection or like another error.
        let driver = try BackendDriver(factory)
        let (listener, address) = try Wires.listener()
        Wires.close(listener)
        for _ in 0..<5 {
            let socket = try Wires.socket()
            let result = try driver.result(of: driver.connect(socket, to: address))
            #expect(result == -Int32(MILLRACE_ECONNREFUSED))
            #expect(try driver.result(of: driver.close(socket)) == 0)
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
    static func connectCancelled(_ factory: BackendFactory) throws {
        // Wrong: a connect to a host that does not answer cannot be given up.
        let driver = try BackendDriver(factory)
        let (listener, address, fillers) = try fullListener()
        defer { for descriptor in fillers + [listener] { Wires.close(descriptor) } }
        for byDescriptor in [false, true] {
            let socket = try Wires.socket()
            let operation = driver.connect(socket, to: address)
            for _ in 0..<3 { driver.turn(milliseconds: 5) }
            #expect(!driver.isOver(operation), "the connect was to stay pending")
            if byDescriptor {
                driver.backend.cancelAll(on: socket)
            } else {
                driver.backend.cancel(operation)
            }
            #expect(try driver.result(of: operation) == -Int32(MILLRACE_ECANCELED))
            #expect(try driver.result(of: driver.close(socket)) == 0)
            #expect(!Wires.isOpen(socket))
        }
    }

    private static let reservedNumbers = Atomic<Int32>(0)

    @Sendable
    static func connectReused(_ factory: BackendFactory) throws {
        // Wrong: after a socket was closed by a plain close, the next one with its number hangs.
        let driver = try BackendDriver(factory)
        let (full, fullAddress, fillers) = try fullListener()
        let (listener, address) = try Wires.listener()
        // A number far from those that other tests get at the same time.
        let (offset, _) = Self.reservedNumbers.add(1, ordering: .relaxed)
        let number = 900 + offset
        let first = try Wires.move(try Wires.socket(), to: number)
        let pending = driver.connect(first, to: fullAddress)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(pending)
        #expect(try driver.result(of: pending) == -Int32(MILLRACE_ECANCELED))
        Wires.close(first)
        let (pipe, writer) = try Wires.pipe()
        let reader = try Wires.move(pipe, to: number)
        let poll = driver.poll(reader, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        Wires.write(writer)
        #expect(try driver.result(of: poll, "a poll on a reused number") > 0)
        for descriptor in [reader, writer] { Wires.close(descriptor) }
        let second = try Wires.move(try Wires.socket(), to: number)
        #expect(try driver.result(of: driver.connect(second, to: address)) == 0)
        let (operation, bytes) = driver.receive(10, from: second)
        driver.turn(milliseconds: 5)
        let accepted = try Wires.check(millrace_socket_accept(listener), "accept")
        try Wires.send([7], to: accepted)
        #expect(try driver.result(of: operation, "a receive on a reused number") == 1)
        #expect(bytes(1) == [7])
        _ = try driver.result(of: driver.close(second))
        for descriptor in fillers + [full, listener, accepted] { Wires.close(descriptor) }
    }
}
