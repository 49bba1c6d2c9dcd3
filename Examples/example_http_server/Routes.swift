// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import HTTP1Codec
    internal import HTTPServing

    /// What the server serves.
    enum Routes {
        static func all(
            _ figures: Figures, maxBody: Int, page: EmbeddedFiles, files: StaticFiles?
        ) throws(RouteError) -> HTTPRoutes {
            var routes = HTTPRoutes()
            try routes.get("/") { request in
                try page.respond(to: request, name: "index.html")
                    .adding("Content-Security-Policy", Page.policy)
            }
            try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
            try routes.post("/echo") { request in
                let body = try await request.body.collect(upTo: maxBody)
                return ServerResponse(
                    type: request[.contentType] ?? "application/octet-stream", bytes: body)
            }
            try routes.get("/missing") { _ in throw HTTPFailure(404, "nothing is here, as it says")
            }
            try routes.get("/events") { _ in events(figures) }
            try routes.get("/metrics") { _ in
                ServerResponse(type: "\(PrometheusText.contentType)", bytes: figures.metrics())
            }
            try routes.get("/healthz") { _ in
                figures.isOver ? .text("stopping\n", status: 503) : .text("ok\n")
            }
            try routes.get("/shout") { _ in .upgrade(to: "shout", Shout.serve) }
            if let files { try routes.files("/files", files) }
            return routes
        }

        /// The figures, once a second, until the client or the server ends.
        private static func events(_ figures: Figures) -> ServerResponse {
            .stream(type: "\(EventStream.contentType)") { writer in
                while !figures.isOver {  // Ends with the server, or when writing throws.
                    var event: [UInt8] = []
                    try EventStream.append(figures.event, to: &event)
                    try await writer.write(event)
                    try await LoopTime.sleep(for: .seconds(1))
                }
            }
            .adding("Cache-Control", "no-store")
        }
    }
#endif
