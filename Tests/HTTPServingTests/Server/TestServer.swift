// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Networking

@testable import HTTPServing

#if TLS
    import TLSEngines
    import TLSTestSupport
#endif

let backends: [BackendChoice] = [.ioUring, .epoll]

/// A free port on loopback.
var loopback: SocketAddress {
    guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
        preconditionFailure("a literal address")
    }
    return address
}

/// A server in this process, on loops and threads of its own; stopped at the latest when this
/// object goes away.
final class TestServer {
    struct Failure: Error { let error: any Error }

    /// What the server's thread and the test share.
    private final class State: @unchecked Sendable {
        // Edges: E1  the server's thread stores `phase` → the test loads it   carries the rest
        let choice: BackendChoice
        let loops: Int
        let address: SocketAddress
        let configuration: HTTPServerConfiguration
        let routes: HTTPRoutes
        let options: LoopOptions
        let phase = Atomic<Int>(0)
        var server: HTTPServer?
        var error: (any Error)?

        init(
            _ choice: BackendChoice, _ loops: Int, _ address: SocketAddress,
            _ configuration: HTTPServerConfiguration, _ routes: HTTPRoutes, _ options: LoopOptions
        ) {
            self.choice = choice
            self.loops = loops
            self.address = address
            self.configuration = configuration
            self.routes = routes
            self.options = options
        }

        func run() {
            do {
                try LoopGroup.run(loops: loops, choice: choice, options: options) { group in
                    let server = try await HTTPServer.open(
                        on: self.address, group: group, configuration: self.configuration,
                        routes: self.routes)
                    self.server = server
                    self.phase.store(1, ordering: .releasing)  // E1
                    await server.run()
                }
            } catch {
                self.error = error
            }
            phase.store(2, ordering: .releasing)  // E1
        }
    }

    let server: HTTPServer
    private let state: State
    #if TLS
        /// With what clients connect, if the server speaks TLS.
        private let connector: TLSConnector?
    #endif
    private var thread: UInt64 = 0
    private var isJoined = false

    /// A server that listens, reached as is said.
    convenience init(
        _ wire: Wire, loops: Int = 1, on address: SocketAddress = loopback,
        routes: HTTPRoutes? = nil, _ configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws {
        #if TLS
            let policy = wire.isSecure ? try SecureServer.policy() : nil
            try self.init(wire.backend, loops: loops, on: address, routes: routes) {
                $0.tls = policy
                configure(&$0)
            }
        #else
            try self.init(wire.backend, loops: loops, on: address, routes: routes, configure)
        #endif
    }

    /// A server that listens; with TLS, its clients trust the tests' authority.
    init(
        _ choice: BackendChoice, loops: Int = 1, on address: SocketAddress = loopback,
        routes: HTTPRoutes? = nil, options: LoopOptions = LoopOptions(),
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = HTTPServerConfiguration()
        configuration.lingerTimeout = .milliseconds(500)
        configure(&configuration)
        #if TLS
            connector = configuration.tls == nil ? nil : try SecureServer.connector()
        #endif
        state = State(
            choice, loops, address, configuration, try routes ?? TestRoutes.all(), options)
        let context = unsafe Unmanaged.passRetained(state).toOpaque()  // SAFETY: the thread's.
        let body: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
            guard let context = unsafe context else { return }
            // SAFETY: the reference taken above.
            unsafe Unmanaged<State>.fromOpaque(context).takeRetainedValue().run()
        }
        // SAFETY: the thread takes the reference over.
        guard unsafe millrace_thread_start(&thread, body, context, "server") == 0 else {
            preconditionFailure("no thread")
        }
        while state.phase.load(ordering: .acquiring) == 0 {  // E1
            millrace_thread_yield()
        }
        guard let server = state.server else {
            millrace_thread_join(thread)
            throw Failure(error: state.error ?? HTTPFailure(500))
        }
        self.server = server
    }

    deinit { stop() }

    var address: SocketAddress { server.address }

    /// A connected client.
    func connect(receiveBuffer: Int32? = nil) throws -> RawClient {
        let client = try RawClient(address, receiveBuffer: receiveBuffer)
        #if TLS
            if let connector {
                try client.shakeHands(connector.open(serverName: "localhost"))
            }
        #endif
        return client
    }

    /// Whether `run` has returned.
    var hasEnded: Bool { state.phase.load(ordering: .acquiring) == 2 }  // E1

    /// Stops, and waits for the end.
    func stop() {
        guard !isJoined else { return }
        isJoined = true
        server.stop()
        millrace_thread_join(thread)
    }

    /// Lets the server do what it can do.
    static func pause(milliseconds: Int32) { _ = millrace_poll(-1, 0, milliseconds) }

    /// Waits for something to come true, at most for ten seconds; whether it did.
    static func wait(milliseconds: Int = 10_000, for condition: () -> Bool) -> Bool {
        let end = MonotonicInstant.now.advanced(by: .milliseconds(milliseconds))
        while !condition() {  // Ends at the deadline.
            if MonotonicInstant.now >= end { return false }
            _ = millrace_poll(-1, 0, 1)
        }
        return true
    }
}
