// SPDX-License-Identifier: MIT

internal import BenchSupport

/// The echo servers: peers in C and ours.
enum EchoContenders {
    static let uring = Contender("c-uring", "echo_uring_c", isPeer: true)
    static let uringIncremental = Contender(
        "c-uring-incremental", "echo_uring_c", ["--incremental"], isPeer: true)
    static let uringBundle = Contender("c-uring-bundle", "echo_uring_c", ["--bundle"], isPeer: true)
    static let uringDirect = Contender("c-uring-direct", "echo_uring_c", ["--direct"], isPeer: true)
    static let epoll = Contender("c-epoll", "echo_epoll_c", isPeer: true)
    static let epollEdge = Contender("c-epoll-edge", "echo_epoll_c", ["--edge"], isPeer: true)

    /// Reads a large message at once.
    static let large = [
        Contender(
            "c-epoll-64k", "echo_epoll_c", ["--edge", "--buffer", "65536"], isPeer: true),
        Contender(
            "c-uring-64k", "echo_uring_c", ["--buffer", "65536"], isPeer: true),
    ]

    static let callback = Contender(
        "callback", "echo_callback", ["--backend", "io_uring"], isPeer: false)
    static let callbackEpoll = Contender(
        "callback-epoll", "echo_callback", ["--backend", "epoll"], isPeer: false)
    static let async = Contender(
        "async", "echo_async", ["--forward", "--backend", "io_uring"], isPeer: false)
    static let asyncCopy = Contender(
        "async-copy", "echo_async", ["--backend", "io_uring"], isPeer: false)
    static let asyncEpoll = Contender(
        "async-epoll", "echo_async", ["--forward", "--backend", "epoll"], isPeer: false)

    static let peers = [uring, uringIncremental, uringBundle, uringDirect, epoll, epollEdge]
    static let ours = [callback, callbackEpoll, async, asyncCopy, asyncEpoll]
    static let all = peers + ours
}
