// SPDX-License-Identifier: MIT

internal import EventLoops
internal import Networking

/// A script that listens at a port of the kernel's, until it is closed.
///
/// Threads: the loop's.
final class KernelListener: StormListener, @unchecked Sendable {
    var port: UInt16 { listener.address.port }
    private let listener: StreamListener

    /// Listens; nil if somebody else does.
    init?(
        _ world: KernelWorld, _ port: UInt16, _ backlog: Int,
        _ body: @escaping (any StormPeer) -> Void
    ) {
        var options = StreamListener.Options()
        options.backlog = backlog
        guard let address = SocketAddress.ipv4(host: "0.0.0.0", port: port),
            let listener = try? StreamListener(on: address, options: options)
        else { return nil }
        self.listener = listener
        let script = AcceptScript(body: body)
        world.begin {
            do throws(SystemError) {
                while true {  // Ends when the listener is closed.
                    let connection = try await listener.accept()
                    let peer = KernelPeer(world)
                    script.body(peer)
                    world.begin(peer) { await peer.run(connection) }
                }
            } catch {
                listener.close()
            }
        }
    }

    func close() { listener.close() }
}

/// What a script does with who comes, on the loop's thread.
private struct AcceptScript: @unchecked Sendable {
    let body: (any StormPeer) -> Void
}
