// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// The benches: a package of its own, so that users of Millrace never resolve what it is measured
// against. Contenders and load are programs; `bench` starts them, counts, and compares.

let package = Package(
    name: "millrace-benchmarks",
    products: [
        // Preloaded into contenders to count their allocations.
        .library(name: "MallocCount", type: .dynamic, targets: ["MallocCount"]),
        // Their writes.
        .library(name: "CallCount", type: .dynamic, targets: ["CallCount"]),
        // For peers in Swift, a package of their own.
        .library(name: "TaskTrials", targets: ["TaskTrials"]),
    ],
    dependencies: [
        .package(name: "millrace", path: "..", traits: ["IOUring", "TLS"]),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // The harness
        .target(name: "CBenchSupport"),
        .target(name: "MallocCount"),
        .target(name: "CallCount"),
        .target(name: "BenchSupport", dependencies: ["CBenchSupport"]),
        // The benches and their command
        .target(name: "Benches", dependencies: ["BenchSupport"]),
        .executableTarget(
            name: "bench", dependencies: ["BenchSupport", "Benches", argumentParser]),
        // Load, and contenders in C
        .target(name: "CContender"),
        .target(
            name: "CRing", dependencies: ["CContender"],
            linkerSettings: [.linkedLibrary("uring")]),
        .executableTarget(name: "load_c", dependencies: ["CContender"]),
        .executableTarget(name: "http_load_c", dependencies: ["CContender"]),
        .executableTarget(name: "http_rude_c", dependencies: ["CContender"]),
        .executableTarget(
            name: "tls_load_c", dependencies: ["CContender"],
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .executableTarget(name: "send_c", dependencies: ["CContender"]),
        .executableTarget(name: "sink_c", dependencies: ["CContender"]),
        .executableTarget(name: "transfer_c", dependencies: ["CContender"]),
        .executableTarget(name: "echo_epoll_c", dependencies: ["CContender"]),
        .executableTarget(
            name: "parse_http_c", dependencies: ["CContender"],
            linkerSettings: [.linkedLibrary("http_parser")]),
        .executableTarget(
            name: "curves_bearssl_c", dependencies: ["CContender"],
            linkerSettings: [.linkedLibrary("bearssl")]),
        .executableTarget(
            name: "curves_openssl_c", dependencies: ["CContender"],
            linkerSettings: [.linkedLibrary("crypto")]),
        .executableTarget(name: "primitives_c", dependencies: ["CContender"]),
        .executableTarget(name: "echo_uring_c", dependencies: ["CContender", "CRing"]),
        .executableTarget(name: "http_uring_c", dependencies: ["CContender", "CRing"]),
        .executableTarget(name: "http_nginx_c", dependencies: ["CContender"]),
        // Contenders in Swift
        .target(
            name: "ContenderSupport",
            dependencies: ["CContender", argumentParser, room("EventLoops")]),
        .executableTarget(
            name: "echo_callback",
            dependencies: ["CContender", "ContenderSupport", argumentParser, room("EventLoops")]),
        .executableTarget(
            name: "echo_async",
            dependencies: [
                "CContender", "ContenderSupport", argumentParser, room("AsyncRuntime"),
                room("AtomicSupport"), room("EventLoops"), room("Networking"),
            ]),
        .executableTarget(
            name: "suspend_async",
            dependencies: [argumentParser, room("AsyncRuntime"), room("EventLoops")]),
        .executableTarget(
            name: "send_pooled",
            dependencies: [
                "CContender", "ContenderSupport", argumentParser, room("AsyncRuntime"),
                room("AtomicSupport"), room("ConnectionPools"), room("EventLoops"),
                room("Networking"),
            ]),
        .executableTarget(
            name: "transfer_callback",
            dependencies: ["CContender", "ContenderSupport", argumentParser, room("EventLoops")]),
        .executableTarget(
            name: "parse_codec",
            dependencies: [
                "CContender", argumentParser, room("HTTP1Codec"),
            ]),
        .executableTarget(
            name: "curves_millrace", dependencies: ["CContender", room("EllipticCurves")]),
        .executableTarget(
            name: "queues_millrace", dependencies: ["CContender", room("ConcurrentQueues")]),
        .target(
            name: "TaskTrials",
            dependencies: ["CContender", room("AsyncRuntime"), room("EventLoops")]),
        .executableTarget(
            name: "tasks_millrace",
            dependencies: ["TaskTrials", room("Channels"), room("ConcurrentQueues")]),
        .target(name: "WorkSupport", dependencies: ["CContender"]),
        .executableTarget(
            name: "primitives_millrace",
            dependencies: [
                "CContender", "WorkSupport", room("AtomicSupport"), room("Channels"),
                room("ConcurrentQueues"), room("ObjectPools"), room("TimerWheels"),
                room("WaitPrimitives"),
            ]),
        .executableTarget(
            name: "post_jobs",
            dependencies: [
                "CContender", "ContenderSupport", argumentParser, room("AsyncRuntime"),
                room("AtomicSupport"), room("EventLoops"),
            ]),
        .executableTarget(
            name: "http_millrace",
            dependencies: [
                "CContender", "ContenderSupport", argumentParser, room("AsyncRuntime"),
                room("EventLoops"), room("HTTPServing"), room("Networking"), room("TLSEngines"),
            ]),
        .testTarget(name: "BenchTests", dependencies: ["BenchSupport", "Benches"]),
    ],
    swiftLanguageModes: [.v6]
)

var argumentParser: Target.Dependency {
    .product(name: "ArgumentParser", package: "swift-argument-parser")
}

/// A room of Millrace.
func room(_ name: String) -> Target.Dependency { .product(name: name, package: "millrace") }

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

for target in package.targets { target.swiftSettings = settings }
