// SPDX-License-Identifier: MIT

#if HTTP
    public import ServiceLifecycle

    /// A server as a service of swift-service-lifecycle: it stops gracefully when its group does.
    public struct HTTPService: Service {
        private let server: HTTPServer

        /// A service around a server that listens and does not run yet.
        public init(_ server: HTTPServer) {
            self.server = server
        }

        /// Runs the server until the group shuts down gracefully or the task is cancelled.
        public func run() async {
            await withGracefulShutdownHandler {
                await server.run()
            } onGracefulShutdown: {
                server.stop()
            }
        }
    }
#endif
