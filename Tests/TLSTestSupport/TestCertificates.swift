// SPDX-License-Identifier: MIT

#if TLS

    internal import Glibc

    package import TLSEngines

    /// Certificates and keys for tests, made by the `openssl` command in a temporary folder.
    package struct TestCertificates: Sendable {
        package let folder: String

        package static let shared = TestCertificates()

        /// The path of a file in the folder.
        package func callAsFunction(_ name: String) -> String {
            if name.hasPrefix("rsa4096") { TestCertificates.large }
            return "\(folder)/\(name)"
        }

        /// A key that takes seconds to make, for the tests that ask for it.
        private static let large: Void = {
            let command = "issue rsa4096 ca 30 subjectAltName=DNS:localhost -newkey rsa:4096"
            shared.make(functions + command)
        }()

        package func identity(_ name: String) throws -> TLSIdentity {
            try TLSIdentity(chainFile: self("\(name).pem"), keyFile: self("\(name).key"))
        }

        package func anchors(_ name: String = "ca") throws -> TrustAnchors {
            try TrustAnchors(file: self("\(name).pem"))
        }

        /// The files of another process, which removes them.
        package init(folder: String) { self.folder = folder }

        private init() {
            var pattern = Array("/tmp/millrace-tls-XXXXXX".utf8CString)
            // SAFETY: NUL-terminated, and writable for the call.
            guard unsafe mkdtemp(&pattern) != nil else { fatalError("no temporary folder") }
            let bytes = pattern.dropLast().map { UInt8(bitPattern: $0) }
            folder = String(decoding: bytes, as: UTF8.self)
            make(TestCertificates.functions + TestCertificates.files)
            // SAFETY: written once.
            unsafe TestCertificates.folderToRemove.append(folder)
            atexit { TestCertificates.removeFolder() }
        }

        private func make(_ script: String) {
            let result = Command.run("/bin/sh", ["-euc", script, "sh", folder])
            guard result.status == 0 else {
                fatalError("openssl made no certificates: \(result.output)")
            }
        }

        // SAFETY: written once.
        nonisolated(unsafe) private static var folderToRemove: [String] = []

        private static func removeFolder() {
            // SAFETY: written once, before `atexit` was told.
            for folder in unsafe folderToRemove { _ = Command.run("/bin/rm", ["-rf", folder]) }
        }

        private static let functions = """
            cd "$1"
            p256="-newkey ec -pkeyopt ec_paramgen_curve:P-256"
            p384="-newkey ec -pkeyopt ec_paramgen_curve:P-384"
            p521="-newkey ec -pkeyopt ec_paramgen_curve:P-521"
            authority() {
                openssl req -x509 $p256 -nodes -keyout $1.key -out $1.pem -days 30 \
                    -subj "/CN=Test authority $1" -addext basicConstraints=critical,CA:TRUE
            }
            # issue NAME AUTHORITY DAYS EXTENSION KEY...
            issue() {
                name=$1; issuer=$2; days=$3; extension=$4; shift 4
                openssl req "$@" -nodes -keyout $name.key -out $name.csr -subj "/CN=$name"
                printf '%s\\n' "$extension" >$name.ext
                openssl x509 -req -in $name.csr -CA $issuer.pem -CAkey $issuer.key -CAcreateserial \
                    -days $days -extfile $name.ext -out $name.pem
            }

            """

        private static let files = """
            authority ca
            authority other
            issue ec ca 30 subjectAltName=DNS:localhost,DNS:a.test,DNS:*.wild.test $p256
            issue rsa ca 30 subjectAltName=DNS:localhost,DNS:a.test,DNS:*.wild.test -newkey rsa:2048
            issue b ca 30 subjectAltName=DNS:b.test $p384
            issue c ca 30 subjectAltName=DNS:c.test $p521
            issue expired ca -1 subjectAltName=DNS:localhost $p256
            issue client ca 30 extendedKeyUsage=clientAuth $p256
            issue client-rsa ca 30 extendedKeyUsage=clientAuth -newkey rsa:2048
            issue client-other other 30 extendedKeyUsage=clientAuth $p256
            issue client-expired ca -1 extendedKeyUsage=clientAuth $p256
            issue middle ca 30 basicConstraints=critical,CA:TRUE $p256
            issue end middle 30 subjectAltName=DNS:end.test $p256
            cp end.pem end-alone.pem
            cat middle.pem >>end.pem
            openssl req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.pem -subj /CN=w
            openssl req -x509 $p256 -nodes -keyout self.key -out self.pem -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE
            openssl ec -in ec.key -out ec-sec1.key
            openssl rsa -in rsa.key -traditional -out rsa-pkcs1.key
            openssl pkcs8 -topk8 -in ec.key -out ec-secret.key -passout pass:secret
            openssl ecparam -name secp256k1 -genkey -noout -out koblitz.key
            openssl genpkey -algorithm ed25519 -out ed25519.key
            : >empty.pem
            printf -- '-----BEGIN CERTIFICATE-----\\nMIIB\\n' >torn.pem
            for kind in CERTIFICATE "PRIVATE KEY"; do
                text='-----BEGIN %s-----\\nAAAA\\n-----END %s-----\\n'
                printf -- "$text" "$kind" "$kind" >broken.txt
                case $kind in C*) mv broken.txt broken.pem ;; *) mv broken.txt broken.key ;; esac
            done
            cat ec.key rsa.key >two.key
            cat ec.pem ec.key >both.pem
            """
    }

    /// Runs a program to its end.
    package enum Command {
        package static func run(
            _ path: String, _ arguments: [String]
        ) -> (status: Int32, output: String) {
            let child = ChildProcess(path, arguments, input: nil)
            let output = child.readAll()
            return (child.wait(), output)
        }
    }

#endif
