// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import EventLoops
internal import Networking

/// A script that listens at a port of the kernel's, until it is closed.
///
/// A listener that was closed leaves its port when the kernel has done that, a little later on
/// io_uring: who comes back to a port tries for a while.
///
/// Threads: the loop's.
final class KernelListener: StormListener, @unchecked Sendable {
    let port: UInt16
    private let world: KernelWorld
    private let backlog: Int
    private let body: (any StormPeer) -> Void
    private var listener: StreamListener?
    private var isClosed = false

    init(
        _ world: KernelWorld, _ port: UInt16, _ backlog: Int,
        _ body: @escaping (any StormPeer) -> Void
    ) {
        self.world = world
        self.port = port
        self.backlog = backlog
        self.body = body
        world.begin { await self.run() }
    }

    func close() {
        isClosed = true
        listener?.close()
    }

    private func run() async {
        for _ in 0..<200 where listener == nil && !isClosed {
            listener = open()
            if listener == nil { try? await LoopTime.sleep(for: .milliseconds(10)) }
        }
        guard let listener else {
            if !isClosed { world.failures.append("port \(port) is taken") }
            return
        }
        do throws(SystemError) {
            while true {  // Ends when the listener is closed.
                let connection = try await listener.accept()
                let peer = KernelPeer(world)
                body(peer)
                world.begin(peer) { await peer.run(connection) }
            }
        } catch {
            listener.close()
        }
    }

    private func open() -> StreamListener? {
        var options = StreamListener.Options()
        options.backlog = backlog
        guard let address = SocketAddress.ipv4(host: "0.0.0.0", port: port) else { return nil }
        return try? StreamListener(on: address, options: options)
    }
}
