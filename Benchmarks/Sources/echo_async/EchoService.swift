// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CContender
internal import ContenderSupport
internal import EventLoops
internal import Glibc
internal import Networking

/// Serves until a signal comes.
final class EchoService: Sendable {
    /// What one connection reads at a time when it copies.
    private static let byteCountMax = 65_536
    /// Up to how many bytes copying is cheaper than waiting.
    private static let copyMax = 4096

    private let port: UInt16
    private let isForwarding: Bool
    private let connectionCount = Atomic<UInt64>(0)
    private let byteCount = Atomic<UInt64>(0)

    init(port: UInt16, isForwarding: Bool) {
        self.port = port
        self.isForwarding = isForwarding
    }

    /// Relaxed: read when every task has ended.
    var totals: (connections: UInt64, bytes: UInt64) {
        (connectionCount.load(ordering: .relaxed), byteCount.load(ordering: .relaxed))
    }

    func run(_ group: LoopGroup) async throws {
        guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: port) else { return }
        let server = try await StreamServer.open(on: address, group: group)
        announce(server.address)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: group.executors[0]) {
                await server.run { await self.serve($0) }
            }
            tasks.addTask(executorPreference: group.executors[0]) {
                do {
                    let signals = try SignalStream([.interrupt, .terminate])
                    _ = try await signals.next()
                } catch {
                    // Cancelled: the server has ended by itself.
                }
            }
            _ = await tasks.next()
            tasks.cancelAll()
        }
    }

    /// What the loops have done, each asked on its own thread.
    func statistics(of group: LoopGroup) async -> ServerStatistics {
        var sum = ServerStatistics()
        for executor in group.executors {
            sum.add(await withTaskExecutorPreference(executor) { executor.loop.statistics })
        }
        return sum
    }

    private func announce(_ address: SocketAddress) {
        print("listening on \(address)")
        _ = fflush(nil)
    }

    @inline(__always)
    private func serve(_ connection: StreamConnection) async {
        var count: UInt64 = 0
        do {
            if isForwarding {
                try await forward(connection, &count)
            } else {
                try await copy(connection, &count)
            }
        } catch {
            // The peer has gone: the totals tell.
        }
        connectionCount.add(1, ordering: .relaxed)
        byteCount.add(count, ordering: .relaxed)
    }

    /// The ordinary way: reads into memory of its own and waits until the kernel has taken it.
    private func copy(
        _ connection: StreamConnection, _ total: inout UInt64
    ) async throws(SystemError) {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.byteCountMax, alignment: 16)
        defer { unsafe memory.deallocate() }  // SAFETY: no operation outlives the calls below.
        while true {  // Ends with the client's end or an error.
            // SAFETY: the memory lives to the end of this function.
            let count = try await unsafe connection.read(into: memory)
            if count == 0 { return }
            // SAFETY: so many were filled in.
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: memory[..<count])
            try await unsafe connection.write(all: bytes)  // SAFETY: as above.
            total += UInt64(count)
        }
    }

    /// Small messages are copied into the output and leave with the turn; large ones go out of the
    /// receive buffers.
    @inline(__always)
    private func forward(
        _ connection: StreamConnection, _ total: inout UInt64
    ) async throws(SystemError) {
        while true {  // Ends with the client's end or an error.
            var failure: SystemError?
            let count = try await connection.consume { bytes in
                if bytes.byteCount > Self.copyMax { return 0 }
                do throws(SystemError) {
                    return try connection.enqueue(bytes)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard var count else { return }
            if count == 0 {
                // SAFETY: the bytes stay until the write is over.
                count =
                    try await unsafe connection.withReceived { bytes throws(SystemError) in
                        try await unsafe connection.write(all: bytes)  // SAFETY: as above.
                        return bytes.count
                    } ?? 0
            }
            total += UInt64(count)
        }
    }
}
