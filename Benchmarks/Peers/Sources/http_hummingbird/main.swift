// SPDX-License-Identifier: MIT

// Hummingbird with one event loop and one route, without a log.

import Hummingbird
import Logging
import NIOCore
import NIOPosix
import PeerSupport

/// Counts connections.
final class ConnectionCounter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let totals: Totals

    init(_ totals: Totals) {
        self.totals = totals
    }

    func handlerAdded(context: ChannelHandlerContext) {
        totals.countConnection()
        _ = context.pipeline.syncOperations.removeHandler(context: context)
    }
}

extension ConnectionCounter: RemovableChannelHandler {}

raiseDescriptors()
let totals = Totals()
let router = Router()
router.get("hello") { _, _ in
    totals.countRequest()
    return "Hello, World!"
}
var logger = Logger(label: "hummingbird")
logger.logLevel = .critical
let app = Application(
    router: router,
    server: .http1(configuration: .init(additionalChannelHandlers: [ConnectionCounter(totals)])),
    configuration: .init(address: .hostname("127.0.0.1", port: 0), backlog: 1024),
    onServerRunning: { totals.announce(port: $0.localAddress?.port ?? 0) },
    eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
    logger: logger)
try await app.runService()
totals.finish()
