// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// A client of the primitives whose machine code `./dev seam` compares: built over Millrace as it is
// and over a copy without the seam.

let package = Package(
    name: "seam",
    dependencies: [.package(name: "millrace", path: "../..")],
    targets: [
        .target(
            name: "SeamClient",
            dependencies: [
                millrace("AtomicSupport"), millrace("Channels"), millrace("ConcurrentQueues"),
                millrace("DrainAllocators"), millrace("ObjectPools"), millrace("TimerWheels"),
                millrace("WaitPrimitives"),
            ])
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
