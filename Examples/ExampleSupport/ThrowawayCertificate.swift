// SPDX-License-Identifier: MIT

#if Examples && TLS
    internal import Glibc
    public import TLSEngines

    /// A certificate for "localhost" that nobody trusts, for a first try: made by the `openssl`
    /// command in a temporary folder, which is removed at once.
    public enum ThrowawayCertificate {
        /// Why there is none.
        public struct Failure: Error, CustomStringConvertible {
            /// The reason, for people.
            public let description: String
        }

        /// Makes one; takes some tens of milliseconds, in which the calling thread waits.
        public static func make() throws(Failure) -> TLSIdentity {
            var pattern = Array("/tmp/millrace-certificate-XXXXXX".utf8CString)
            // SAFETY: NUL-terminated, and writable for the call.
            guard unsafe mkdtemp(&pattern) != nil else {
                throw Failure(description: "no temporary folder: \(reason(errno))")
            }
            let folder = String(
                decoding: pattern.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let (chain, key) = ("\(folder)/chain.pem", "\(folder)/key.pem")
            defer {
                // SAFETY: the paths are NUL-terminated for the calls.
                for path in [chain, key] { _ = unsafe unlink(path) }
                _ = unsafe rmdir(folder)  // SAFETY: as above.
            }
            try run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "7", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-keyout", key, "-out", chain,
            ])
            do {
                return try TLSIdentity(chainFile: chain, keyFile: key)
            } catch {
                throw Failure(
                    description: "openssl made a certificate that cannot be used: \(error)")
            }
        }

        /// Runs a command whose output nobody wants.
        private static func run(_ words: [String]) throws(Failure) {
            // SAFETY: copies, freed below.
            let arguments = unsafe words.map { unsafe strdup($0) }
            // SAFETY: from `strdup`.
            defer { unsafe arguments.forEach { unsafe free($0) } }
            // SAFETY: initialized, used and destroyed here.
            var actions = unsafe posix_spawn_file_actions_t()
            // SAFETY: as above.
            unsafe posix_spawn_file_actions_init(&actions)
            defer { unsafe posix_spawn_file_actions_destroy(&actions) }  // SAFETY: as above.
            for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
                // SAFETY: as above.
                unsafe posix_spawn_file_actions_addopen(
                    &actions, descriptor, "/dev/null", O_RDWR, 0)
            }
            var child = pid_t()
            // SAFETY: the arguments live until the child has its own.
            let code = unsafe posix_spawnp(
                &child, words[0], &actions, nil, arguments + [nil], environ)
            guard code == 0 else {
                throw Failure(description: "the openssl command cannot be run: \(reason(code))")
            }
            var status: Int32 = 0
            // SAFETY: written in the call.
            while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}  // Ends with the child.
            guard status == 0 else { throw Failure(description: "the openssl command has failed") }
        }

        private static func reason(_ code: Int32) -> String {
            unsafe String(cString: strerror(code))  // SAFETY: copied at once.
        }
    }
#endif
