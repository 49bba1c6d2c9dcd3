// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// A package outside Millrace that brings a backend of its own: what a user's would look like.
// `./dev outside` runs its tests.

let package = Package(
    name: "outside-backend",
    dependencies: [.package(name: "millrace", path: "../..")],
    targets: [
        .target(
            name: "PollBackends",
            dependencies: [millrace("AtomicSupport"), millrace("EventLoops")]),
        .testTarget(
            name: "PollBackendTests",
            dependencies: [
                "PollBackends", millrace("AsyncRuntime"), millrace("BackendConformance"),
                millrace("EventLoops"), millrace("Networking"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)

func millrace(_ product: String) -> Target.Dependency {
    .product(name: product, package: "millrace")
}

for target in package.targets {
    target.swiftSettings = [
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
