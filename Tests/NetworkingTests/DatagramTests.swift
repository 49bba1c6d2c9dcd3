// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Networking
import Testing

@Suite("Datagrams")
struct DatagramTests {
    @Test("A datagram comes whole, from whom it came, and is answered there", arguments: backends)
    func oneAtATime(_ choice: BackendChoice) throws {
        // If this failed, nothing could be sent or received, or an answer would go astray.
        let six = try #require(SocketAddress.ipv6(host: "::1", port: 0))
        for address in [loopback, six] {
            let seen = try withSockets(choice, boundTo: address) { server, client in
                var seen: [[UInt8]] = []
                for size in [5, 0, 60_000] {
                    let bytes = [UInt8](repeating: UInt8(size % 251), count: size)
                    try await client.send(bytes)
                    let request = try await server.receive()
                    #expect(request.sender == (try client.localAddress))
                    #expect(request.bytes == bytes && !request.isTruncated)
                    try await server.send(request.bytes.reversed() + [1], to: request.sender)
                    seen.append(try await client.receive().bytes)
                }
                return seen.map(\.count)
            }
            #expect(seen == [6, 1, 60_001])
        }
    }

    @Test("A socket knows its peer and takes sizes of buffers", arguments: backends)
    func optionsAndPeer(_ choice: BackendChoice) throws {
        // If this failed, options would be lost, or a socket would not know whom it speaks to.
        try LoopGroup.run(choice: choice) { _ in
            var options = DatagramOptions()
            options.sendBufferByteCount = 70_000
            let server = try DatagramSocket(boundTo: loopback, options: options)
            defer { server.close() }
            let client = try DatagramSocket(connectedTo: try server.localAddress, options: options)
            defer { client.close() }
            #expect(try client.peerAddress == (try server.localAddress))
            try await client.send([UInt8](repeating: 1, count: 60_000))
            #expect(try await server.receive().bytes.count == 60_000)
            options.sendBufferByteCount = 0
            #expect(throws: SystemError.self) {
                try DatagramSocket(boundTo: loopback, options: options)
            }
        }
    }

    @Test("Unix sockets too, with and without a name", arguments: backends)
    func unixSockets(_ choice: BackendChoice) throws {
        // If this failed, a local logger could not be spoken to, or a nameless sender would trap.
        let stamp = MonotonicInstant.now.nanoseconds
        let paths = ["server", "client"].map { "/tmp/millrace-datagram-\($0)-\(stamp)" }
        defer { for path in paths { removeFile(path) } }
        let places = try paths.map { try #require(SocketAddress.unix(path: $0)) }
        let seen = try LoopGroup.run(choice: choice) { _ in
            let server = try DatagramSocket(boundTo: places[0])
            let named = try DatagramSocket(connectedTo: places[0], from: places[1])
            let nameless = try DatagramSocket(connectedTo: places[0])
            defer { for socket in [server, named, nameless] { socket.close() } }
            try await named.send([1])
            let first = try await server.receive()
            try await server.send([2], to: first.sender)
            let answer = try await named.receive().bytes
            try await nameless.send([3])
            let second = try await server.receive()
            return (first.sender == places[1], answer, second.sender == nil, second.bytes)
        }
        #expect(seen == (true, [2], true, [3]))
    }

    @Test("A batch is sent and received in few calls, in order, and echoed", arguments: backends)
    func batches(_ choice: BackendChoice) throws {
        // If this failed, a batch would lose or mix up datagrams, or be no faster than one by one.
        let seen = try withSockets(choice, boundTo: loopback) { server, client in
            let batch = DatagramBatch(capacity: 32, slotByteCount: 100)
            for number in 0..<32 { batch.append([UInt8](repeating: UInt8(number), count: number)) }
            #expect(batch.isFull && !batch.append([1]))
            try await client.send(all: batch)
            var calls = 0
            var back: [[UInt8]] = []
            let echoed = DatagramBatch(capacity: 48, slotByteCount: 100)
            let answers = DatagramBatch(capacity: 48, slotByteCount: 200)
            while back.count < 32 {
                calls += 1
                let count = try await server.receive(into: echoed)
                #expect(count == echoed.count)
                try await server.send(all: echoed)
                var left = count
                while left > 0 {
                    left -= try await client.receive(into: answers)
                    back += (0..<answers.count).map { answers.bytes(at: $0) }
                }
            }
            return (calls, back)
        }
        #expect(seen.0 == 1)
        #expect(seen.1 == (0..<32).map { [UInt8](repeating: UInt8($0), count: $0) })
    }

    @Test("A datagram that is too long is cut and says so; the next one is whole")
    func truncation() throws {
        // If this failed, half a message would pass for a whole one.
        for choice in backends {
            let seen = try withSockets(choice, boundTo: loopback) { server, client in
                let batch = DatagramBatch(capacity: 4, slotByteCount: 10)
                try await client.send([UInt8](repeating: 7, count: 11))
                try await client.send([UInt8](repeating: 8, count: 10))
                var seen: [(Int, Bool)] = []
                while seen.count < 2 {
                    for index in 0..<(try await server.receive(into: batch)) {
                        seen.append((batch.bytes(at: index).count, batch.isTruncated(at: index)))
                    }
                }
                try await client.send([1, 2, 3])
                seen.append((0, try await server.receive(atMost: 2).isTruncated))
                return seen.map { "\($0.0) \($0.1)" }
            }
            #expect(seen == ["10 true", "10 false", "0 true"])
        }
    }

    @Test("A port that refuses is an error of the connected socket, which goes on")
    func refusal() throws {
        // If this failed, a client would wait for the answer of a server that is not there.
        for choice in backends {
            let seen = try LoopGroup.run(choice: choice) { _ in
                let first = try DatagramSocket(boundTo: loopback)
                let address = try first.localAddress
                let client = try DatagramSocket(connectedTo: address)
                defer { client.close() }
                first.close()
                // The port is closed when the loop has turned.
                try await LoopTime.sleep(for: .milliseconds(5))
                try await client.send([1])
                let refused = await code { _ = try await client.receive(until: soon) }
                let second = try DatagramSocket(boundTo: address)
                defer { second.close() }
                try await client.send([2])
                return (refused, try await second.receive().bytes)
            }
            #expect(seen.0 == Int32(MILLRACE_ECONNREFUSED))
            #expect(seen.1 == [2])
        }
    }

    @Test("What cannot be sent is named, and those before it are sent", arguments: backends)
    func sendingErrors(_ choice: BackendChoice) throws {
        // If this failed, one bad datagram of a batch would hide the others, or be lost in silence.
        let seen = try withSockets(choice, boundTo: loopback) { server, client in
            let address = try server.localAddress
            let lone = try DatagramSocket(boundTo: loopback)
            defer { lone.close() }
            let batch = DatagramBatch(capacity: 4, slotByteCount: 65_536)
            batch.append([1], to: address)
            batch.append([UInt8](repeating: 2, count: 65_508), to: address)
            batch.append([3])
            var codes = [Int32(try await lone.sendSome(of: batch))]
            for first in 1...2 {
                codes.append(await code { _ = try await lone.sendSome(of: batch, from: first) })
            }
            codes.append(Int32(try await lone.sendSome(of: batch, from: 3)))
            codes.append(await code { try await lone.send(all: batch) })
            return (codes, try await server.receive().bytes)
        }
        let tooLong = Int32(MILLRACE_EMSGSIZE)
        #expect(seen.0 == [1, tooLong, 89, 0, tooLong])
        #expect(seen.1 == [1])
    }

    @Test("A deadline, a cancellation and a close end a receive", arguments: backends)
    func endings(_ choice: BackendChoice) throws {
        // If this failed, a task could not stop waiting for a datagram that never comes.
        let seen = try withSockets(choice, boundTo: loopback) { server, client in
            var codes = [await code { _ = try await server.receive(until: soon) }]
            for isScoped in [false, true] {
                codes += await withTaskGroup(of: Int32.self) { tasks in
                    tasks.addTask {
                        await code {
                            if isScoped {
                                try await server.withCancellation { _ = try await server.receive() }
                            } else {
                                _ = try await server.receive()
                            }
                        }
                    }
                    try? await LoopTime.sleep(for: .milliseconds(10))
                    tasks.cancelAll()
                    return await tasks.reduce(into: []) { $0.append($1) }
                }
            }
            // What comes later is not lost to the calls that ended.
            try await client.send([9])
            #expect(try await server.receive().bytes == [9])
            codes += await withTaskGroup(of: Int32.self) { tasks in
                tasks.addTask { await code { _ = try await server.receive() } }
                try? await LoopTime.sleep(for: .milliseconds(10))
                server.close()
                return await tasks.reduce(into: []) { $0.append($1) }
            }
            codes.append(await code { _ = try await server.receive() })
            codes.append(await code { try await server.send([1], to: try client.localAddress) })
            return codes
        }
        #expect(seen == [110, 125, 125, 125, 125, 125])
    }

    @Test("A full send buffer makes a send wait, and a deadline ends that")
    func fullBuffer() throws {
        // If this failed, a sender that is faster than its peer would spin or drop. Unix sockets
        // have a full buffer: UDP over loopback drops at the receiver instead.
        for choice in backends {
            let path = "/tmp/millrace-full-\(MonotonicInstant.now.nanoseconds)"
            defer { removeFile(path) }
            let address = try #require(SocketAddress.unix(path: path))
            let seen = try LoopGroup.run(choice: choice) { _ in
                let server = try DatagramSocket(boundTo: address)
                let client = try DatagramSocket(connectedTo: address)
                defer { for socket in [server, client] { socket.close() } }
                var sent = 0
                let ending = await code {
                    for _ in 0..<100_000 {
                        try await client.send([1], until: soon)
                        sent += 1
                    }
                }
                for _ in 0..<sent { _ = try await server.receive(until: soon) }
                try await client.send([2], until: soon)
                return (ending, sent, try await server.receive(until: soon).bytes)
            }
            #expect(seen.0 == Int32(MILLRACE_ETIMEDOUT))
            #expect(seen.1 > 0 && seen.2 == [2])
        }
    }

    @Test("Two sockets share a port if both say so", arguments: backends)
    func sharedPorts(_ choice: BackendChoice) throws {
        // If this failed, a server could not have a socket on each loop, or would take one over.
        let seen = try LoopGroup.run(choice: choice) { _ in
            var options = DatagramOptions()
            options.sharesPort = true
            options.receiveBufferByteCount = 50_000
            let first = try DatagramSocket(boundTo: loopback, options: options)
            defer { first.close() }
            let address = try first.localAddress
            let refused = await code { try DatagramSocket(boundTo: address).close() }
            try DatagramSocket(boundTo: address, options: options).close()
            options.receiveBufferByteCount = 0
            let invalid = await code { [options] in
                try DatagramSocket(boundTo: loopback, options: options).close()
            }
            return [refused, invalid]
        }
        #expect(seen == [Int32(MILLRACE_EADDRINUSE), Int32(MILLRACE_EINVAL)])
    }

    @Test("Batches allocate nothing", arguments: backends)
    func allocations(_ choice: BackendChoice) throws {
        // If this failed, each datagram would cost an allocation, which is most of its price.
        #expect(try child("datagrams", choice) == ["datagrams: 32000", "no allocations"])
    }
}

/// Runs `body` with a bound socket and one that is connected to it, on one loop.
private func withSockets<Value: Sendable>(
    _ choice: BackendChoice, boundTo address: SocketAddress,
    _ body: @escaping @Sendable (DatagramSocket, DatagramSocket) async throws -> Value
) throws -> Value {
    try LoopGroup.run(choice: choice) { _ in
        let server = try DatagramSocket(boundTo: address)
        defer { server.close() }
        let client = try DatagramSocket(connectedTo: try server.localAddress)
        defer { client.close() }
        return try await body(server, client)
    }
}
