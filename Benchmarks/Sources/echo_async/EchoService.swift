// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CContender
internal import EventLoops
internal import Glibc
internal import Networking

/// Serves until a signal comes.
final class EchoService: Sendable {
    /// What one connection reads at a time when it copies.
    private static let byteCountMax = 65_536

    private let port: UInt16
    private let isLending: Bool
    private let connectionCount = Atomic<UInt64>(0)
    private let byteCount = Atomic<UInt64>(0)

    init(port: UInt16, isLending: Bool) {
        self.port = port
        self.isLending = isLending
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

    private func announce(_ address: SocketAddress) {
        print("listening on \(address)")
        _ = fflush(nil)
    }

    private func serve(_ connection: StreamConnection) async {
        var count: UInt64 = 0
        do {
            if isLending {
                try await lend(connection, &count)
            } else {
                try await copy(connection, &count)
            }
        } catch {
            // The peer has gone: the totals tell.
        }
        connectionCount.add(1, ordering: .relaxed)
        byteCount.add(count, ordering: .relaxed)
    }

    /// The ordinary way. What the interface costs here: a copy of every byte, and two calls that
    /// may suspend.
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

    /// Without the copy: keeps the lent bytes' address for as long as they are not used up, which
    /// the interface does not promise.
    private func lend(
        _ connection: StreamConnection, _ total: inout UInt64
    ) async throws(SystemError) {
        while true {  // Ends with the client's end or an error.
            // SAFETY: no memory yet.
            var lent = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            let seen = try await connection.consume { bytes in
                unsafe bytes.withUnsafeBytes { unsafe lent = $0 }  // SAFETY: see above.
                return 0
            }
            if seen == nil { return }
            let count = lent.count
            try await unsafe connection.write(all: lent)  // SAFETY: see above.
            _ = try await connection.consume { _ in count }
            total += UInt64(count)
        }
    }
}
