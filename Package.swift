// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// One target per room. A room imports only rooms on lower floors (docs/architecture.md); floors 1
// to 3 depend on nothing but the standard library. Traits are off by default, so that a package
// which takes a queue neither clones a dependency nor needs a system library.

let package = Package(
    name: "millrace",
    products: rooms.map { .library(name: $0, targets: [$0]) },
    traits: [
        .trait(
            name: "IOUring",
            description:
                "The io_uring backend of EventLoops (needs liburing-dev); without it, epoll alone"),
        .trait(
            name: "HTTP",
            description:
                "The parts of HTTPServing that meet the ecosystem: swift-http-types, swift-log,"
                + " swift-metrics, swift-service-lifecycle"),
        .trait(
            name: "Compression",
            description:
                "Compressed responses of HTTPServing (needs zlib1g-dev and libbrotli-dev)"),
        .trait(
            name: "TLS",
            description: "TLS 1.2 by BearSSL: TLSEngines (needs libbearssl-dev)"),
        .trait(
            name: "Examples",
            description: "The example programs (swift-argument-parser).",
            enabledTraits: ["IOUring", "HTTP", "Compression", "TLS"]),
        .trait(
            name: "CallSites",
            description:
                "Pools and drain allocators keep where each thing that is out was taken, and name"
                + " it in their reports: for debugging"),
        .trait(
            name: "Checks",
            description:
                "Release builds keep `checkInvariants()` and what it needs, as debug builds do: for"
                + " tests of optimised programs"),
        .trait(
            name: "Model",
            description:
                "Stand-ins from ModelChecking for what threads share, below every room: for tests"
                + " that check models, never for a program"),
        .trait(
            name: "Oracles",
            description: "Test oracles (swift-collections), for those who run Millrace's own tests."
        ),
        .default(enabledTraits: []),
    ],
    dependencies: [
        // Only under their traits, Examples, Oracles and HTTP: who takes a room without them does
        // not clone them.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Floor 0
        .target(name: "CLinuxShims"),
        .target(name: "CFiberContext"),
        .target(name: "ModelChecking", dependencies: ["CFiberContext"]),
        .systemLibrary(
            name: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CBrotli", pkgConfig: "libbrotlienc",
            providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(name: "CBearSSL", providers: [.apt(["libbearssl-dev"])]),
        // Floor 1
        .target(
            name: "AtomicSupport",
            dependencies: [
                "CLinuxShims",
                .target(name: "ModelChecking", condition: .when(traits: ["Model"])),
            ]),
        .target(name: "EllipticCurves"),
        // Floor 2
        .target(name: "MemoryReclamation", dependencies: ["AtomicSupport"]),
        .target(name: "ObjectPools", dependencies: ["AtomicSupport"]),
        .target(name: "TimerWheels", dependencies: ["AtomicSupport"]),
        .target(name: "HTTP1Codec"),
        .target(
            name: "TLSEngines",
            dependencies: [
                "CLinuxShims", .target(name: "CBearSSL", condition: .when(traits: ["TLS"])),
                .target(name: "EllipticCurves", condition: .when(traits: ["TLS"])),
            ]),
        // Floor 3
        .target(name: "ConcurrentQueues", dependencies: ["AtomicSupport", "MemoryReclamation"]),
        .target(name: "WaitPrimitives", dependencies: ["AtomicSupport"]),
        .target(name: "DrainAllocators", dependencies: ["AtomicSupport"]),
        // Floor 4
        .target(
            name: "Channels",
            dependencies: ["AtomicSupport", "ConcurrentQueues", "WaitPrimitives"]),
        .target(
            name: "EventLoops",
            dependencies: [
                "AtomicSupport", "CLinuxShims", "ConcurrentQueues", "TimerWheels",
                .target(name: "CLiburing", condition: .when(traits: ["IOUring"])),
            ]),
        // Floor 5
        .target(
            name: "AsyncRuntime", dependencies: ["AtomicSupport", "CLinuxShims", "EventLoops"]),
        .target(
            name: "LoopSimulation",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "EventLoops", "StressSupport",
            ]),
        // Floor 6
        .target(
            name: "Networking",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "EventLoops", "TLSEngines",
            ]),
        // Floor 7
        .target(
            name: "ConnectionPools",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "ConcurrentQueues",
                "DrainAllocators", "EventLoops", "Networking", "ObjectPools", "TLSEngines",
                "WaitPrimitives",
            ]),
        .target(
            name: "HTTPServing",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "EventLoops", "HTTP1Codec",
                "Networking", "TLSEngines",
                .target(name: "CBrotli", condition: .when(traits: ["Compression"])),
                .target(name: "CZlib", condition: .when(traits: ["Compression"])),
            ] + httpPackages),
        // Floor 8
        .target(
            name: "HTTPClients",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "EventLoops", "HTTP1Codec", "Networking",
                "TLSEngines",
                .target(name: "HTTPServing", condition: .when(traits: ["Compression"])),
            ] + httpTypes),
        // Beside the floors
        .target(name: "StressSupport", dependencies: ["AtomicSupport", "CLinuxShims"]),
        .target(
            name: "BackendConformance",
            dependencies: ["AtomicSupport", "CLinuxShims", "EventLoops", "StressSupport"]),
        // The tool that keeps the house in order; not a product
        .target(name: "TidyRules"),
        .executableTarget(name: "tidy", dependencies: ["TidyRules"]),
        // The stress scenarios
        .executableTarget(
            name: "stress",
            dependencies: [
                "AtomicSupport", "Channels", "ConcurrentQueues", "DrainAllocators",
                "MemoryReclamation", "ObjectPools", "StressSupport", "TimerWheels",
                "WaitPrimitives",
            ],
            path: "StressTests",
            exclude: ["README.md", "planted.sh", "planted.txt", "suppressions.txt"]),
        // The storms in simulated worlds
        .executableTarget(
            name: "simulate",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "BackendConformance", "CLinuxShims",
                "CMallocCount", "ConnectionPools", "EventLoops", "HTTPServing", "LoopSimulation",
                "Networking", "StressSupport", "TLSEngines",
            ],
            path: "StormTests", exclude: ["README.md", "kernel.sh"]),
        // The examples
        .target(
            name: "ExampleSupport",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "EventLoops", "Networking",
                "TLSEngines",
            ] + argumentParser,
            path: "Examples/ExampleSupport"),
        .executableTarget(
            name: "example_tcp_client",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "ConnectionPools", "EventLoops",
                "ExampleSupport", "Networking", "TLSEngines", "WaitPrimitives",
            ] + argumentParser,
            path: "Examples/example_tcp_client", exclude: ["README.md"]),
        .executableTarget(
            name: "example_tcp_server",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "EventLoops", "ExampleSupport", "Networking",
                "TLSEngines",
            ] + argumentParser,
            path: "Examples/example_tcp_server"),
        .executableTarget(
            name: "example_http_server",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "EventLoops", "ExampleSupport", "HTTP1Codec",
                "HTTPServing", "Networking", "TLSEngines",
            ] + argumentParser,
            path: "Examples/example_http_server", exclude: ["README.md"],
            resources: [.embedInCode("index.html")]),
        .executableTarget(
            name: "example_http_client",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "EventLoops", "ExampleSupport", "HTTP1Codec",
                "HTTPClients", "TLSEngines",
            ] + argumentParser,
            path: "Examples/example_http_client", exclude: ["README.md"]),
        .executableTarget(
            name: "example_http_service",
            dependencies: [
                "AsyncRuntime", "EventLoops", "ExampleSupport", "HTTP1Codec", "HTTPServing",
                "Networking",
            ] + argumentParser + httpPackages + unixSignals,
            path: "Examples/example_http_service"),
    ] + smallExamples + [
        // Tests
        .testTarget(
            name: "ModelCheckingTests", dependencies: ["CFiberContext", "ModelChecking"]),
        .testTarget(name: "AtomicSupportTests", dependencies: ["AtomicSupport", "StressSupport"]),
        .testTarget(
            name: "EllipticCurvesTests", dependencies: ["EllipticCurves"], exclude: ["Vectors"]),
        .testTarget(
            name: "ConcurrentQueuesTests",
            dependencies: ["AtomicSupport", "ConcurrentQueues", "StressSupport"]
                + oracle("DequeModule")),
        .testTarget(
            name: "MemoryReclamationTests",
            dependencies: ["AtomicSupport", "MemoryReclamation", "StressSupport"]),
        .testTarget(
            name: "ObjectPoolsTests",
            dependencies: ["AtomicSupport", "ObjectPools", "StressSupport"]),
        .testTarget(
            name: "TimerWheelsTests",
            dependencies: ["AtomicSupport", "StressSupport", "TimerWheels"]
                + oracle("HeapModule")),
        .target(
            name: "HTTP1Properties", dependencies: ["HTTP1Codec"], path: "Tests/HTTP1Properties",
            exclude: ["Corpus"]),
        .testTarget(
            name: "HTTP1CodecTests", dependencies: ["HTTP1Codec", "HTTP1Properties"]),
        .testTarget(
            name: "TLSEnginesTests",
            dependencies: [
                "CLinuxShims", "CTestSupport", "TLSEngines", "TLSTestSupport",
                .target(name: "CBearSSL", condition: .when(traits: ["TLS"])),
            ]),
        .target(
            name: "TLSTestSupport", dependencies: ["CTestSupport", "TLSEngines"],
            path: "Tests/TLSTestSupport"),
        .testTarget(
            name: "WaitPrimitivesTests",
            dependencies: ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        .testTarget(
            name: "ChannelsTests",
            dependencies: [
                "AtomicSupport", "Channels", "ConcurrentQueues", "StressSupport", "WaitPrimitives",
            ]),
        .testTarget(
            name: "DrainAllocatorsTests",
            dependencies: ["AtomicSupport", "DrainAllocators", "StressSupport"]),
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(name: "CMallocCount", path: "Tests/CMallocCount"),
        .testTarget(
            name: "AsyncRuntimeTests",
            dependencies: ["AsyncRuntime", "AtomicSupport", "CLinuxShims", "EventLoops"]),
        .testTarget(
            name: "EventLoopsTests",
            dependencies: [
                "AtomicSupport", "BackendConformance",
                .target(name: "CLiburing", condition: .when(traits: ["IOUring"])), "CLinuxShims",
                "CTestSupport", "EventLoops", "LoopChild", "StressSupport",
            ]),
        .testTarget(
            name: "LoopSimulationTests",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "BackendConformance", "CLinuxShims",
                "ConnectionPools", "EventLoops", "HTTPServing", "LoopSimulation", "Networking",
            ]),
        .executableTarget(
            name: "LoopChild",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "BackendConformance", "CMallocCount",
                "CTestSupport", "EventLoops",
            ],
            path: "Tests/LoopChild"),
        .testTarget(
            name: "NetworkingTests",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "CTestSupport", "EventLoops",
                "NetworkChild", "Networking", "TLSEngines", "TLSTestSupport",
            ]),
        .executableTarget(
            name: "NetworkChild",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CMallocCount", "CTestSupport", "EventLoops",
                "Networking",
            ],
            path: "Tests/NetworkChild"),
        .testTarget(
            name: "ConnectionPoolsTests",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CTestSupport", "ConnectionPools", "EventLoops",
                "Networking", "StressSupport", "TLSEngines", "TLSTestSupport",
            ]),
        .testTarget(
            name: "HTTPServingTests",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "CTestSupport", "EventLoops",
                "HTTP1Codec", "HTTPServing", "Networking", "StressSupport", "TLSEngines",
                "TLSTestSupport",
            ] + httpPackages),
        .testTarget(
            name: "HTTPClientsTests",
            dependencies: [
                "AsyncRuntime", "AtomicSupport", "CLinuxShims", "EventLoops", "HTTP1Codec",
                "HTTPClients", "HTTPServing", "Networking", "StressSupport", "TLSEngines",
            ] + httpTypes),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "AtomicSupport", "CLinuxShims", "CTestSupport", "DenyIOUring", "TLSTestSupport",
            ]),
        .executableTarget(
            name: "DenyIOUring", dependencies: ["CTestSupport"], path: "Tests/DenyIOUring"),
        .testTarget(
            name: "ExampleSupportTests",
            dependencies: ["CLinuxShims", "EventLoops", "ExampleSupport", "Networking"]),
        .testTarget(name: "TidyTests", dependencies: ["TidyRules"]),
    ],
    swiftLanguageModes: [.v6]
)

/// The rooms that are products: each can be imported alone.
var rooms: [String] {
    [
        "AsyncRuntime",
        "AtomicSupport",
        "BackendConformance",
        "Channels",
        "ConcurrentQueues",
        "ConnectionPools",
        "DrainAllocators",
        "EllipticCurves",
        "EventLoops",
        "HTTP1Codec",
        "HTTPClients",
        "HTTPServing",
        "LoopSimulation",
        "MemoryReclamation",
        "ModelChecking",
        "Networking",
        "ObjectPools",
        "StressSupport",
        "TLSEngines",
        "TimerWheels",
        "WaitPrimitives",
    ]
}

/// One idea each, under `Examples`: the program's name and what it imports.
var smallExamples: [Target] {
    [
        ("auto_reset_event", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("bounded_channel", ["AtomicSupport", "Channels", "StressSupport"]),
        ("barrier", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        (
            "broadcast_channel",
            ["AtomicSupport", "Channels", "ConcurrentQueues", "StressSupport", "WaitPrimitives"]
        ),
        ("broadcast_ring", ["AtomicSupport", "ConcurrentQueues", "StressSupport"]),
        ("buffer_pool", ["AtomicSupport", "ObjectPools", "StressSupport"]),
        ("circuit_breaker", ["AtomicSupport", "WaitPrimitives"]),
        ("condition_variable", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("drain_allocator", ["AtomicSupport", "CLinuxShims", "DrainAllocators", "StressSupport"]),
        ("echo_async", ["AsyncRuntime", "EventLoops", "Networking"]),
        ("event_count", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("event_loop", ["AtomicSupport", "CLinuxShims", "EventLoops"]),
        ("epochs", ["AtomicSupport", "CLinuxShims", "MemoryReclamation", "StressSupport"]),
        ("fair_lock", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("fixed_memory", ["AtomicSupport", "DrainAllocators", "StressSupport"]),
        ("hazard_pointers", ["AtomicSupport", "MemoryReclamation", "StressSupport"]),
        ("latch", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("lock_free_queue", ["AtomicSupport", "ConcurrentQueues", "StressSupport"]),
        ("manual_reset_event", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("mpmc_queue", ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]),
        ("intrusive_queue", ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]),
        ("local_pool", ["AtomicSupport", "ObjectPools", "StressSupport"]),
        (
            "mpsc_inbox",
            ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport", "WaitPrimitives"]
        ),
        ("notify", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("object_pool", ["AtomicSupport", "ObjectPools", "StressSupport"]),
        ("oneshot", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("pool_lease", ["AtomicSupport", "ObjectPools", "StressSupport"]),
        ("read_write_lock", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("parking_lot", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("relaxed_queue", ["AtomicSupport", "ConcurrentQueues", "StressSupport"]),
        ("rendezvous", ["AtomicSupport", "Channels", "StressSupport"]),
        ("selector", ["AtomicSupport", "Channels", "StressSupport", "WaitPrimitives"]),
        ("semaphore", ["AtomicSupport", "CLinuxShims", "StressSupport", "WaitPrimitives"]),
        (
            "shared_timer_wheel",
            ["AtomicSupport", "StressSupport", "TimerWheels", "WaitPrimitives"]
        ),
        ("spsc_queue", ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]),
        ("stealing_deque", ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]),
        ("stealing_ring", ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]),
        ("timer_wheel", ["AtomicSupport", "TimerWheels"]),
        ("token_bucket", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
        ("udp", ["AsyncRuntime", "AtomicSupport", "EventLoops", "Networking"]),
        (
            "unbounded_spsc_queue",
            ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]
        ),
        (
            "unbounded_queue",
            ["AtomicSupport", "CLinuxShims", "ConcurrentQueues", "StressSupport"]
        ),
        ("wait_group", ["AtomicSupport", "StressSupport", "WaitPrimitives"]),
    ].map { (name: String, rooms: [Target.Dependency]) in
        .executableTarget(
            name: "example_\(name)", dependencies: rooms, path: "Examples/example_\(name)")
    }
}

/// The showpieces' dependency, which exists only under their trait.
var argumentParser: [Target.Dependency] {
    [
        .product(
            name: "ArgumentParser", package: "swift-argument-parser",
            condition: .when(traits: ["Examples"]))
    ]
}

/// What the HTTP room shares with other servers, which exists only under its trait.
var httpPackages: [Target.Dependency] {
    [
        ("HTTPTypes", "swift-http-types"), ("Logging", "swift-log"),
        ("CoreMetrics", "swift-metrics"), ("ServiceLifecycle", "swift-service-lifecycle"),
    ].map { (product: String, package: String) in
        .product(name: product, package: package, condition: .when(traits: ["HTTP"]))
    }
}

/// The ecosystem's requests and responses.
var httpTypes: [Target.Dependency] {
    [
        .product(
            name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["HTTP"]))
    ]
}

/// The signals that end a group of services.
var unixSignals: [Target.Dependency] {
    [
        .product(
            name: "UnixSignals", package: "swift-service-lifecycle",
            condition: .when(traits: ["HTTP"]))
    ]
}

/// What tests compare with, which exists only under its trait.
func oracle(_ module: String) -> [Target.Dependency] {
    [
        .product(
            name: module, package: "swift-collections", condition: .when(traits: ["Oracles"]))
    ]
}

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

for target in package.targets {
    switch target.type {
    case .regular, .executable, .test:
        target.swiftSettings = (target.swiftSettings ?? []) + settings
        if target.type == .regular { target.exclude.append("README.md") }
    default:
        break
    }
}

// Swift 6.3 cannot build ModelChecking with -sanitize=thread: it makes invalid code of the
// subscripts of InlineArray. Nothing there runs on two threads of the system, so the tests under
// ThreadSanitizer do without ('./dev test --tsan').
if Context.environment["MILLRACE_TSAN"] != nil {
    let models: Set = ["CFiberContext", "ModelChecking", "ModelCheckingTests"]
    package.products.removeAll { models.contains($0.name) }
    package.targets.removeAll { models.contains($0.name) }
    for target in package.targets {
        target.dependencies.removeAll {
            guard case .targetItem(let name, _) = $0 else { return false }
            return models.contains(name)
        }
    }
}
