// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// The models of Millrace's primitives: a package of its own, because the trait `Model` puts other
// atomics below every room. `./dev model` runs its tests, and those of the checker, optimised.

let package = Package(
    name: "primitive-models",
    dependencies: [.package(name: "millrace", path: "../..", traits: ["Model"])],
    targets: [
        .testTarget(name: "ModelCheckingTests", dependencies: [millrace("ModelChecking")]),
        .testTarget(
            name: "PrimitiveModelTests",
            dependencies: [
                millrace("AtomicSupport"), millrace("Channels"), millrace("ConcurrentQueues"),
                millrace("DrainAllocators"), millrace("EventLoops"),
                millrace("MemoryReclamation"), millrace("ModelChecking"), millrace("ObjectPools"),
                millrace("TimerWheels"), millrace("WaitPrimitives"),
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
