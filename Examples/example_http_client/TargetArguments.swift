// SPDX-License-Identifier: MIT

#if Examples
    internal import ArgumentParser
    internal import HTTPClients

    /// Where the answers go.
    struct TargetArguments: ParsableArguments, Sendable {
        @Option(
            name: .shortAndLong,
            help: ArgumentHelp("Write the body there; - is standard output.", valueName: "file"))
        var output: String?

        @Option(
            help: ArgumentHelp(
                "Write each body into this folder, by the last part of its URL's path; "
                    + "index.html if there is none.",
                valueName: "folder"))
        var outputDir: String?

        @Flag(name: .shortAndLong, help: "Write the head before the body.")
        var include = false

        @Flag(help: "Write no body of an answer of 400 and more, and end with status 22.")
        var fail = false

        func validate() throws {
            if output != nil && outputDir != nil {
                throw ValidationError("--output and --output-dir exclude each other.")
            }
        }

        /// The file for a URL; nil for standard output.
        func path(for url: RequestURL) -> String? {
            if let outputDir { return "\(outputDir)/\(Self.name(of: url))" }
            return output == "-" ? nil : output
        }

        /// The last part of a URL's path, percent-encoded as it is: no slash, and no name that
        /// means a folder or that shells hide.
        static func name(of url: RequestURL) -> String {
            let path = url.target.prefix { $0 != "?" }
            let name = path.suffix(from: path.lastIndex(of: "/") ?? path.startIndex).dropFirst()
            return name.isEmpty || name.hasPrefix(".") ? "index.html" : String(name.prefix(200))
        }
    }
#endif
