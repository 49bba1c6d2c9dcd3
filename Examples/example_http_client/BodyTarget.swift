// SPDX-License-Identifier: MIT

#if Examples
    internal import ExampleSupport
    internal import Glibc

    /// Where an answer's body goes: standard output, or a file that gets its name only when the
    /// body is whole, so that half a download never looks like one.
    ///
    /// Writing holds the loop up while the disk or the reader of a pipe does.
    struct BodyTarget: ~Copyable {
        private let file: OutputFile
        private let path: String
        /// The name until then; nil if the bytes go there directly.
        private let temporary: String?

        /// Opens it; nil is standard output. What exists and is no plain file (`/dev/null`, a
        /// pipe) is written to directly.
        init(_ path: String?) throws(OutputFile.Failure) {
            self.path = path ?? "-"
            var info = stat()
            // SAFETY: NUL-terminated for the call; the callee fills the structure in.
            let exists = unsafe stat(self.path, &info) == 0
            if path == nil || exists && info.st_mode & S_IFMT != S_IFREG {
                temporary = nil
                file = try OutputFile(self.path)
            } else {
                let name = "\(self.path).part-\(getpid())"
                temporary = name
                file = try OutputFile(name)
            }
        }

        /// Appends bytes. What has no other name is written at once: somebody may look on.
        func write(_ bytes: [UInt8]) throws(OutputFile.Failure) {
            try file.write(bytes)
            if temporary == nil { try file.flush() }
        }

        /// The body is whole: the file gets its name.
        consuming func commit() throws {
            try file.close()
            guard let temporary else { return }
            // SAFETY: both are NUL-terminated for the call.
            guard unsafe rename(temporary, path) == 0 else {
                let reason = unsafe String(cString: strerror(errno))  // SAFETY: copied at once.
                throw ArgumentError("cannot write \(path): \(reason)")
            }
        }

        /// It is not, and never will be.
        consuming func discard() {
            try? file.close()
            // SAFETY: NUL-terminated for the call.
            if let temporary { unsafe unlink(temporary) }
        }
    }
#endif
