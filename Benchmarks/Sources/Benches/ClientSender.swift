// SPDX-License-Identifier: MIT

internal import BenchSupport

/// A sender of messages, and how many a second it may send: measurements of faster ones take more.
struct ClientSender {
    let contender: Contender
    /// How much faster it is than the pooled client: its trials get so many times the messages.
    let speed: Int

    private static func peer(_ name: String, _ arguments: [String]) -> ClientSender {
        ClientSender(contender: Contender(name, "send_c", arguments, isPeer: true), speed: 20)
    }

    private static func ours(_ name: String, _ arguments: [String]) -> ClientSender {
        ClientSender(
            contender: Contender(name, "send_pooled", arguments, isPeer: false), speed: 1)
    }

    static let peers = [
        peer("c-coalescing", ["--connections", "1"]),
        peer("c-coalescing-4", ["--connections", "4"]),
        peer("c-copying-4", ["--connections", "4", "--copy"]),
    ]
    static let ours = [
        ours("pooled", ["--backend", "io_uring"]),
        ours("pooled-epoll", ["--backend", "epoll"]),
        ours("pooled-one", ["--backend", "io_uring", "--connections", "1"]),
        ours("pooled-acknowledged", ["--backend", "io_uring", "--delivery", "acknowledged"]),
        ours("pooled-4-threads", ["--backend", "io_uring", "--producers", "4"]),
        ours("pooled-on-loop", ["--backend", "io_uring", "--on-loop"]),
    ]
}
