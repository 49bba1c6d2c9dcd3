// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import ExampleSupport
    internal import HTTP1Codec
    internal import HTTPClients

    /// One request, and where its answer goes; nil is standard output.
    struct TransferJob: Sendable {
        let request: ClientRequest
        let path: String?
    }

    /// How a transfer ended.
    enum TransferEnd: Sendable {
        case done
        /// With --fail: a status of 400 and more.
        case refused
        case failed
    }

    /// Makes one request, and again if that is wanted.
    struct Transfer: Sendable {
        private let command: HTTPClientCommand
        private let job: TransferJob
        private let progress: Progress

        /// One answer's outcome.
        private enum Outcome: Sendable {
            case done
            case refused(status: Int)
        }

        private struct TooLong: Error, CustomStringConvertible {
            let description: String
        }

        init(_ command: HTTPClientCommand, _ job: TransferJob, _ progress: Progress) {
            self.command = command
            self.job = job
            self.progress = progress
        }

        func run(_ client: HTTPClient) async -> TransferEnd {
            defer { progress.ended() }
            var attempt = 0
            while true {  // Ends: at most --retry more turns.
                let again =
                    attempt < command.limits.retry && job.request.isIdempotent
                    && job.request.body.isRepeatable
                do {
                    switch try await once(client, isLast: !again) {
                    case .done: return .done
                    case .refused(let status):
                        guard again && Self.isPassing(status) else {
                            report("status \(status)")
                            return .refused
                        }
                    }
                } catch {
                    guard again, let failure = error as? HTTPClientError, Self.isPassing(failure)
                    else {
                        report("\(error)")
                        return .failed
                    }
                    if command.verbose { report("\(error); once more") }
                }
                attempt += 1
                let pause = Duration.seconds(1 << min(attempt - 1, 5))
                do { try await LoopTime.sleep(for: pause) } catch { return .failed }
            }
        }

        private func once(_ client: HTTPClient, isLast: Bool) async throws -> Outcome {
            if command.verbose { say("> \(job.request.method) \(job.request.url)") }
            return try await client.send(job.request) { response in
                try await self.take(response, isLast: isLast)
            }
        }

        private func take(_ response: ClientResponse, isLast: Bool) async throws -> Outcome {
            if command.verbose { describe(response) }
            let isRefused = response.status >= 400
            if isRefused && (command.target.fail || !isLast && Self.isPassing(response.status)) {
                return .refused(status: response.status)
            }
            try checkLength(response.body.byteCount ?? 0)
            progress.began(response.body.byteCount)
            let target = try BodyTarget(job.path)
            do {
                if command.target.include || command.message.head {
                    try target.write(Self.head(of: response))
                }
                var byteCount: UInt64 = 0
                while let chunk = try await response.body.next() {  // Ends with the body.
                    byteCount += UInt64(chunk.count)
                    try checkLength(byteCount)
                    try target.write(chunk)
                    progress.received(chunk.count)
                }
            } catch {
                target.discard()
                throw error
            }
            try target.commit()
            return .done
        }

        private func checkLength(_ byteCount: UInt64) throws(TooLong) {
            if let limit = command.limits.limit, byteCount > limit {
                throw TooLong(description: "the body has more than \(limit) bytes")
            }
        }

        /// Whether it may be better in a while.
        private static func isPassing(_ status: Int) -> Bool {
            [408, 429, 500, 502, 503, 504].contains(status)
        }

        private static func isPassing(_ error: HTTPClientError) -> Bool {
            switch error {
            case .unreachable, .disconnected, .timedOut, .malformed(.truncated): true
            default: false
            }
        }

        // MARK: Words

        private static func head(of response: ClientResponse) -> [UInt8] {
            var text = "HTTP/1.\(response.versionMinor) \(response.status)\r\n"
            for field in response.fields.all { text += "\(field.name): \(field.value)\r\n" }
            return Array((text + "\r\n").utf8)
        }

        private func describe(_ response: ClientResponse) {
            let way = response.redirectCount > 0 ? " from \(response.url)" : ""
            say("< HTTP/1.\(response.versionMinor) \(response.status)\(way)")
            for field in response.fields.all { say("< \(field.name): \(field.value)") }
        }

        private func report(_ text: String) {
            progress.clear()
            command.report("\(job.request.url): \(text)")
        }

        /// A line of standard error; what a server sent cannot move the cursor.
        private func say(_ text: String) {
            progress.clear()
            let safe = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }
            StandardStream.error.writeLine(String(String.UnicodeScalarView(safe)))
        }
    }
#endif
