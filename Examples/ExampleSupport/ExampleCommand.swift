// SPDX-License-Identifier: MIT

#if Examples
    public import ArgumentParser
    internal import CLinuxShims
    internal import Glibc

    /// A command with arguments that keeps to the exit codes of `ExitStatus`.
    ///
    /// ```swift
    /// @main struct Count: ExampleCommand {
    ///     @Option(transform: DurationArgument.init(parsing:))
    ///     var timeout = DurationArgument(.seconds(5))
    ///     func perform() throws -> ExitStatus { … }
    /// }
    /// ```
    public protocol ExampleCommand: ParsableCommand {
        /// Does the work. An error that is thrown is written to standard error, as
        /// `NAME: ERROR`, and the command fails.
        func perform() throws -> ExitStatus
    }

    extension ExampleCommand {
        /// Parses the arguments, performs, and ends the process.
        public static func main() {
            millrace_signal_ignore_pipe()
            StandardStream.reserve()
            Glibc.exit(execute(Array(CommandLine.arguments.dropFirst())).rawValue)
        }

        /// Parses the arguments and performs; help and version go to standard output.
        public static func execute(_ arguments: [String]) -> ExitStatus {
            let command: Self
            do {
                var parsed = try parseAsRoot(arguments)
                if let own = parsed as? Self {
                    command = own
                } else {
                    try parsed.run()  // The command that throws the help text.
                    return .success
                }
            } catch {
                return explain(error)
            }
            do {
                return try command.perform()
            } catch {
                command.report("\(error)")
                return .failure
            }
        }

        private static func explain(_ error: any Error) -> ExitStatus {
            let message = fullMessage(for: error)
            if exitCode(for: error).isSuccess {
                return StandardStream.output.writeLine(message) ? .success : .failure
            }
            StandardStream.error.writeLine(message)
            return .wrongUsage
        }

        /// Writes a line with the command's name to standard error.
        public func report(_ message: String) {
            let name = Self.configuration.commandName ?? "\(Self.self)"
            StandardStream.error.writeLine("\(name): \(message)")
        }
    }

    extension DurationArgument: ExpressibleByArgument {
        /// Reads the written form; `init(parsing:)` as a transform explains what is wrong.
        public init?(argument: String) {
            guard let value = try? Self(parsing: argument) else { return nil }
            self = value
        }
    }

    extension OptionalDurationArgument: ExpressibleByArgument {
        /// Reads the written form; `init(parsing:)` as a transform explains what is wrong.
        public init?(argument: String) {
            guard let value = try? Self(parsing: argument) else { return nil }
            self = value
        }
    }

    extension EndpointArgument: ExpressibleByArgument {
        /// Reads the written form; `init(parsing:)` as a transform explains what is wrong.
        public init?(argument: String) {
            guard let value = try? Self(parsing: argument) else { return nil }
            self = value
        }
    }

    extension BackendArgument: ExpressibleByArgument {}
#endif
