// SPDX-License-Identifier: MIT

// Fetches URLs over connections that are kept. With a server from
//
//     swift run -c release --traits Examples example_http_server --listen 127.0.0.1:8080
//
// in another terminal
//
//     swift run -c release --traits Examples example_http_client -i http://127.0.0.1:8080/hello

#if Examples
    internal import ArgumentParser
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import HTTPClients

    @main
    struct HTTPClientCommand: ExampleCommand {
        static let configuration = CommandConfiguration(
            commandName: "example_http_client",
            abstract: "Fetches URLs over HTTP/1.1, several at once over connections that are kept.",
            discussion: """
                Bodies go to standard output, or to files with --output or --output-dir: under \
                another name first, which is changed when the body is whole. Everything else goes \
                to standard error, and progress too if that is a terminal.

                Servers of https URLs are verified, always; there is no option to leave that out. \
                For a server of your own, name its authority with --cacert.

                Proxies come from http_proxy, https_proxy, all_proxy and no_proxy. Redirects are \
                followed with --location only.

                Exit status: 0 when all is done, 1 if something failed, 2 on wrong usage, 22 if \
                nothing but statuses of 400 and more failed, with --fail, 130 after Ctrl-C.
                """)

        @Argument(help: ArgumentHelp("http:// may be left out.", valueName: "url"))
        var urls: [String]

        @OptionGroup(title: "What is sent")
        var message: MessageArguments

        @OptionGroup(title: "Where it goes")
        var target: TargetArguments

        @OptionGroup(title: "Limits")
        var limits: LimitArguments

        @OptionGroup(title: "The way")
        var route: RouteArguments

        @Flag(name: .shortAndLong, help: "Say what is sent and received.")
        var verbose = false

        @Option(help: "What the event loop runs on.")
        var backend = BackendArgument.automatic

        func validate() throws {
            guard !urls.isEmpty else { throw ValidationError("Name a URL.") }
            if target.output != nil && urls.count > 1 {
                throw ValidationError("--output is for one URL; take --output-dir for several.")
            }
            if message.data == "-" && urls.count > 1 {
                throw ValidationError("Standard input can be sent to one URL only.")
            }
        }

        func perform() throws -> ExitStatus {
            let jobs: [TransferJob]
            let configuration: HTTPClientConfiguration
            do {
                jobs = try makeJobs()
                configuration = try clientConfiguration()
            } catch let error as ArgumentError {
                report(error.description)
                return .wrongUsage
            }
            let command = self
            do {
                return try LoopGroup.run(choice: backend.choice, signals: [.interrupt, .terminate])
                { group in
                    let run = ClientRun(command, jobs)
                    return try await HTTPClient.run(on: group, configuration: configuration) {
                        client in await run.run(client)
                    }
                }
            } catch let error as SystemError {
                report("cannot start: \(error)")
                return .failure
            }
        }

        private func makeJobs() throws -> [TransferJob] {
            var jobs: [TransferJob] = []
            var names: Set<String> = []
            for text in urls {
                let url: RequestURL
                do {
                    url = try RequestURL(text.contains("://") ? text : "http://" + text)
                } catch {
                    throw ArgumentError("'\(text)' is no URL: \(error)")
                }
                let path = target.path(for: url)
                if let path, path != "-", !names.insert(path).inserted {
                    throw ArgumentError("two URLs would be written to \(path)")
                }
                jobs.append(TransferJob(request: try message.request(to: url), path: path))
            }
            return jobs
        }

        private func clientConfiguration() throws -> HTTPClientConfiguration {
            var result = HTTPClientConfiguration()
            result.connectTimeout = limits.connectTimeout.duration
            result.idleTimeout = limits.idleTimeout.duration
            result.requestTimeout = limits.maxTime.duration
            result.pool.connectionsPerOriginMax = limits.parallel
            result.pool.connectionsMax = max(64, limits.parallel)
            result.redirects = message.location ? message.redirectPolicy : .none
            result.userAgent = "example_http_client"
            result.proxies = try route.proxies()
            #if TLS
                result.tls = try route.policy()
            #endif
            return result
        }
    }
#endif
