// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import EventLoops
    internal import Networking

    /// The demonstration's peer: counts messages by itself, answers each with its number, and does
    /// to its clients what the worst of networks would do.
    ///
    /// Threads: everything happens on its own loop.
    final class FaultyReceiver: @unchecked Sendable {
        /// How long a stall lasts; longer than the client's patience.
        static let stall: Duration = .milliseconds(700)
        /// How long it does not listen.
        static let refusal: Duration = .milliseconds(120)
        /// How many faults there are in a run.
        static let faultCount = 40

        let executor: LoopExecutor
        private(set) var arrivals: ArrivalLog
        private(set) var strikes: [Fault: Int] = [:]
        private(set) var address: SocketAddress
        private var listener: StreamListener
        private var connections: [ObjectIdentifier: StreamConnection] = [:]
        private let faultInterval: Int
        private var nextFaultAt: Int
        private var faultNumber = 0
        private var resetsAtOnceLeft = 0
        private var isRefusing = false
        private var isOver = false

        /// Listens on a free port of loopback, on the calling task's loop.
        init(messageCount: Int) throws(SystemError) {
            guard let executor = LoopExecutor.current,
                let any = SocketAddress.ipv4(host: "127.0.0.1", port: 0)
            else { preconditionFailure("a receiver is made on a loop") }
            self.executor = executor
            listener = try StreamListener(on: any)
            address = listener.address
            arrivals = ArrivalLog(messageCount: messageCount)
            faultInterval = max(10, messageCount / Self.faultCount)
            nextFaultAt = faultInterval
        }

        /// Accepts and serves until `stop`.
        func run() async {
            await withDiscardingTaskGroup { tasks in
                while !isOver {  // Ends with `stop`.
                    do throws(SystemError) {
                        let connection = try await listener.accept()
                        if resetsAtOnceLeft > 0 {
                            resetsAtOnceLeft -= 1
                            strikes[.resetAtOnce, default: 0] += 1
                            connection.reset()
                            continue
                        }
                        tasks.addTask(executorPreference: executor) { await self.serve(connection) }
                    } catch {
                        if !isOver { await reopen() }
                    }
                }
            }
        }

        /// Closes everything.
        func stop() {
            isOver = true
            listener.close()
            for connection in connections.values { connection.close() }
        }

        // MARK: One connection

        private func serve(_ connection: StreamConnection) async {
            connections[ObjectIdentifier(connection)] = connection
            defer {
                connections[ObjectIdentifier(connection)] = nil
                connection.close()
            }
            var lines = NumberedLines()
            do throws(SystemError) {
                while true {  // Ends with the connection.
                    var answer: [UInt8] = []
                    let count = try await connection.consume { bytes in
                        lines.take(bytes, into: &arrivals, answer: &answer)
                        return bytes.byteCount
                    }
                    guard count != nil else { return }
                    if arrivals.distinctCount >= nextFaultAt, await !strike(connection) { return }
                    try await connection.write(answer)
                }
            } catch {
                // The client has given this connection up.
            }
        }

        // MARK: Faults

        /// Does the next fault; answers whether the connection is served further.
        private func strike(_ connection: StreamConnection) async -> Bool {
            guard let fault = Fault(rawValue: faultNumber % Fault.allCases.count) else {
                return true
            }
            faultNumber += 1
            nextFaultAt = arrivals.distinctCount + faultInterval
            if fault != .resetAtOnce { strikes[fault, default: 0] += 1 }
            switch fault {
            case .reset: connection.reset()
            case .stall: try? await LoopTime.sleep(for: Self.stall)
            case .halfClose: await halfClose(connection)
            case .refusal: refuse()
            case .resetAtOnce:
                resetsAtOnceLeft = 2
                connection.reset()
            }
            return false
        }

        private func halfClose(_ connection: StreamConnection) async {
            var lines = NumberedLines()
            var ignored: [UInt8] = []
            do throws(SystemError) {
                try await connection.finishWriting()
                while try await connection.consume({ bytes in
                    lines.take(bytes, into: &arrivals, answer: &ignored)
                    return bytes.byteCount
                }) != nil { ignored.removeAll() }
            } catch {
                // The client has given this connection up.
            }
        }

        private func refuse() {
            isRefusing = true
            listener.close()
            for connection in connections.values { connection.reset() }
        }

        private func reopen() async {
            while !isOver {  // Ends when the port can be had again.
                try? await LoopTime.sleep(for: Self.refusal)
                if isOver { return }
                guard let again = try? StreamListener(on: address) else { continue }
                listener = again
                isRefusing = false
                return
            }
        }
    }
#endif
