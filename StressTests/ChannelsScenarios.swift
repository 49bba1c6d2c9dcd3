// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import Channels
internal import StressSupport

let channelsScenarios: [Scenario] =
    scenarios(of: "channel", bounded) + scenarios(of: "rendezvous", rendezvous)
    + scenarios(of: "select", selected)
    + [
        Scenario(
            name: "channel-batch", room: "Channels", threads: 4,
            summary: "2 fill, 2 drain, who finds no room or nothing sleeps: sum, lifetimes"
        ) { ChannelBatches($0).run() },
        Scenario(
            name: "channel-batch-wakes", room: "Channels", threads: 3,
            summary: "one batch for two who sleep, elements and places in turns: both wake"
        ) { ChannelBatchWakes($0).run() },
    ]

/// The three ways to use a channel.
private func scenarios(
    of name: String, _ make: @escaping @Sendable () -> ParcelChannel
) -> [Scenario] {
    [
        Scenario(
            name: "\(name)-2s2r", room: "Channels", threads: 4,
            summary: "2 send, 2 receive, with random deadlines, then close: sum, lifetimes"
        ) { ChannelTraffic(make(), $0).runToDeadline() },
        Scenario(
            name: "\(name)-close", room: "Channels", threads: 5,
            summary: "a close at a random moment beside sleepers on both sides, again and again"
        ) { context in
            var generator = SplitMix64(seed: context.seed)
            var operations: UInt64 = 0
            while !context.isOver || operations == 0 {
                let spinCount = Int.random(in: 0..<200, using: &generator)
                operations &+= ChannelTraffic(make(), context).runToClose(after: spinCount) &+ 1
            }
            return operations
        },
        Scenario(
            name: "\(name)-storm", room: "Channels", threads: 6,
            summary: "tasks on both sides, cancelled at random, beside threads: conservation"
        ) { ChannelTraffic(make(), $0).runStorm() },
    ]
}

@Sendable private func bounded() -> ParcelChannel {
    let channel = Shared(BoundedChannel<Parcel>(capacity: 2))
    return ParcelChannel(
        blockingSend: { channel.value.blockingSend($0, until: $1) },
        send: { await channel.value.send($0) },
        blockingReceive: { deadline throws(ChannelError) in
            try channel.value.blockingReceive(until: deadline)
        },
        receive: { () async throws(ChannelError) in try await channel.value.receive() },
        close: { channel.value.close() })
}

@Sendable private func rendezvous() -> ParcelChannel {
    let channel = Shared(RendezvousChannel<Parcel>())
    return ParcelChannel(
        blockingSend: { channel.value.blockingSend($0, until: $1) },
        send: { await channel.value.send($0) },
        blockingReceive: { deadline throws(ChannelError) in
            try channel.value.blockingReceive(until: deadline)
        },
        receive: { () async throws(ChannelError) in try await channel.value.receive() },
        close: { channel.value.close() })
}

/// Parcels go into two channels of different kinds by turns; receivers select from both.
@Sendable private func selected() -> ParcelChannel {
    let bounded = Shared(BoundedChannel<Parcel>(capacity: 2))
    let meeting = Shared(RendezvousChannel<Parcel>())
    let makeSelector: @Sendable () -> Selector<Parcel> = {
        Selector([.receive(from: bounded) { $0 }, .receive(from: meeting) { $0 }])
    }
    return ParcelChannel(
        blockingSend: {
            $0.number % 2 == 0
                ? bounded.value.blockingSend($0, until: $1)
                : meeting.value.blockingSend($0, until: $1)
        },
        send: {
            $0.number % 2 == 0 ? await bounded.value.send($0) : await meeting.value.send($0)
        },
        blockingReceive: { deadline throws(ChannelError) in
            var selector = makeSelector()
            return try selector.blockingNext(until: deadline)
        },
        receive: { () async throws(ChannelError) in
            var selector = makeSelector()
            return try await selector.next()
        },
        close: {
            bounded.value.close()
            meeting.value.close()
        }, keepsOrder: false)
}
