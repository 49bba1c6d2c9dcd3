// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CContender
internal import ConnectionPools
internal import ContenderSupport
internal import Glibc
internal import Networking

/// One client and its producers: the warm-up, what counts, and the report.
final class Sending: Sendable {
    private let command: SendPooled
    private let home: LoopExecutor
    private let client: PooledClient
    private let tally: Tally
    private let threads: BlockingPool

    init(_ command: SendPooled, _ group: LoopGroup) throws {
        self.command = command
        home = group.executors[0]
        threads = BlockingPool(threadsMax: command.producers + 1)
        let tally = Tally()
        self.tally = tally
        var configuration = ClientConfiguration()
        configuration.pool.maxConnections = command.connections
        configuration.delivery = command.deliveryMode ?? .written
        if command.queueBytes > 0 { configuration.queueByteCountMax = command.queueBytes }
        client = try PooledClient(
            to: .host("127.0.0.1", port: command.port), configuration: configuration,
            executors: group.executors
        ) { tally.note($0) }
    }

    /// Sends everything; false if a message failed or went out twice.
    func run() async throws -> Bool {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: self.home) { await self.client.run() }
            await self.send(0..<self.command.warmup)
            await self.rendezvous("ready")
            let before = Usage.now
            await self.send(self.command.warmup..<self.total)
            let usage = Usage.now.since(before)
            await self.rendezvous(self.result(usage))
            await self.client.close(within: .seconds(30))
        }
        let statistics = client.statistics
        let isComplete = statistics.delivered == UInt64(total) && statistics.resent == 0
        if !isComplete {
            complain("\(statistics.delivered) of \(total) messages were delivered once")
        }
        return isComplete
    }

    private var total: Int { command.warmup + command.messages }

    // MARK: Producers

    /// Sends messages with these numbers and waits until they have settled.
    private func send(_ numbers: Range<Int>) async {
        guard !numbers.isEmpty else { return }
        tally.expect(numbers.upperBound)
        await withDiscardingTaskGroup { tasks in
            for index in 0..<command.producers {
                tasks.addTask(executorPreference: self.home) {
                    await self.produce(self.share(of: numbers, index))
                }
            }
        }
        await threads.run { self.tally.wait() }
    }

    private func share(of numbers: Range<Int>, _ index: Int) -> Range<Int> {
        let count = numbers.count
        let start = numbers.lowerBound + count * index / command.producers
        return start..<(numbers.lowerBound + count * (index + 1) / command.producers)
    }

    private func produce(_ numbers: Range<Int>) async {
        do {
            if command.onLoop {
                try await produceOnLoop(numbers)
            } else {
                let result = await threads.run { Result { try self.produceOnThread(numbers) } }
                try result.get()
            }
        } catch {
            tally.refuse()
            complain("\(error)")
        }
    }

    private func produceOnThread(_ numbers: Range<Int>) throws {
        var message = Message(byteCount: command.bytes)
        for number in numbers {
            message.number = UInt64(number)
            // SAFETY: plain bytes, lent for the call.
            unsafe try client.blockingSend(
                message.bytes.span.bytes, ticket: MessageTicket(rawValue: UInt64(number)))
        }
    }

    private func produceOnLoop(_ numbers: Range<Int>) async throws {
        var message = Message(byteCount: command.bytes)
        for number in numbers {
            message.number = UInt64(number)
            let ticket = MessageTicket(rawValue: UInt64(number))
            // SAFETY: plain bytes, lent for the call.
            if unsafe try client.trySend(message.bytes.span.bytes, ticket: ticket) { continue }
            try await client.send(message.bytes, ticket: ticket)
        }
    }

    // MARK: The harness

    /// Says a line; with `--controlled`, waits for one.
    private func rendezvous(_ line: String) async {
        let isControlled = command.controlled
        guard isControlled || line != "ready" else { return }
        await threads.run {
            print(line)
            _ = fflush(nil)
            if isControlled { _ = readLine() }
        }
    }

    /// The bytes and the sum are of everything, the rest of what was measured.
    private func result(_ usage: Usage) -> String {
        let count = UInt64(total)
        let numbers = count % 2 == 0 ? count / 2 &* (count - 1) : count &* ((count - 1) / 2)
        let filling = count &* UInt64(command.bytes / 8 - 1) &* Message.filling
        return "result messages=\(command.messages) bytes=\(count * UInt64(command.bytes))"
            + " checksum=\(numbers &+ filling) \(usage) failed=\(tally.failedCount)"
    }
}
