// SPDX-License-Identifier: MIT

internal import Glibc

/// What a larger example is when the package was built without the `Examples` trait.
public enum WithoutTrait {
    /// Says how to build the command, and ends the process as after wrong usage.
    public static func explain(_ name: String) -> Never {
        StandardStream.error.writeLine(
            "\(name): built without the Examples trait; build it with"
                + " 'swift build --traits Examples' or './dev build'")
        exit(ExitStatus.wrongUsage.rawValue)
    }
}
