// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// A package with the trait `CallSites`, under which pools and allocators name what is still out.
// `./dev outside` runs its tests.

let package = Package(
    name: "call-sites",
    dependencies: [.package(name: "millrace", path: "../..", traits: ["CallSites"])],
    targets: [
        .testTarget(
            name: "CallSiteTests",
            dependencies: [
                millrace("AtomicSupport"), millrace("DrainAllocators"), millrace("ObjectPools"),
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
