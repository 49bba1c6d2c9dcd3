// swift-tools-version: 6.3
// SPDX-License-Identifier: MIT

import PackageDescription

// A package outside Millrace with a lock of its own, which it checks with ModelChecking: what a
// user's would look like. `./dev outside` runs its tests.

let package = Package(
    name: "model-checked-lock",
    products: [.library(name: "TicketLocks", targets: ["TicketLocks"])],
    traits: [
        .trait(name: "Model", description: "Atomics of ModelChecking: for the tests of models")
    ],
    dependencies: [.package(name: "millrace", path: "../..")],
    targets: [
        .target(name: "TicketLocks", dependencies: [modelChecking]),
        .testTarget(name: "TicketLockTests", dependencies: ["TicketLocks", modelChecking]),
    ],
    swiftLanguageModes: [.v6]
)

/// Only under the trait: who takes the lock takes no checker.
var modelChecking: Target.Dependency {
    .product(name: "ModelChecking", package: "millrace", condition: .when(traits: ["Model"]))
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
