// SPDX-License-Identifier: MIT

internal import BenchSupport

/// The HTTP servers: ours, one in C that is always there, and those of others.
struct HTTPContenders {
    static let uring = Contender("c-uring", "http_uring_c", isPeer: true)

    static let direct = Contender(
        "direct", "http_millrace", ["--backend", "io_uring"], isPeer: false)
    static let directEpoll = Contender(
        "direct-epoll", "http_millrace", ["--backend", "epoll"], isPeer: false)
    static let task = Contender(
        "task", "http_millrace", ["--task", "--backend", "io_uring"], isPeer: false)
    static let taskEpoll = Contender(
        "task-epoll", "http_millrace", ["--task", "--backend", "epoll"], isPeer: false)
    static let ours = [direct, directEpoll, task, taskEpoll]

    static let nginx = Contender(
        "nginx", "http_nginx_c", ["--nginx", Peers.path("nginx")], isPeer: true)
    static let go = Contender("go", Peers.path("http_go"), isPeer: true)
    static let nio = Contender("swift-nio", Peers.path("http_nio"), isPeer: true)
    static let hummingbird = Contender("hummingbird", Peers.path("http_hummingbird"), isPeer: true)

    /// The files that the peers need.
    static let peerFiles = ["nginx", "http_go", "http_nio", "http_hummingbird"]

    /// Whether those of others take part.
    let withPeers: Bool

    /// All that answer; nginx first, because ratios are to it.
    var all: [Contender] {
        (withPeers ? [Self.nginx, Self.go, Self.nio, Self.hummingbird] : []) + [Self.uring]
            + Self.ours
    }

    /// What ratios are to: nginx where it takes part, else the server in C.
    var reference: Contender { withPeers ? Self.nginx : Self.uring }

    /// Those whose allocations can be counted: one process that glibc serves.
    var counted: [Contender] {
        (withPeers ? [Self.nio, Self.hummingbird] : []) + [Self.uring] + Self.ours
    }

    /// Throws if one that shall take part is missing.
    func check() throws(BenchError) {
        if withPeers { try Peers.check(Self.peerFiles) }
    }
}
