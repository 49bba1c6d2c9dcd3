// SPDX-License-Identifier: MIT

#if Examples
    internal import ArgumentParser
    internal import ExampleSupport
    internal import HTTPClients

    /// What is sent.
    struct MessageArguments: ParsableArguments, Sendable {
        @Option(
            name: [.customShort("X"), .long],
            help: ArgumentHelp(
                "GET by default; POST with --data, HEAD with --head.", valueName: "method"))
        var method: String?

        @Option(
            name: [.customShort("H"), .long],
            help: ArgumentHelp("A field, 'Name: value'; again for more.", valueName: "field"))
        var header: [String] = []

        @Option(
            name: .shortAndLong,
            help: ArgumentHelp(
                "A body: its text, @FILE, or - for standard input. Of type "
                    + "application/x-www-form-urlencoded, unless a field says so.",
                valueName: "body"))
        var data: String?

        @Flag(help: "Ask for the head only, and show it.")
        var head = false

        @Flag(name: [.customShort("L"), .long], help: "Follow redirects.")
        var location = false

        @Option(help: ArgumentHelp("How many redirects are followed.", valueName: "count"))
        var maxRedirects = 10

        func validate() throws {
            guard (0...100).contains(maxRedirects) else {
                throw ValidationError("--max-redirects takes a number from 0 to 100.")
            }
            if head && data != nil {
                throw ValidationError("--head and --data exclude each other.")
            }
            for field in header where !field.contains(":") {
                throw ValidationError("'\(field)' is no field: write 'Name: value'.")
            }
        }

        var redirectPolicy: RedirectPolicy {
            var policy = RedirectPolicy()
            policy.limit = maxRedirects
            return policy
        }

        /// The request for a URL.
        func request(to url: RequestURL) throws(ArgumentError) -> ClientRequest {
            var request = ClientRequest(
                url, method: method ?? (head ? "HEAD" : data == nil ? "GET" : "POST"))
            for field in header {
                let name = field.prefix { $0 != ":" }
                let value = field.dropFirst(name.count + 1).drop { $0 == " " || $0 == "\t" }
                request.fields.add(String(name), String(value))
            }
            guard let data else { return request }
            request.body = try BodySource(data).body()
            if request.fields["Content-Type"] == nil {
                request.fields.add("Content-Type", "application/x-www-form-urlencoded")
            }
            return request
        }
    }
#endif
