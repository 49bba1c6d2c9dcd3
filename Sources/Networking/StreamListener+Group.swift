// SPDX-License-Identifier: MIT

package import AsyncRuntime
package import EventLoops

extension StreamListener {
    /// The listeners of a server: over TCP one for each loop, on one port (SO_REUSEPORT); for a
    /// Unix socket, which cannot be shared (EOPNOTSUPP), one on the first loop.
    package static func open(
        on address: SocketAddress, group: LoopGroup
    ) async throws(SystemError) -> [StreamListener] {
        let isShared = group.executors.count > 1 && address.family != .unix
        // A shared port would let a second server in unnoticed.
        if isShared && address.port != 0 { try Socket.checkIsFree(address) }
        var options = Options()
        options.sharesPort = isShared
        var listeners: [StreamListener] = []
        do {
            for executor in isShared ? group.executors : [group.executors[0]] {
                // The first listener's port, if any port was asked for.
                let target = listeners.first?.address ?? address
                listeners.append(try await open(on: target, executor: executor, options: options))
            }
        } catch {
            for listener in listeners { listener.executor.perform { listener.close() } }
            throw error
        }
        return listeners
    }

    private static func open(
        on address: SocketAddress, executor: LoopExecutor, options: Options
    ) async throws(SystemError) -> StreamListener {
        let opened: Result<StreamListener, SystemError>
        opened = await withTaskExecutorPreference(executor) {
            do throws(SystemError) {
                return .success(try StreamListener(on: address, options: options))
            } catch {
                return .failure(error)
            }
        }
        return try opened.get()
    }
}
