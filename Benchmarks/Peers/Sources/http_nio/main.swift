// SPDX-License-Identifier: MIT

// SwiftNIO's HTTP/1 pipeline on one event loop, answering GET /hello: the way its own example
// server does it, with the answer's parts made beforehand where that is possible.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import PeerSupport

/// The date, made anew once a second on the loop.
final class DateText {
    private(set) var text = ""

    func renew() {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var buffer = [CChar](repeating: 0, count: 64)
        strftime(&buffer, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        text = buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}

final class HelloHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let totals: Totals
    private let date: DateText
    private let body: ByteBuffer
    private var isHello = false

    init(_ totals: Totals, _ date: DateText, _ body: ByteBuffer) {
        self.totals = totals
        self.date = date
        self.body = body
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): isHello = head.method == .GET && head.uri == "/hello"
        case .body: break
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        totals.countRequest()
        var headers = HTTPHeaders()
        headers.reserveCapacity(3)
        headers.add(name: "Date", value: date.text)
        headers.add(name: "Content-Type", value: "text/plain")
        headers.add(name: "Content-Length", value: isHello ? "13" : "0")
        let head = HTTPResponseHead(
            version: .http1_1, status: isHello ? .ok : .notFound, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if isHello { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Once for all requests that came together.
    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

raiseDescriptors()
// Before the first thread, so that all have it blocked and this one can wait for it.
var signals = sigset_t()
sigemptyset(&signals)
sigaddset(&signals, SIGTERM)
pthread_sigmask(SIG_BLOCK, &signals, nil)
let totals = Totals()
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let loop = group.next()
let date = try loop.submit { NIOLoopBound(DateText(), eventLoop: loop) }.wait()
try loop.submit { date.value.renew() }.wait()
loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in date.value.renew() }
let body = ByteBuffer(string: "Hello, World!")
let server = try ServerBootstrap(group: group)
    .serverChannelOption(.backlog, value: 1024)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            totals.countConnection()
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(HelloHandler(totals, date.value, body))
        }
    }
    .bind(host: "127.0.0.1", port: 0).wait()

totals.announce(port: server.localAddress?.port ?? 0)
var received: Int32 = 0
sigwait(&signals, &received)
try server.close().wait()
try group.syncShutdownGracefully()
totals.finish()
