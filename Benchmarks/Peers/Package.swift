// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT

import PackageDescription

// Peers in Swift that Millrace is measured against: a package of its own, which only
// `./dev bench --peers` resolves and builds.

let package = Package(
    name: "millrace-benchmark-peers",
    dependencies: [
        // The trial of tasks, with the loop that they run on.
        .package(name: "millrace-benchmarks", path: ".."),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    ],
    targets: [
        .target(
            name: "PeerSupport",
            dependencies: [.product(name: "Atomics", package: "swift-atomics")]),
        .executableTarget(
            name: "http_nio",
            dependencies: [
                "PeerSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "tasks_peers",
            dependencies: [
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "TaskTrials", package: "millrace-benchmarks"),
            ]),
        .executableTarget(
            name: "http_hummingbird",
            dependencies: [
                "PeerSupport",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
