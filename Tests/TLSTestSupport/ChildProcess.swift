// SPDX-License-Identifier: MIT

#if TLS

    internal import CTestSupport
    internal import Glibc

    /// A program that runs beside the test: what it prints comes through a pipe.
    package final class ChildProcess {
        package private(set) var id: Int32 = 0
        private var output: Int32
        private var input: Int32 = -1
        private var hasEnded = false

        /// Starts it. With input nil it reads nothing; otherwise the string, and then waits.
        package init(_ path: String, _ arguments: [String], input text: String?) {
            let fromChild = ChildProcess.pipe()
            let toChild = ChildProcess.pipe()
            output = fromChild.read
            // SAFETY: made, used and freed here.
            var actions = unsafe posix_spawn_file_actions_t()
            // SAFETY: the actions are made, used and destroyed here; strings live for the call.
            unsafe posix_spawn_file_actions_init(&actions)
            unsafe posix_spawn_file_actions_adddup2(&actions, toChild.read, 0)
            unsafe posix_spawn_file_actions_adddup2(&actions, fromChild.write, 1)
            // SAFETY: made, used and freed here.
            unsafe posix_spawn_file_actions_adddup2(&actions, fromChild.write, 2)
            var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
            let result = unsafe posix_spawn(&id, path, &actions, nil, &words, environ)
            // SAFETY: made, used and freed here.
            for index in unsafe words.indices { unsafe free(words[index]) }
            unsafe posix_spawn_file_actions_destroy(&actions)
            close(fromChild.write)
            close(toChild.read)
            guard result == 0 else { fatalError("\(path) did not start: errno \(result)") }
            if let text {
                input = toChild.write
                send(text)
            } else {
                close(toChild.write)
            }
        }

        deinit {
            if !hasEnded {
                kill(id, SIGKILL)
                _ = wait()
            }
            close(output)
            closeInput()
        }

        private static func pipe() -> (read: Int32, write: Int32) {
            var ends: InlineArray<2, Int32> = [0, 0]
            var span = ends.mutableSpan
            // SAFETY: room for two numbers.
            let result = unsafe span.withUnsafeMutableBufferPointer {
                unsafe test_pipe_blocking($0.baseAddress)
            }
            precondition(result == 0, "no pipe")
            return (ends[0], ends[1])
        }

        package func send(_ text: String) {
            var bytes = Array(text.utf8)
            _ = unsafe write(input, &bytes, bytes.count)  // SAFETY: as many as there are.
        }

        package func closeInput() {
            if input >= 0 { close(input) }
            input = -1
        }

        /// The next bytes that it prints; empty at the end.
        package func readSome() -> String {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe Glibc.read(output, &bytes, bytes.count)  // SAFETY: within.
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
        }

        /// Reads until it has printed the word, or has ended.
        package func read(until word: String) -> String {
            var text = ""
            while !text.contains(word) {
                let part = readSome()
                if part.isEmpty { break }
                text += part
            }
            return text
        }

        package func readAll() -> String {
            var text = ""
            while true {
                let part = readSome()
                if part.isEmpty { return text }
                text += part
            }
        }

        /// Waits for its end: its exit status, or 128 and its signal.
        package func wait() -> Int32 {
            var status: Int32 = 0
            // SAFETY: made, used and freed here.
            unsafe waitpid(id, &status, 0)
            hasEnded = true
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : 128 + signal
        }
    }

#endif
